#pragma once

#include <bit>
#include <cmath>
#include <cstdint>

#include "serried/base/api.hpp"
#include "serried/base/fold.hpp"

/// What a running sum or product keeps of the elements before. Shared by host and device.
namespace SERRIED_API serried {

enum class ScanOp : std::uint8_t { sum, product };

/// A sum so far, with the error of its last addition. Its neutral value is -0, which any zero may
/// follow.
///
/// Where no part is negative, no sum falls: with(0) after add(p) is with(p) before, because `error`
/// is at most half a unit in the last place of `sum`.
struct RunningSum {
  double sum = -0.0;
  double error = -0.0;

  /// The sum with what comes next. Does not fall where `part` rises.
  [[nodiscard]] double with(double part) const noexcept { return sum + (error + part); }
  void add(double part) noexcept {
    const double tail = error + part;
    const double next = sum + tail;
    const double rest = SumOfReals::error_of(sum, tail, next);
    sum = next;
    // of an infinite sum there is no error; of an exact zero it is 0
    error = std::abs(next) <= 1.7976931348623157e308 && next != 0 ? rest : -0.0;
  }
};

/// A product so far: factor * 2^exponent with 1 <= |factor| < 2, or a factor that is 0, infinite or
/// NaN. So it is in range as long as there are fewer than 2^50 factors.
struct RunningProduct {
  double factor = 1;
  std::int64_t exponent = 0;

  void multiply(double value) noexcept {
    RunningProduct later{value, 0};
    later.normalize();
    multiply(later);
  }
  void multiply(const RunningProduct& later) noexcept {
    factor *= later.factor;
    exponent += later.exponent;
    normalize();
  }
  [[nodiscard]] double with(const RunningProduct& later) const noexcept {
    RunningProduct both = *this;
    both.multiply(later);
    return both.value();
  }
  [[nodiscard]] double value() const noexcept { return scaled(factor, exponent); }

  /// value * 2^exponent; the exponent may be any.
  static double scaled(double value, std::int64_t exponent) noexcept {
    if (exponent > -1000 && exponent < 1000)
      return value * std::bit_cast<double>(static_cast<std::uint64_t>(exponent + 1023) << 52);
    const auto bound = std::int64_t{1} << 14;
    return std::ldexp(value, static_cast<int>(exponent < -bound  ? -bound
                                              : exponent > bound ? bound
                                                                 : exponent));
  }

 private:
  void normalize() noexcept {
    const auto bits = std::bit_cast<std::uint64_t>(factor);
    const auto power = static_cast<std::int64_t>(bits >> 52 & 0x7ffu);
    if (power == 0x7ff || factor == 0) return;
    if (power == 0) {
      // a subnormal factor has fewer digits, but no error
      factor *= 0x1p64;
      exponent -= 64;
      normalize();
      return;
    }
    factor = std::bit_cast<double>((bits & 0x800fffffffffffffu) | std::uint64_t{1023} << 52);
    exponent += power - 1023;
  }
};

/// The same of complex numbers: 1 <= the larger part < 2.
struct RunningComplexProduct {
  double real = 1;
  double imaginary = 0;
  std::int64_t exponent = 0;

  void multiply(double re, double im) noexcept {
    RunningComplexProduct value{re, im, 0};
    value.normalize();
    multiply(value);
  }
  void multiply(const RunningComplexProduct& later) noexcept {
    if (real == 1 && imaginary == 0 && exponent == 0) {
      *this = later;  // 0 times its parts would change a zero's sign, and make NaN of infinity
      return;
    }
    const double r = real * later.real - imaginary * later.imaginary;
    imaginary = real * later.imaginary + imaginary * later.real;
    real = r;
    exponent += later.exponent;
    normalize();
  }

 private:
  void normalize() noexcept {
    const double size = std::fmax(std::abs(real), std::abs(imaginary));
    if (!(size > 0) || !std::isfinite(real) || !std::isfinite(imaginary)) return;
    const int power = std::ilogb(size);
    real = std::scalbn(real, -power);
    imaginary = std::scalbn(imaginary, -power);
    exponent += power;
  }
};

}  // namespace serried
