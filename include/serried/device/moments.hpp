#pragma once

#include <cstdint>

namespace serried {

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

/// Adds the moments of another set to `left`:
///   delta = mean_b - mean_a,  n = n_a + n_b
///   mean = mean_a + delta n_b / n
///   m2 = m2_a + m2_b + delta^2 n_a n_b / n
///   m3 = m3_a + m3_b + delta^3 n_a n_b (n_a - n_b) / n^2 + 3 delta (n_a m2_b - n_b m2_a) / n
///   m4 = m4_a + m4_b + delta^4 n_a n_b (n_a^2 - n_a n_b + n_b^2) / n^3
///        + 6 delta^2 (n_a^2 m2_b + n_b^2 m2_a) / n^2 + 4 delta (n_a m3_b - n_b m3_a) / n
/// (P. Pebay, Formulas for robust, one-pass parallel computation of covariances and arbitrary-order
/// statistical moments, SAND2008-6212, 2008: the pairwise update formulas), with both parts of the
/// means. Local.
void combine(Moments& left, const Moments& right) noexcept;

/// The moments of `count` numbers (at least 1) from their sums about a shift near the mean: s1 =
/// sum of (x - shift), s2 = sum of (x - shift)^2, and so on. Sets mean, mean_error, m2, m3, m4 and
/// count. Local.
[[nodiscard]] Moments moments_about(double shift, std::int64_t count, double s1, double s2,
                                    double s3, double s4) noexcept;

}  // namespace serried
