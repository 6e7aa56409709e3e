#pragma once

#include <cmath>
#include <cstdint>
#include <limits>

#include "backend/cuda/widen.cuh"
#include "serried/base/order_key.hpp"
#include "serried/device/moments.hpp"

// What a thread does with the numbers that it holds, for the moments of a column: sums and extrema
// first, then powers about a shift near the mean.

namespace serried::cuda {

/// The sums of a thread's few hundred numbers are exact for integers of up to 32 bits.
template <class N>
using ShortSum =
    std::conditional_t<is_narrow_integer<N>,
                       std::conditional_t<std::is_same_v<N, int>, long long, unsigned long long>,
                       double>;

/// 0 if there is no number, else count, sum and extrema.
template <class N>
struct FirstSums {
  double sum;
  int count;
  N low;
  N high;
};

template <class N>
__device__ constexpr N highest() {
  if constexpr (std::is_floating_point_v<N>)
    return std::numeric_limits<N>::infinity();
  else
    return std::numeric_limits<N>::max();
}
template <class N>
__device__ constexpr N lowest() {
  if constexpr (std::is_floating_point_v<N>)
    return -std::numeric_limits<N>::infinity();
  else
    return std::numeric_limits<N>::lowest();
}

/// The smaller number, whatever is NaN.
template <class N>
__device__ inline N lower(N value, N low) {
  if constexpr (std::is_same_v<N, float>)
    return fminf(value, low);
  else
    return value < low ? value : low;
}
template <class N>
__device__ inline N higher(N value, N high) {
  if constexpr (std::is_same_v<N, float>)
    return fmaxf(value, high);
  else
    return value > high ? value : high;
}

/// The numbers of one thread. Numbers of f32 are summed in f32 a few at a time: a shift needs no
/// more digits, as what it lacks to the mean is found by the second pass.
template <class N>
struct ThreadSums {
  ShortSum<N> sum = 0;
  N low = highest<N>();
  N high = lowest<N>();

  template <int kFirst, int kCount>
  __device__ static auto sum_of(const N* x) {
    if constexpr (kCount == 1) {
      if constexpr (is_wide_integer<N>)
        return static_cast<double>(x[kFirst]);
      else
        return x[kFirst];
    } else {
      constexpr int half = kCount / 2;
      return sum_of<kFirst, half>(x) + sum_of<kFirst + half, kCount - half>(x);
    }
  }

  /// @param kIsSmall the numbers are of less than 32 bits, so that int holds their sum.
  template <bool kIsSmall, int kCount>
  __device__ void add(const N (&x)[kCount]) {
    if constexpr (is_narrow_integer<N> && !kIsSmall) {
#pragma unroll
      for (int i = 0; i < kCount; ++i) sum += x[i];
    } else {
      sum += static_cast<ShortSum<N>>(sum_of<0, kCount>(x));
    }
#pragma unroll
    for (int i = 0; i < kCount; ++i) {
      low = lower(x[i], low);
      high = higher(x[i], high);
    }
  }
};

struct FoldFirst {
  template <class N>
  __device__ FirstSums<N> operator()(const FirstSums<N>& a, const FirstSums<N>& b) const {
    return {a.sum + b.sum, a.count + b.count, lower(a.low, b.low), higher(a.high, b.high)};
  }
};

/// Where all numbers are equal, they are the shift, so that their moments are exactly 0. The short
/// sums of f32 may leave the range of the numbers. Integers get an integer.
template <class N>
struct Shift {
  double value = 0;
  double inverse_count = 0;

  __device__ explicit Shift(const FirstSums<N>& sums) {
    if (sums.count == 0) return;
    inverse_count = 1.0 / sums.count;
    value = sums.sum * inverse_count;
    if constexpr (is_narrow_integer<N>) {
      value = floor(value + 0.5);
    } else {
      const auto low = static_cast<double>(sums.low);
      const auto high = static_cast<double>(sums.high);
      if (low == high || (std::is_same_v<N, float> && value < low)) value = low + 0.0;
      if (std::is_same_v<N, float> && value > high) value = high;
    }
  }
};

/// x - shift in f64. Integers of up to 32 bits, with an integer shift, need no conversion: they go
/// into the low bits of 2^52, whose difference is exact.
template <class N>
struct Deviation {
  double shift;

  __device__ explicit Deviation(double from) : shift(from) {
    if constexpr (std::is_same_v<N, int>) shift += 4503599627370496.0 + 2147483648.0;
    if constexpr (std::is_same_v<N, std::uint32_t>) shift += 4503599627370496.0;
  }

  __device__ double operator()(N x) const {
    if constexpr (is_narrow_integer<N>) {
      auto word = static_cast<std::uint32_t>(x);
      if constexpr (std::is_signed_v<N>) word ^= 0x80000000u;
      return std::bit_cast<double>(0x4330000000000000ull | word) - shift;
    } else if constexpr (is_wide_integer<N>) {
      // x rounded and what the rounding lost, which is exact (T. J. Dekker's two-sum)
      using Half32 = std::conditional_t<std::is_signed_v<N>, std::int32_t, std::uint32_t>;
      const double high = static_cast<double>(static_cast<Half32>(x >> 32)) * 4294967296.0;
      const auto low = static_cast<double>(static_cast<std::uint32_t>(x));
      const double rounded = high + low;
      const double lost = low - (rounded - high);
      return (rounded - shift) + lost;
    } else {
      return static_cast<double>(x) - shift;
    }
  }
};

struct PowerSums {
  double s1 = 0;
  double s2 = 0;
  double s3 = 0;
  double s4 = 0;

  template <bool kHasFirst>
  __device__ void add(double d) {
    const double d2 = d * d;
    if constexpr (kHasFirst) s1 += d;
    s2 += d2;
    s3 = fma(d2, d, s3);
    s4 = fma(d2, d2, s4);
  }
};

struct FoldPowers {
  __device__ PowerSums operator()(const PowerSums& a, const PowerSums& b) const {
    return {a.s1 + b.s1, a.s2 + b.s2, a.s3 + b.s3, a.s4 + b.s4};
  }
};

/// @param is_signed order keys of integers below 64 bits: of i64, else of f64.
template <class N>
__device__ inline std::uint64_t key_of(N value, bool is_signed) {
  if constexpr (std::is_floating_point_v<N>)
    return order_key(static_cast<double>(value) + 0.0);
  else if constexpr (is_wide_integer<N>)
    return order_key(value);
  else
    return is_signed ? order_key(static_cast<std::int64_t>(value))
                     : order_key(static_cast<double>(value));
}

/// The moments of one column so far, as combine() would make them, but for a division.
template <class N>
class RunningMoments {
 public:
  /// @param rows how many there were, NaN too.
  __device__ void add(const FirstSums<N>& first, const Shift<N>& shift, const PowerSums& powers,
                      int rows) {
    total_.nan_count += rows - first.count;
    if (first.count == 0) return;
    low_ = lower(first.low, low_);
    high_ = higher(first.high, high_);
    double s1 = powers.s1;
    if constexpr (is_narrow_integer<N>)
      s1 = fma(-static_cast<double>(first.count), shift.value, first.sum);
    const detail::TwoSum difference = detail::two_sum(shift.value, -total_.mean);
    if (total_.count != 0 && detail::is_finite(difference.sum) && detail::is_finite(s1))
      append(first.count, shift, s1, powers, difference);
    else
      combine(total_, moments_about(shift.value, first.count, s1, powers.s2, powers.s3, powers.s4));
  }

  [[nodiscard]] __device__ Moments moments(bool has_signed_keys) const {
    Moments result = total_;
    if (result.count == 0) return result;
    result.min_key = key_of(low_, has_signed_keys);
    result.max_key = key_of(high_, has_signed_keys);
    return result;
  }

 private:
  __device__ void append(int count, const Shift<N>& shift, double s1, const PowerSums& s,
                         const detail::TwoSum& difference) {
    // about their own mean, shift + e
    const double e = s1 * shift.inverse_count;
    const double m2 = detail::not_negative(s.s2 - e * s1);
    const double m3 = s.s3 - 3 * e * s.s2 + 2 * e * e * s1;
    const double m4 =
        detail::not_negative(s.s4 - 4 * e * s.s3 + 6 * e * e * s.s2 - 3 * e * e * e * s1);
    const auto na = static_cast<double>(total_.count);
    const auto nb = static_cast<double>(count);
    total_.count += count;
    const double inverse = 1.0 / (na + nb);
    const double fa = na * inverse;
    const double fb = nb * inverse;
    const double delta = difference.sum + (difference.error + (e - total_.mean_error));
    const double delta2 = delta * delta;
    const double weight = delta2 * na * fb;
    total_.m4 += m4 + weight * delta2 * (fa * fa - fa * fb + fb * fb) +
                 6 * delta2 * (fa * fa * m2 + fb * fb * total_.m2) +
                 4 * delta * (fa * m3 - fb * total_.m3);
    total_.m3 += m3 + weight * delta * (fa - fb) + 3 * delta * (fa * m2 - fb * total_.m2);
    total_.m2 += m2 + weight;
    detail::set_mean(total_, total_.mean, delta * fb, total_.mean_error);
  }

  Moments total_;
  N low_ = highest<N>();
  N high_ = lowest<N>();
};

}  // namespace serried::cuda
