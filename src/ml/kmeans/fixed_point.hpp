#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "ml/kmeans/columns.hpp"
#include "serried/device/kmeans_kernels.hpp"

namespace serried::kmeans {

/// The fixed-point form of a fit's sums. v = w * (x - shift) is kept as two integers (see
/// KMeansFixedPoint), with b = min(50, 61 - ceil(log2 n)) bits for high and min(51, 62 - ceil(log2
/// n)) for what is left: sums of n rows stay below 2^62, whatever the rows. A sum of n rows is off
/// by at most
///   n * 2^-(b + 1 + low bits) * max |v|  over the column,
/// which is 2^-64 max |v| at a million rows and 2^-33 max |v| at 2^30 rows, times the rounding of v
/// itself (2^-53 |v| for each operation).
class FixedPoint {
 public:
  /// Local.
  FixedPoint(const Columns& columns, std::int64_t features, bool has_weights);

  /// For kernels; the spans belong to this object.
  [[nodiscard]] KMeansFixedPoint view() const {
    return {shift_, high_scale_, low_scale_, weight_scale_};
  }
  /// What one unit of the low integers stands for in the sums of a feature, and in the weights'.
  [[nodiscard]] double unit(std::int64_t feature) const {
    return 1 / (high_scale_[static_cast<std::size_t>(feature)] * low_scale_);
  }
  [[nodiscard]] double weight_unit() const { return 1 / (weight_scale_ * low_scale_); }

  /// The sum that two integers stand for, correctly rounded.
  [[nodiscard]] double sum(std::int64_t feature, std::int64_t high, std::int64_t low) const;
  [[nodiscard]] double weight(std::int64_t high, std::int64_t low) const;

  using Pair = KMeansPair;
  /// What the kernels add for one element, and for one weight.
  [[nodiscard]] Pair element(std::int64_t feature, double x, double w) const {
    const auto at = static_cast<std::size_t>(feature);
    return kmeans_pair(w * (x - shift_[at]), high_scale_[at], low_scale_);
  }
  [[nodiscard]] Pair weight_pair(double w) const {
    return kmeans_pair(w, weight_scale_, low_scale_);
  }

 private:
  std::vector<double> shift_;
  std::vector<double> high_scale_;
  double low_scale_ = 1;
  double weight_scale_ = 1;
  int low_bits_ = 0;
};

/// The integer sums of all clusters in one piece of memory, so that one all-reduce adds them.
class ClusterSums {
 public:
  ClusterSums(std::int64_t clusters, std::int64_t features);

  void clear();
  void add(const ClusterSums& other);
  [[nodiscard]] KMeansSums view();
  /// All integers, the counts below included.
  [[nodiscard]] std::span<std::int64_t> all() noexcept { return values_; }

  [[nodiscard]] std::int64_t& high(std::int64_t cluster, std::int64_t feature) {
    return values_[static_cast<std::size_t>(cluster * features_ + feature)];
  }
  [[nodiscard]] std::int64_t& low(std::int64_t cluster, std::int64_t feature) {
    return values_[static_cast<std::size_t>((clusters_ + cluster) * features_ + feature + padding)];
  }
  [[nodiscard]] std::int64_t& count(std::int64_t cluster) { return tail(cluster); }
  [[nodiscard]] std::int64_t& weight_high(std::int64_t cluster) {
    return tail(clusters_ + cluster);
  }
  [[nodiscard]] std::int64_t& weight_low(std::int64_t cluster) {
    return tail(2 * clusters_ + cluster);
  }
  /// Rows whose label changed.
  [[nodiscard]] std::int64_t& moved() { return tail(3 * clusters_); }
  /// Rows that were compared with all centres.
  [[nodiscard]] std::int64_t& examined() { return tail(3 * clusters_ + 1); }
  /// Checkpoints::votes.
  [[nodiscard]] std::span<std::int64_t> votes() { return {&tail(3 * clusters_ + 2), 2}; }
  /// KMeansBounds::slack_counts.
  [[nodiscard]] std::span<std::int64_t> slack_counts() {
    return {&tail(3 * clusters_ + 4), static_cast<std::size_t>(kmeans_slack_bins)};
  }

 private:
  static constexpr std::int64_t padding = 16;  ///< that kernels may write zeros to
  [[nodiscard]] std::int64_t& tail(std::int64_t index) {
    return values_[static_cast<std::size_t>(2 * (clusters_ * features_ + padding) + index)];
  }
  std::int64_t clusters_;
  std::int64_t features_;
  std::vector<std::int64_t> values_;
};

}  // namespace serried::kmeans
