#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "ml/kmeans/columns.hpp"
#include "ml/kmeans/shared_reads.hpp"

namespace serried::cluster_scores {

/// The scores that need no distances between rows.
struct SpreadScores {
  std::optional<double> davies_bouldin;
  std::optional<double> calinski_harabasz;
};

/// Whether scores are defined: at least 2 clusters, fewer than rows, and none of them empty.
/// Local.
[[nodiscard]] bool has_scores(std::span<const std::int64_t> sizes);

/// Davies-Bouldin and Calinski-Harabasz of labels, where they are defined. Two passes over the rows
/// if so; the rows' weights do not count.
/// Collective.
/// @param labels by local row, -1 for rows that are left out; those must not hold NaN or Inf.
/// @param sizes rows of each cluster.
/// @throws DataError on all ranks if a sum of squares is not finite.
kmeans::Task<SpreadScores> score_spread(kmeans::SharedReads& reads, const kmeans::Columns& columns,
                                        std::span<const std::int32_t> labels,
                                        std::span<const std::int64_t> sizes);

}  // namespace serried::cluster_scores
