#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>

#include "serried/base/api.hpp"

namespace SERRIED_API serried {

/// Central moments of a set of numbers; NaN is counted and otherwise left out. The mean is the
/// unevaluated sum mean + mean_error. `min_key` and `max_key` are order keys (base/order_key.hpp)
/// of the element's compute type: order_key(int64) for signed integers and b8, order_key(uint64)
/// for u64, order_key(double) else, where a zero counts as +0 whatever its sign; they are neutral
/// while count is 0. Where a number is infinite, or the sum of a block is beyond the range of f64,
/// the mean is infinite or NaN as the plain sum would be, mean_error is 0 and m2, m3 and m4 are
/// NaN.
struct Moments {
  std::int64_t count = 0;  ///< numbers that are not NaN
  std::int64_t nan_count = 0;
  std::uint64_t min_key = ~0ull;
  std::uint64_t max_key = 0;
  double mean = 0;
  double mean_error = 0;
  double m2 = 0;  ///< sum of (x - mean)^2
  double m3 = 0;
  double m4 = 0;
};

namespace detail {

/// a + b without rounding error, as sum + error (Knuth).
struct TwoSum {
  double sum;
  double error;
};

constexpr TwoSum two_sum(double a, double b) noexcept {
  const double sum = a + b;
  const double part = sum - a;
  return {sum, (a - (sum - part)) + (b - part)};
}

/// As std::isfinite, which no constant expression may call.
constexpr bool is_finite(double value) noexcept {
  return value - value == 0;
}

constexpr void set_mean(Moments& moments, double mean, double addend, double error) noexcept {
  const TwoSum first = two_sum(mean, addend);
  const TwoSum normal = two_sum(first.sum, first.error + error);
  moments.mean = normal.sum;
  moments.mean_error = is_finite(normal.sum) ? normal.error : 0;
}

/// Rounding may take a sum of even powers below 0; NaN stays.
constexpr double not_negative(double value) noexcept {
  return value < 0 ? 0 : value;
}

constexpr void set_undefined(Moments& moments, double mean) noexcept {
  moments.mean = mean;
  moments.mean_error = 0;
  moments.m2 = moments.m3 = moments.m4 = std::numeric_limits<double>::quiet_NaN();
}

}  // namespace detail

/// Adds the moments of another set to `left`:
///   delta = mean_b - mean_a,  n = n_a + n_b
///   mean = mean_a + delta n_b / n
///   m2 = m2_a + m2_b + delta^2 n_a n_b / n
///   m3 = m3_a + m3_b + delta^3 n_a n_b (n_a - n_b) / n^2 + 3 delta (n_a m2_b - n_b m2_a) / n
///   m4 = m4_a + m4_b + delta^4 n_a n_b (n_a^2 - n_a n_b + n_b^2) / n^3
///        + 6 delta^2 (n_a^2 m2_b + n_b^2 m2_a) / n^2 + 4 delta (n_a m3_b - n_b m3_a) / n
/// (P. Pebay, Formulas for robust, one-pass parallel computation of covariances and arbitrary-order
/// statistical moments, SAND2008-6212, 2008: the pairwise update formulas), with both parts of the
/// means.
/// Local.
constexpr void combine(Moments& left, const Moments& right) noexcept {
  left.nan_count += right.nan_count;
  if (right.count == 0) return;
  if (left.count == 0) {
    const std::int64_t nan_count = left.nan_count;
    left = right;
    left.nan_count = nan_count;
    return;
  }
  left.min_key = std::min(left.min_key, right.min_key);
  left.max_key = std::max(left.max_key, right.max_key);
  const auto na = static_cast<double>(left.count);
  const auto nb = static_cast<double>(right.count);
  left.count += right.count;
  if (!detail::is_finite(left.mean) || !detail::is_finite(right.mean)) {
    detail::set_undefined(left, left.mean + right.mean);
    return;
  }
  const double fa = na / (na + nb);
  const double fb = nb / (na + nb);
  const detail::TwoSum difference = detail::two_sum(right.mean, -left.mean);
  const double delta = difference.sum + (difference.error + (right.mean_error - left.mean_error));
  if (!detail::is_finite(delta)) {
    detail::set_undefined(left, left.mean * fa + right.mean * fb);
    return;
  }
  const double delta2 = delta * delta;
  const double weight = delta2 * na * fb;
  left.m4 += right.m4 + weight * delta2 * (fa * fa - fa * fb + fb * fb) +
             6 * delta2 * (fa * fa * right.m2 + fb * fb * left.m2) +
             4 * delta * (fa * right.m3 - fb * left.m3);
  left.m3 += right.m3 + weight * delta * (fa - fb) + 3 * delta * (fa * right.m2 - fb * left.m2);
  left.m2 += right.m2 + weight;
  detail::set_mean(left, left.mean, delta * fb, left.mean_error);
}

/// The moments of `count` numbers (at least 1) from their sums about a shift near the mean:
/// s1 = sum of (x - shift), s2 = sum of (x - shift)^2, and so on. Keys and nan_count are left as
/// they are. Local.
[[nodiscard]] constexpr Moments moments_about(double shift, std::int64_t count, double s1,
                                              double s2, double s3, double s4) noexcept {
  Moments result;
  result.count = count;
  if (!detail::is_finite(shift) || !detail::is_finite(s1)) {
    detail::set_undefined(result, shift);
    return result;
  }
  const auto n = static_cast<double>(count);
  const double e = s1 / n;
  detail::set_mean(result, shift, e, 0);
  result.m2 = detail::not_negative(s2 - e * s1);
  result.m3 = s3 - 3 * e * s2 + 2 * e * e * s1;
  result.m4 = detail::not_negative(s4 - 4 * e * s3 + 6 * e * e * s2 - 3 * e * e * e * s1);
  return result;
}

}  // namespace serried
