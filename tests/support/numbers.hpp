#pragma once

#include <cmath>
#include <cstdint>
#include <limits>
#include <type_traits>

#include "serried/base/dtype.hpp"
#include "serried/base/philox.hpp"

namespace serried::test {

/// A number of type T for each index: small integers over their whole range, 64-bit ones like time
/// stamps in nanoseconds, floats near 300 with some outliers, and NaN now and then where asked for.
template <class T>
T number(std::int64_t index, bool has_nan = false) {
  const auto words = philox_words(7, 0, static_cast<std::uint64_t>(index));
  const std::uint64_t word = words[0];
  const bool is_nan = has_nan && words[1] % 13 == 0;
  if constexpr (std::is_same_v<T, bool>) {
    return word % 3 == 0;
  } else if constexpr (std::is_integral_v<T> && sizeof(T) == 8) {
    return static_cast<T>(1'700'000'000'000'000'000ull + word % 100'000);
  } else if constexpr (std::is_integral_v<T>) {
    return static_cast<T>(word);
  } else {
    const double value = is_nan ? std::numeric_limits<double>::quiet_NaN()
                                : 296 + 8 * to_unit_interval(word) + (word % 5 == 0 ? 20 : 0);
    if constexpr (std::is_same_v<T, Half>)
      return to_half(static_cast<float>(value));
    else
      return static_cast<T>(value);
  }
}

/// The value as f64, rounded where a 64-bit integer needs it.
template <class T>
double to_double(T value) {
  if constexpr (std::is_same_v<T, Half>)
    return static_cast<double>(to_float(value));
  else
    return static_cast<double>(value);
}

/// 113 bits: every product and sum of a test's numbers is exact or nearly so.
__extension__ typedef __float128 Quad;

template <class T>
Quad to_quad(T value) {
  if constexpr (std::is_same_v<T, Half>)
    return static_cast<Quad>(to_float(value));
  else
    return static_cast<Quad>(value);
}

template <class T>
bool is_nan(T value) {
  return to_double(value) != to_double(value);
}

}  // namespace serried::test
