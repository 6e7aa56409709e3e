#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "serried/base/api.hpp"
#include "serried/ml/cluster_scores.hpp"
#include "serried/ml/kmeans.hpp"

namespace SERRIED_API serried {

/// The numbers of clusters lowest, lowest + step, ..., up to highest.
struct KMeansRangeOptions {
  std::int64_t lowest = 2;
  std::int64_t highest = 10;
  std::int64_t step = 1;
  /// Of each fit, but for `clusters`. Centres cannot be given.
  KMeansOptions fit = {};
  ClusterScoresOptions scores = {};
};

struct KMeansRange {
  /// The best of n_init fits for one number of clusters. There are no scores where a cluster is
  /// empty.
  struct Entry {
    KMeansModel model;
    ClusterScores scores;
  };
  std::vector<Entry> fits;  ///< with ascending clusters
  /// Which fit has the highest silhouette (ties: the fewest clusters); none if none has one.
  std::optional<std::size_t> best;
  /// Labels of the best fit, or of the first if none is best; see KMeansFit::labels.
  Array labels;

  [[nodiscard]] const Entry& chosen() const { return fits[best.value_or(0)]; }
};

/// As for one number of clusters. Local.
/// @throws InvalidArgument.
void check_kmeans_checkpoint(const KMeansRangeOptions& options, const TileSource& data,
                             bool has_weights);

/// Fits each number of clusters n_init times, as fit_kmeans does alone, bit for bit, and scores
/// what comes out, so that a number can be chosen. All fits share reads of the data, and all
/// silhouettes one sample of the rows. Weights count in the fits and their inertia; the scores
/// count every row once, as scikit-learn's do. Collective.
/// @param weights one for each row (same number of rows), or null.
/// @throws InvalidArgument for wrong options; DataError as fit_kmeans.
[[nodiscard]] KMeansRange fit_kmeans_range(const Context& ctx, const TileSource& data,
                                           const KMeansRangeOptions& options,
                                           const TileSource* weights = nullptr);

}  // namespace serried
