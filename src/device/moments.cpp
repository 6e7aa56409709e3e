#include "serried/device/moments.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace serried {
namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();

// a + b without rounding error, as sum + error (Knuth).
struct TwoSum {
  double sum;
  double error;
};

TwoSum two_sum(double a, double b) noexcept {
  const double sum = a + b;
  const double part = sum - a;
  return {sum, (a - (sum - part)) + (b - part)};
}

void set_mean(Moments& moments, double mean, double addend, double error) noexcept {
  const TwoSum first = two_sum(mean, addend);
  const TwoSum normal = two_sum(first.sum, first.error + error);
  moments.mean = normal.sum;
  moments.mean_error = std::isfinite(normal.sum) ? normal.error : 0;
}

// Rounding may take a sum of even powers below 0; NaN stays.
double not_negative(double value) noexcept {
  return value < 0 ? 0 : value;
}

void set_undefined(Moments& moments, double mean) noexcept {
  moments.mean = mean;
  moments.mean_error = 0;
  moments.m2 = moments.m3 = moments.m4 = nan;
}

}  // namespace

Moments moments_about(double shift, std::int64_t count, double s1, double s2, double s3,
                      double s4) noexcept {
  Moments result;
  result.count = count;
  if (!std::isfinite(shift) || !std::isfinite(s1)) {
    set_undefined(result, shift);
    return result;
  }
  const auto n = static_cast<double>(count);
  const double e = s1 / n;
  set_mean(result, shift, e, 0);
  result.m2 = not_negative(s2 - e * s1);
  result.m3 = s3 - 3 * e * s2 + 2 * e * e * s1;
  result.m4 = not_negative(s4 - 4 * e * s3 + 6 * e * e * s2 - 3 * e * e * e * s1);
  return result;
}

void combine(Moments& left, const Moments& right) noexcept {
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
  if (!std::isfinite(left.mean) || !std::isfinite(right.mean)) {
    set_undefined(left, left.mean + right.mean);
    return;
  }
  const double fa = na / (na + nb);
  const double fb = nb / (na + nb);
  const TwoSum difference = two_sum(right.mean, -left.mean);
  const double delta = difference.sum + (difference.error + (right.mean_error - left.mean_error));
  if (!std::isfinite(delta)) {
    set_undefined(left, left.mean * fa + right.mean * fb);
    return;
  }
  const double delta2 = delta * delta;
  const double weight = delta2 * na * fb;
  left.m4 += right.m4 + weight * delta2 * (fa * fa - fa * fb + fb * fb) +
             6 * delta2 * (fa * fa * right.m2 + fb * fb * left.m2) +
             4 * delta * (fa * right.m3 - fb * left.m3);
  left.m3 += right.m3 + weight * delta * (fa - fb) + 3 * delta * (fa * right.m2 - fb * left.m2);
  left.m2 += right.m2 + weight;
  set_mean(left, left.mean, delta * fb, left.mean_error);
}

}  // namespace serried
