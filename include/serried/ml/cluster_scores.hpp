#pragma once

#include <cstdint>
#include <optional>

#include "serried/base/api.hpp"
#include "serried/comm/tile_source.hpp"
#include "serried/context.hpp"

namespace SERRIED_API serried {

struct ClusterScoresOptions {
  /// Rows on which the silhouette is computed, drawn by row number without replacement; all of them
  /// where there are no more. Time and distances grow with its square.
  std::int64_t silhouette_sample = 10000;
  /// Of the random numbers.
  std::uint64_t seed = 0;
};

/// How well labels separate rows, by Euclidean distances, as scikit-learn's silhouette_score,
/// davies_bouldin_score and calinski_harabasz_score define it. A score has no value unless there
/// are at least 2 clusters, and fewer than rows. Units of the data change none of them.
struct ClusterScores {
  /// Mean over the rows of the sample of (b - a) / max(a, b), where a is the mean distance to the
  /// other rows of the own cluster and b the least mean distance to those of another; 0 for a row
  /// alone in its cluster. In [-1, 1], high where clusters are compact and apart. (P. J. Rousseeuw,
  /// "Silhouettes", 1987.) Other rows and clusters than those in the sample do not count.
  std::optional<double> silhouette;
  /// Mean over the clusters of the largest (s_i + s_j) / d_ij: s the mean distance of a cluster's
  /// rows to their mean, d the distance of two means. At least 0, low where clusters are compact
  /// and apart. (D. L. Davies, D. W. Bouldin, "A cluster separation measure", 1979.)
  std::optional<double> davies_bouldin;
  /// The sums of squares between and within clusters, each by its degrees of freedom, as a
  /// quotient; 1 where all rows are their clusters' means. (T. Calinski, J. Harabasz, "A dendrite
  /// method for cluster analysis", 1974.)
  std::optional<double> calinski_harabasz;
  std::int64_t silhouette_rows = 0;  ///< of the sample
};

/// Scores of labels, whoever made them. Every row counts once.
/// Collective. Four reads of the data and one of the sample's rows, which go to every rank.
/// @param labels one integer for each row (same number of rows): its cluster. Negative: the row is
/// left out. Numbers that no row has are no clusters.
/// @throws InvalidArgument if labels are no integers, or not one for each row; DataError for NaN or
/// Inf in a row that is not left out, for labels above 2^31 - 1, and where squared distances leave
/// the range of f64.
[[nodiscard]] ClusterScores score_clusters(const Context& ctx, const TileSource& data,
                                           const TileSource& labels,
                                           const ClusterScoresOptions& options = {});

/// The silhouette alone, on the sample that score_clusters draws: one read of the labels, and one
/// of the sample's rows, which go to every rank. Collective.
/// @throws InvalidArgument and DataError as score_clusters, but for NaN or Inf: a sample that holds
/// such a row has no silhouette.
[[nodiscard]] std::optional<double> mean_silhouette(const Context& ctx, const TileSource& data,
                                                    const TileSource& labels,
                                                    const ClusterScoresOptions& options = {});

}  // namespace serried
