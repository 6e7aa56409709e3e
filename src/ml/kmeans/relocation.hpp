#pragma once

#include <cmath>
#include <cstdint>
#include <span>
#include <vector>

#include "ml/kmeans/fixed_point.hpp"
#include "ml/kmeans/shared_reads.hpp"

namespace serried::kmeans {

/// A row that lies far from its centre.
struct FarRow {
  double squared = 0;
  std::int64_t row = 0;
  double weight = 0;
  std::int32_t label = 0;
  std::int32_t reserved = 0;  ///< so that no padding is sent
};
/// Keeps the `count` farthest, ties to the lowest row. Local.
void keep_farthest(std::vector<FarRow>& candidates, std::size_t count);
/// The `count` farthest of all ranks' rows, the farthest first, on every rank. Collective.
[[nodiscard]] std::vector<FarRow> farthest_of_all(const Communicator& comm, std::vector<FarRow> own,
                                                  std::size_t count);

/// How far an element of the mean of equal rows may lie from theirs: half a last digit of the
/// centre, six roundings in relation to x - shift (the difference, its product with the weight, two
/// sums and their quotient, and one to spare), and what the fixed point's units take from the sums.
/// Local.
/// @param rows_by_weight of the cluster. @param of_weight what the weights' fixed point takes.
[[nodiscard]] inline double rounding_of_mean(double center, double shift, double rows_by_weight,
                                             double of_weight, double unit) noexcept {
  constexpr double u = 0x1.0p-53;
  return u * std::abs(center) + (6 * u + of_weight) * std::abs(center - shift) +
         rows_by_weight * unit;
}
/// A little more than the square, for the rounding of a sum of them. Local.
[[nodiscard]] inline double square_of_rounding(double rounding) noexcept {
  return 1.01 * rounding * rounding;
}

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
