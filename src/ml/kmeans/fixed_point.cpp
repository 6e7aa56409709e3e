#include "ml/kmeans/fixed_point.hpp"

#include <algorithm>
#include <bit>
#include <cmath>

namespace serried::kmeans {
namespace {

__extension__ using Int128 = __int128;

int exponent_of(double value) {
  int exponent = 0;
  static_cast<void>(std::frexp(value, &exponent));
  return exponent;
}

double to_double(std::int64_t high, std::int64_t low, int low_bits, double high_scale) {
  const Int128 total = (static_cast<Int128>(high) << low_bits) + low;
  // The conversion rounds correctly; what follows is exact.
  return std::ldexp(static_cast<double>(total), -low_bits) / high_scale;
}

}  // namespace

FixedPoint::FixedPoint(const Columns& columns, std::int64_t features, bool has_weights) {
  const auto padded = static_cast<std::size_t>(kmeans_padded(features));
  shift_ = columns.shift;
  shift_.resize(padded, 0.);
  high_scale_.assign(padded, 0.);
  const auto rows = static_cast<std::uint64_t>(std::max<std::int64_t>(1, columns.usable_rows));
  const auto row_bits = static_cast<int>(std::bit_width(rows - 1));
  const int high_bits = std::min(50, 61 - row_bits);
  low_bits_ = std::min(51, 62 - row_bits);
  low_scale_ = std::ldexp(1., low_bits_);
  const auto scale_for = [&](double largest) {
    if (largest == 0) return 1.;
    return std::ldexp(1., std::clamp(high_bits - exponent_of(largest), -1000, 1000));
  };
  for (std::int64_t f = 0; f < features; ++f) {
    const auto at = static_cast<std::size_t>(f);
    high_scale_[at] = scale_for(columns.maxima[at]);
  }
  if (has_weights) weight_scale_ = scale_for(columns.largest_weight);
}

double FixedPoint::sum(std::int64_t feature, std::int64_t high, std::int64_t low) const {
  return to_double(high, low, low_bits_, high_scale_[static_cast<std::size_t>(feature)]);
}

double FixedPoint::weight(std::int64_t high, std::int64_t low) const {
  return to_double(high, low, low_bits_, weight_scale_);
}

ClusterSums::ClusterSums(std::int64_t clusters, std::int64_t features)
    : clusters_(clusters),
      features_(features),
      values_(static_cast<std::size_t>(2 * (clusters * features + padding) + 3 * clusters + 4 +
                                       kmeans_slack_bins),
              0) {}

void ClusterSums::clear() {
  std::ranges::fill(values_, 0);
}

void ClusterSums::add(const ClusterSums& other) {
  for (std::size_t i = 0; i < values_.size(); ++i) values_[i] += other.values_[i];
}

KMeansSums ClusterSums::view() {
  return {&high(0, 0), &low(0, 0), &count(0), &weight_high(0), &weight_low(0)};
}

}  // namespace serried::kmeans
