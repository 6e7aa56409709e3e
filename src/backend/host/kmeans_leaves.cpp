// Sums over leaves of what is known by row.
#include <cmath>

#include "backend/host/kmeans_functions.hpp"
#include "base/compensated_sum.hpp"

namespace serried::host {
void add_leaf_inertia(std::span<const double> squared, const double* weights,
                      std::span<const std::int64_t> offsets, double* sums) {
  for (std::size_t leaf = 0; leaf + 1 < offsets.size(); ++leaf) {
    CompensatedSum sum;
    for (std::int64_t i = offsets[leaf]; i < offsets[leaf + 1]; ++i) {
      const double weight = weights == nullptr ? 1. : weights[i];
      if (!std::isnan(weight)) sum.add(weight * squared[static_cast<std::size_t>(i)]);
    }
    sums[2 * leaf] = sum.sum();
    sums[2 * leaf + 1] = sum.error();
  }
}

double weighted_sum(const float* values, const double* weights, std::int64_t begin,
                    std::int64_t end) {
  // Four lanes, so that additions need not wait for each other.
  double sums[4] = {0, 0, 0, 0};
  std::int64_t i = begin;
  if (weights == nullptr) {
    for (; i + 4 <= end; i += 4)
      for (std::int64_t lane = 0; lane < 4; ++lane)
        sums[lane] += static_cast<double>(values[i + lane]);
    for (; i < end; ++i) sums[(i - begin) % 4] += static_cast<double>(values[i]);
  } else {
    // Missing weights are NaN, and the values of those rows 0.
    for (; i < end; ++i)
      if (values[i] > 0) sums[(i - begin) % 4] += weights[i] * static_cast<double>(values[i]);
  }
  return (sums[0] + sums[1]) + (sums[2] + sums[3]);
}

}  // namespace serried::host
