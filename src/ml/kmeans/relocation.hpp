#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "ml/kmeans/fixed_point.hpp"
#include "ml/kmeans/shared_reads.hpp"

namespace serried::kmeans {

/// Gives each empty cluster the row that lies farthest from its own centre, as scikit-learn does:
/// the farthest row goes to the first empty cluster and so on (ties to the lowest row), and is
/// taken from the sums of its old cluster. Rows of weight 0, and rows that coincide with their
/// centre, stay: a row coincides where no element is farther from its centre's than `roundings`.
/// Collective.
/// @param labels by local row, on the device.
/// @param prepared, centers those that `labels` were assigned with.
/// @param sums the sums to average, the same on all ranks.
/// @return whether any row was moved.
Task<bool> relocate_empty_clusters(SharedReads& reads, const KMeansCenters& prepared,
                                   std::span<const double> centers,
                                   std::span<const double> roundings, const std::int32_t* labels,
                                   std::span<const std::int64_t> empty, const FixedPoint& fixed,
                                   ClusterSums& sums);

}  // namespace serried::kmeans
