#pragma once

#include <bit>
#include <cstdint>

#include "serried/base/api.hpp"

namespace SERRIED_API serried {

/// IEEE 754 binary16, a storage type: it is widened to f32 before anything is computed.
struct Half {
  std::uint16_t bits = 0;
  friend bool operator==(const Half&, const Half&) = default;
};

/// The f32 of the same value (exact). NaN stays NaN.
/// Local.
[[nodiscard]] constexpr float to_float(Half h) noexcept {
  const std::uint32_t sign = static_cast<std::uint32_t>(h.bits & 0x8000u) << 16;
  std::uint32_t exponent = (h.bits >> 10) & 0x1fu;
  std::uint32_t mantissa = h.bits & 0x3ffu;
  if (exponent == 0x1f) return std::bit_cast<float>(sign | 0x7f800000u | (mantissa << 13));
  if (exponent == 0) {
    if (mantissa == 0) return std::bit_cast<float>(sign);
    exponent = 1;
    while ((mantissa & 0x400u) == 0) {
      mantissa <<= 1;
      --exponent;
    }
    mantissa &= 0x3ffu;
  }
  return std::bit_cast<float>(sign | ((exponent + 112) << 23) | (mantissa << 13));
}

/// The nearest binary16 (ties to even); overflow becomes infinity.
/// Local.
[[nodiscard]] constexpr Half to_half(float value) noexcept {
  const auto word = std::bit_cast<std::uint32_t>(value);
  const std::uint32_t sign = (word >> 16) & 0x8000u;
  const std::uint32_t magnitude = word & 0x7fffffffu;
  if (magnitude > 0x7f800000u) return {static_cast<std::uint16_t>(sign | 0x7e00u)};
  if (magnitude >= 0x477ff000u) return {static_cast<std::uint16_t>(sign | 0x7c00u)};
  if (magnitude < 0x33000001u) return {static_cast<std::uint16_t>(sign)};
  if (magnitude < 0x38800000u) {
    const std::uint32_t shift = 126u - (magnitude >> 23);
    const std::uint32_t mantissa = (magnitude & 0x7fffffu) | 0x800000u;
    std::uint32_t result = mantissa >> shift;
    const std::uint32_t rest = mantissa & ((1u << shift) - 1u);
    const std::uint32_t half = 1u << (shift - 1u);
    if (rest > half || (rest == half && (result & 1u) != 0)) ++result;
    return {static_cast<std::uint16_t>(sign | result)};
  }
  const std::uint32_t rounded = magnitude + 0xfffu + ((magnitude >> 13) & 1u);
  return {static_cast<std::uint16_t>(sign | ((rounded - 0x38000000u) >> 13))};
}

/// The nearest binary16 (ties to even), rounded once.
/// Local.
[[nodiscard]] constexpr Half to_half(double value) noexcept {
  auto nearest = static_cast<float>(value);
  const auto exact = static_cast<double>(nearest);
  if (value != value || exact == value) return to_half(nearest);
  // Round to odd: an f32 towards zero whose last bit says that there is more. It has over two bits
  // more than binary16, so that the second rounding is that of the value itself. (Boldo and
  // Melquiond, "When double rounding is odd", 2005.)
  auto word = std::bit_cast<std::uint32_t>(nearest);
  const bool is_away_from_zero = value < 0 ? exact < value : exact > value;
  if (is_away_from_zero) --word;
  return to_half(std::bit_cast<float>(word | 1u));
}

}  // namespace serried
