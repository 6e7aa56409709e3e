#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "serried/array/array.hpp"
#include "serried/base/api.hpp"
#include "serried/comm/row_sink.hpp"
#include "serried/comm/tile_source.hpp"
#include "serried/context.hpp"
#include "serried/io/checkpoint_hook.hpp"

namespace SERRIED_API serried {

enum class KMeansInit : std::uint8_t { kmeans_parallel, kmeans_plus_plus, random, given };

/// Whether bounds on distances save comparisons of rows whose label cannot have changed. They
/// change neither labels nor any other bit.
enum class KMeansBoundsUse : std::uint8_t { automatic, off };

struct KMeansOptions {
  std::int64_t clusters = 8;
  KMeansInit init = KMeansInit::kmeans_parallel;
  /// (clusters, features) for KMeansInit::given, C order.
  std::vector<double> initial_centers = {};
  /// Rounds of k-means|| (2 by default, 3 from 32 clusters on), and the expected candidates of all
  /// rounds together, as a multiple of `clusters`.
  std::optional<int> init_rounds = {};
  double init_candidates = 4;
  /// Fits from different seeds; the one of least inertia is kept (ties: the first).
  int n_init = 1;
  /// How many of them run side by side and share their reads of the data; 0: all. Each takes up to
  /// 12 bytes a row while it runs. The result does not depend on it.
  int fits_at_once = 0;
  int max_iterations = 300;
  /// Above 0: mini-batch k-means with batches of about so many rows, for data that is to be read
  /// few times (see docs/command.md). Iterations of the model are then batches, max_iterations
  /// limits the epochs, and tolerance has no part in it.
  std::int64_t batch_rows = 0;
  /// Stop when the sum of squared movements of the centres is <= tolerance * mean variance of the
  /// columns, as scikit-learn defines it; 0: only when labels stand still.
  double tolerance = 1e-4;
  std::uint64_t seed = 0;
  /// Where they pay: 8 bytes a row.
  KMeansBoundsUse bounds = KMeansBoundsUse::automatic;
  /// Leave out rows with NaN or Inf (in data or weights) instead of throwing; they get the label
  /// -1.
  bool drop_missing = false;
  /// Asked in each iteration whether the state is to be saved and whether to stop, and what to go
  /// on from; must outlive the fit. A fit that goes on, on any number of ranks, has the bits of one
  /// that never stopped. Null: no checkpoints.
  CheckpointHook* checkpoint = nullptr;
};

/// A fitted model: a plain value, the same on every rank.
struct KMeansModel {
  std::int64_t clusters = 0;
  std::int64_t features = 0;
  DType dtype = DType::f64;         ///< of the data it was fitted to: f32 or f64
  std::vector<double> centers;      ///< (clusters, features), C order
  std::vector<std::int64_t> sizes;  ///< rows of each cluster
  double inertia = 0;               ///< (weighted) sum of SQUARED distances to the own centre
  std::int64_t iterations = 0;
  bool converged = false;  ///< by tolerance, or labels stood still; batches: no more improvement
  /// Of Lloyd's iteration: the inertia after each of the last iterations, with the labels that it
  /// assigned and their means; up to rounding of the data's total sum of squares. Fewer than
  /// `iterations` where a checkpoint was gone on from; none with batches, for rows and centres that
  /// are wider than memory, and in a model that was loaded.
  std::vector<double> inertia_by_iteration = {};
  std::int64_t rows = 0;
  std::int64_t rows_used = 0;               ///< without the dropped ones
  std::vector<std::int64_t> feature_shape;  ///< extents of the feature axes, {features} by default
};

struct KMeansFit {
  KMeansModel model;
  /// i32, one label for each row in the source's layout; -1 for dropped rows.
  Array labels;
};

/// Lloyd's k-means, or that of mini-batches. Rows are samples, the elements of a row are features.
/// f32 data is compared in f32 and decided in f64 where that could be wrong; other dtypes are
/// converted to f64. Collective.
/// @param weights one for each row (same number of rows), or null.
/// @throws InvalidArgument for wrong options; DataError for NaN or Inf (how many, and where the
/// first is), more clusters than rows, weights that are negative, not finite or all 0. Stopped
/// where options.checkpoint asks for it; InvalidArgument if its former checkpoint belongs to other
/// options, data or devices, DataError if it makes no sense.
[[nodiscard]] KMeansFit fit_kmeans(const Context& ctx, const TileSource& data,
                                   const KMeansOptions& options,
                                   const TileSource* weights = nullptr);

/// Finds out before anything is read whether options.checkpoint has a former checkpoint that
/// belongs to a fit with these options, as far as that can be known then. Local.
/// @throws InvalidArgument.
void check_kmeans_checkpoint(const KMeansOptions& options, const TileSource& data,
                             bool has_weights);

struct KMeansPredictionSummary {
  std::vector<std::int64_t> sizes;  ///< rows by cluster
  double inertia = 0;
  std::int64_t rows = 0;
  std::int64_t rows_used = 0;
};

struct KMeansPrediction : KMeansPredictionSummary {
  Array labels;  ///< i32; -1 for dropped rows
};

/// The nearest centre of each row.
/// Collective.
/// @throws InvalidArgument if the number of features differs from the model's; DataError for NaN or
/// Inf unless dropped, and where squared distances leave the range of f64.
[[nodiscard]] KMeansPrediction predict_kmeans(const Context& ctx, const KMeansModel& model,
                                              const TileSource& data, bool drop_missing = false);

/// As predict_kmeans, but the labels are never in memory together: each rank appends its rows' i32
/// labels to the sink batch by batch. Ranks have runs of rows in the order of the ranks, as a
/// RowsWriter wants them; the runs are cut at leaves, not where the source's layout cuts.
/// Collective.
/// @param labels null: they are not kept. Where an error is thrown it has got labels all the same.
/// @throws what predict_kmeans and the sink throw.
[[nodiscard]] KMeansPredictionSummary predict_kmeans_into(const Context& ctx,
                                                          const KMeansModel& model,
                                                          const TileSource& data, RowSink* labels,
                                                          bool drop_missing = false);

/// Distances (not squared) of each row to each centre: (rows, clusters), in the model's dtype.
/// Collective.
[[nodiscard]] Array transform_kmeans(const Context& ctx, const KMeansModel& model,
                                     const TileSource& data);

}  // namespace serried
