#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

#include "ml/kmeans/fit.hpp"
#include "ml/kmeans/fit_report.hpp"
#include "ml/kmeans/labels.hpp"
#include "ml/kmeans/wide_columns.hpp"
#include "ml/kmeans/wide_lloyd.hpp"
#include "ml/kmeans/wide_memory.hpp"
#include "ml/kmeans/wide_seeding.hpp"
#include "serried/ml/kmeans_wide.hpp"

namespace serried {
namespace kmeans {
namespace {

/// Columns of the centres that the model keeps, for people to look at.
constexpr std::int64_t head_columns = 16;

void check_wide_options(const KMeansOptions& options, const Dataset& data,
                        const Dataset* initial_centers) {
  KMeansOptions checked = options;
  if (initial_centers != nullptr) {
    if (initial_centers->rows() != options.clusters ||
        initial_centers->row_elements() != data.row_elements())
      throw InvalidArgument(
          "k-means: the initial centres must be " + std::to_string(options.clusters) + " x " +
          std::to_string(data.row_elements()) + " numbers; " + initial_centers->describe() +
          " has " + std::to_string(initial_centers->rows()) + " x " +
          std::to_string(initial_centers->row_elements()));
    checked.init = KMeansInit::random;
  }
  check_options(checked, data);
  if (options.checkpoint != nullptr)
    throw InvalidArgument(
        "a fit of rows that do not fit into memory has no checkpoints; give it more memory, or "
        "leave the checkpoint out");
  if (options.batch_rows > 0 || !is_wide_enough(data.row_elements(), options.init))
    throw InvalidArgument(data.describe() +
                          ": mini-batches, and rows of few features, are not clustered by pieces "
                          "of their columns");
}

/// As are_clusters_single_points, of what the last pass has measured. Collective.
bool are_clusters_single_points(const Rows& rows, const WideResult& result) {
  const std::size_t clusters = result.sizes.size();
  std::vector<std::int64_t> found(2 * clusters, std::numeric_limits<std::int64_t>::min());
  for (std::size_t i = 0; i < result.labels.size(); ++i) {
    if (result.labels[i] < 0 || !(rows.weight(static_cast<std::int64_t>(i)) > 0)) continue;
    const auto at = static_cast<std::size_t>(result.labels[i]);
    const auto bits = std::bit_cast<std::int64_t>(result.squared[i]);
    found[at] = std::max(found[at], bits);
    found[clusters + at] = std::max(found[clusters + at], -bits);
  }
  rows.context().comm().allreduce(std::span<std::int64_t>(found), ReduceOp::max);
  for (std::size_t j = 0; j < clusters; ++j)
    if (found[j] >= 0 && found[j] != -found[clusters + j]) return false;
  return true;
}

void report_wide_fit(const WidePieces& pieces, std::int64_t width, const Columns& columns,
                     const WorstColumns& worst, const WideResult& result) {
  const Rows& rows = pieces.rows();
  Recorder& recorder = rows.context().recorder();
  const std::int64_t count = (rows.features() + width - 1) / width;
  recorder.set_fact(
      "rows in memory",
      fmt::format("none whole of {}: {} pieces of {} columns, which are read again in "
                  "each pass",
                  rows.source().describe(), count, width));
  recorder.set_fact("k-means reads of the data",
                    fmt::format("{} (missing rows, means and variances, seeding, iterations, "
                                "centres)",
                                pieces.passes()));
  const double mean_weight = result.weight / static_cast<double>(columns.usable_rows);
  const double of_unit = worst.unit / 2 / mean_weight;
  const double of_rounding = 0x1.0p-53 * worst.deviation;
  const double error = std::max(of_unit, of_rounding);
  const double typical =
      std::sqrt(result.inertia / result.weight / static_cast<double>(rows.features()));
  if (error > 0x1.0p-26 * typical && typical > 0 && !are_clusters_single_points(rows, result))
    warn_of_outliers(recorder, of_unit >= of_rounding ? worst.unit_column : worst.deviation_column,
                     error, typical);
}

class WideFit {
 public:
  WideFit(const Context& ctx, const Dataset& data, const KMeansOptions& options,
          const Dataset* initial_centers, const TileSource* weights)
      : options_(options),
        initial_centers_(initial_centers),
        rows_(with_weights(ctx, data, weights)),
        width_(width_of_pieces(ctx, data, memory_of_wide_fit(data, options, weights != nullptr))),
        pieces_(rows_, data, width_),
        columns_(scan_wide_columns(pieces_, options.drop_missing, worst_)) {
    check_rows(rows_, columns_, options.clusters);
  }

  KMeansFit run(const TakeKMeansCenters& take_centers) {
    const int fits = initial_centers_ != nullptr ? 1 : options_.n_init;
    FitProgress progress(rows_.context().recorder(), std::int64_t{fits} * options_.max_iterations);
    WideResult best;
    for (int run = 0; run < fits; ++run) {
      WideResult result = run_wide_lloyd(pieces_, columns_, choose(run),
                                         initial_centers_ != nullptr, options_, progress);
      if (run == 0 || result.inertia < best.inertia) best = std::move(result);
    }
    KMeansModel model = model_of(rows_, columns_, best, hand_out(*best.centers, take_centers));
    report_wide_fit(pieces_, width_, columns_, worst_, best);
    return {std::move(model), labels_array(rows_, std::move(best.labels))};
  }

 private:
  static Rows with_weights(const Context& ctx, const Dataset& data, const TileSource* weights) {
    Rows rows(ctx, data);
    if (weights != nullptr) read_weights(rows, *weights);
    return rows;
  }

  std::shared_ptr<const WideCenters> choose(int run) {
    const auto phase = rows_.context().recorder().phase("init");
    if (initial_centers_ != nullptr) return std::make_shared<FileCenters>(*initial_centers_);
    return choose_wide_centers(pieces_, columns_, options_, run);
  }

  /// Gives the centres away, piece by piece, and returns their first columns.
  std::vector<double> hand_out(const WideCenters& centers, const TakeKMeansCenters& take_centers) {
    const std::int64_t head = std::min(head_columns, rows_.features());
    std::vector<double> first;
    const auto use = [&](const Piece& piece) {
      PieceFrame frame(pieces_, columns_, piece);
      const std::vector<double> values = centers.of_piece(piece, frame);
      for (std::int64_t j = 0; piece.columns.begin == 0 && j < centers.clusters(); ++j) {
        const auto begin = values.begin() + j * piece.width();
        first.insert(first.end(), begin, begin + head);
      }
      if (take_centers) take_centers(piece.columns, values);
    };
    if (take_centers)
      pieces_.pass("centres", use);
    else
      pieces_.read_head(head, use);
    return first;
  }

  static KMeansModel model_of(const Rows& rows, const Columns& columns, const WideResult& result,
                              std::vector<double> head) {
    LloydResult plain;
    plain.centers = std::move(head);
    plain.sizes = result.sizes;
    plain.inertia = result.inertia;
    plain.iterations = result.iterations;
    plain.is_converged = result.is_converged;
    return kmeans::model_of(rows, columns, plain);
  }

  const KMeansOptions& options_;
  const Dataset* initial_centers_;
  Rows rows_;
  std::int64_t width_;
  WidePieces pieces_;
  WorstColumns worst_;
  Columns columns_;
};

}  // namespace
}  // namespace kmeans

std::optional<std::int64_t> least_memory_of_wide_fit(const Dataset& data,
                                                     const KMeansOptions& options,
                                                     bool has_weights) {
  if (options.batch_rows > 0 || !kmeans::is_wide_enough(data.row_elements(), options.init))
    return std::nullopt;
  return kmeans::least_memory(data, kmeans::memory_of_wide_fit(data, options, has_weights));
}

KMeansFit fit_kmeans_wide(const Context& ctx, const Dataset& data, const KMeansOptions& options,
                          const Dataset* initial_centers, const TileSource* weights,
                          const TakeKMeansCenters& take_centers) {
  kmeans::check_wide_options(options, data, initial_centers);
  const auto phase = ctx.recorder().phase("fit");
  if (ctx.has_device())
    ctx.recorder().set_fact("k-means ran on", "the host: rows that are read by pieces");
  return kmeans::WideFit(ctx.on_host(), data, options, initial_centers, weights).run(take_centers);
}

}  // namespace serried
