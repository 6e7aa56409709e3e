#pragma once

#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>

#include "serried/base/api.hpp"
#include "serried/base/program.hpp"

/// Folds: what a reduction keeps of the elements that it has seen, as plain structs with the rule
/// that joins two of them. Shared by host and device.
namespace SERRIED_API serried {

/// The kinds of folds. "Floating" values are f32 and f64 registers, folded in f64; complex ones are
/// folded as two f64.
enum class FoldOp : std::uint8_t {
  sum,      ///< integers (SumOfIntegers), floating (SumOfReals), complex (SumOfComplex)
  product,  ///< integers (ProductOfIntegers), floating (ProductOfReals), complex
            ///< (ProductOfComplex)
  count,    ///< b8: how many are 1 (std::int64_t)
  minimum,  ///< real and b8 (Extremum): NaN, where there is one
  maximum,
  moments,    ///< floating (Spread); may have a weight
  comoments,  ///< two floating values (JointSpread)
};

/// A sum of 64-bit integers that cannot overflow: 128 bits.
struct SumOfIntegers {
  std::uint64_t low = 0;
  std::int64_t high = 0;

  /// Adds a value of `sign_word` 0 or -1 (all ones: negative) and 64 low bits.
  constexpr void add(std::uint64_t word, std::int64_t sign_word) noexcept {
    const std::uint64_t before = low;
    low += word;
    high = static_cast<std::int64_t>(static_cast<std::uint64_t>(high) +
                                     static_cast<std::uint64_t>(sign_word) + (low < before));
  }
  constexpr void combine(const SumOfIntegers& right) noexcept { add(right.low, right.high); }
  /// Whether it is a value of i64, of u64.
  [[nodiscard]] constexpr bool is_i64() const noexcept {
    return high == (static_cast<std::int64_t>(low) < 0 ? -1 : 0);
  }
  [[nodiscard]] constexpr bool is_u64() const noexcept { return high == 0; }
};

/// A sum with the error of its additions: about twice the digits of f64, so that the result does
/// not depend on the order but in the last bit (Neumaier 1974; the order is fixed all the same).
struct SumOfReals {
  double sum = 0;
  double error = 0;

  /// The exact error of a floating-point addition (Knuth's two-sum).
  static double error_of(double a, double b, double a_plus_b) noexcept {
    const double b_part = a_plus_b - a;
    return (a - (a_plus_b - b_part)) + (b - b_part);
  }
  void add(double value) noexcept {
    const double next = sum + value;
    error += error_of(sum, value, next);
    sum = next;
  }
  void combine(const SumOfReals& right) noexcept {
    add(right.sum);
    error += right.error;
  }
  /// An infinite or NaN sum is what plain additions make of it.
  [[nodiscard]] double value() const noexcept { return std::isfinite(sum) ? sum + error : sum; }
};

struct SumOfComplex {
  SumOfReals real;
  SumOfReals imaginary;

  void combine(const SumOfComplex& right) noexcept {
    real.combine(right.real);
    imaginary.combine(right.imaginary);
  }
};

/// A product modulo 2^64, and whether it is that of the integers.
struct ProductOfIntegers {
  std::uint64_t product = 1;
  std::uint16_t is_unsigned = 0;
  std::uint16_t has_overflowed = 0;
  std::uint32_t is_zero = 0;  ///< then it has not overflowed

  void multiply(std::uint64_t value) noexcept {
    std::uint64_t next = 0;
    bool overflowed = false;
    if (is_unsigned != 0) {
      overflowed = __builtin_mul_overflow(product, value, &next);
    } else {
      std::int64_t wrapped = 0;
      overflowed = __builtin_mul_overflow(static_cast<std::int64_t>(product),
                                          static_cast<std::int64_t>(value), &wrapped);
      next = static_cast<std::uint64_t>(wrapped);
    }
    if (value == 0 || is_zero != 0) {
      is_zero = 1;
      product = 0;
      return;
    }
    if (overflowed) has_overflowed = 1;
    product = next;
  }
  void combine(const ProductOfIntegers& right) noexcept {
    is_unsigned |= right.is_unsigned;
    has_overflowed |= right.has_overflowed;
    if (right.is_zero != 0)
      multiply(0);
    else
      multiply(right.product);
  }
  [[nodiscard]] bool is_exact() const noexcept { return is_zero != 0 || has_overflowed == 0; }
};

struct ProductOfReals {
  double product = 1;
  void combine(const ProductOfReals& right) noexcept { product *= right.product; }
};

struct ProductOfComplex {
  double real = 1;
  double imaginary = 0;
  void combine(const ProductOfComplex& right) noexcept {
    const double r = real * right.real - imaginary * right.imaginary;
    imaginary = real * right.imaginary + imaginary * right.real;
    real = r;
  }
};

/// The lowest (or highest) value and the first place where it stands. `key` orders the values as
/// unsigned integers, the one that is looked for first; NaN comes before all, so that one NaN is
/// the result.
struct Extremum {
  std::uint64_t key = 0;
  std::int64_t index = -1;  ///< -1: no value yet

  void take_lower(std::uint64_t other_key, std::int64_t other_index) noexcept {
    if (other_index < 0) return;
    if (index < 0 || other_key < key || (other_key == key && other_index < index)) {
      key = other_key;
      index = other_index;
    }
  }
  void combine(const Extremum& right) noexcept { take_lower(right.key, right.index); }
};

/// Weight, mean and sum of squares about the mean (Chan, Golub and LeVeque 1979).
struct Spread {
  double weight = 0;
  double mean = 0;
  double m2 = 0;

  void combine(const Spread& right) noexcept {
    if (right.weight == 0) return;
    if (weight == 0) {
      *this = right;
      return;
    }
    const double both = weight + right.weight;
    const double delta = right.mean - mean;
    mean += delta * (right.weight / both);
    m2 += right.m2 + delta * delta * (weight * (right.weight / both));
    weight = both;
  }
};

/// As Spread for pairs, with the sum of products about the means.
struct JointSpread {
  double count = 0;
  double mean_x = 0;
  double mean_y = 0;
  double m2_x = 0;
  double m2_y = 0;
  double m_xy = 0;

  void combine(const JointSpread& right) noexcept {
    if (right.count == 0) return;
    if (count == 0) {
      *this = right;
      return;
    }
    const double both = count + right.count;
    const double share = count * (right.count / both);
    const double dx = right.mean_x - mean_x;
    const double dy = right.mean_y - mean_y;
    mean_x += dx * (right.count / both);
    mean_y += dy * (right.count / both);
    m2_x += right.m2_x + dx * dx * share;
    m2_y += right.m2_y + dy * dy * share;
    m_xy += right.m_xy + dx * dy * share;
    count = both;
  }
};

/// Calls f with an object of the state's type. Local.
/// @throws InvalidArgument where the fold does not take values of this type.
template <class F>
decltype(auto) visit_state(FoldOp op, RegisterType values, F&& f) {
  const bool is_whole = values <= RegisterType::u64;
  const bool is_complex_value = values >= RegisterType::c64;
  switch (op) {
    case FoldOp::sum:
      if (is_whole) return f(SumOfIntegers());
      if (is_complex_value) return f(SumOfComplex());
      return f(SumOfReals());
    case FoldOp::product:
      if (is_whole)
        return f(ProductOfIntegers{.is_unsigned = values == RegisterType::u64 ? std::uint16_t{1}
                                                                              : std::uint16_t{0}});
      if (is_complex_value) return f(ProductOfComplex());
      return f(ProductOfReals());
    case FoldOp::count:
      return f(std::int64_t{0});
    case FoldOp::minimum:
    case FoldOp::maximum:
      return f(Extremum());
    case FoldOp::moments:
      return f(Spread());
    case FoldOp::comoments:
      return f(JointSpread());
  }
  return f(std::int64_t{0});
}

/// left = left joined with right, where left's elements come first. Local.
template <class State>
void combine_states(State& left, const State& right) noexcept {
  left.combine(right);
}
inline void combine_states(std::int64_t& left, const std::int64_t& right) noexcept {
  left += right;
}

/// Bytes of one state. Local.
[[nodiscard]] std::size_t size_of_state(FoldOp op, RegisterType values);
/// Sets `count` states to "nothing seen". Local.
void clear_states(FoldOp op, RegisterType values, std::byte* states, std::int64_t count);
/// Joins `count` states into others. Local.
void combine_states(FoldOp op, RegisterType values, std::byte* left, const std::byte* right,
                    std::int64_t count);

}  // namespace serried
