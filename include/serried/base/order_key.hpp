#pragma once

#include <bit>
#include <cstdint>

#include "serried/base/api.hpp"

namespace SERRIED_API serried {

/// Order-preserving integer keys: key(a) < key(b) as unsigned integers exactly if a < b, with -0 <
/// +0 and every NaN above +infinity (a NaN of negative sign too). Minima and maxima over ranks are
/// taken on keys, because MPI_MIN and MPI_MAX with NaN depend on the number of ranks. Local.
[[nodiscard]] constexpr std::uint64_t order_key(double value) noexcept {
  if (value != value) return 0xffffffffffffffffull;
  const auto bits = std::bit_cast<std::uint64_t>(value);
  return (bits >> 63) != 0 ? ~bits : bits | 0x8000000000000000ull;
}
[[nodiscard]] constexpr std::uint64_t order_key(std::int64_t value) noexcept {
  return static_cast<std::uint64_t>(value) ^ 0x8000000000000000ull;
}
[[nodiscard]] constexpr std::uint64_t order_key(std::uint64_t value) noexcept {
  return value;
}

[[nodiscard]] constexpr double double_from_key(std::uint64_t key) noexcept {
  if (key == 0xffffffffffffffffull) return std::bit_cast<double>(0x7ff8000000000000ull);
  return std::bit_cast<double>((key >> 63) != 0 ? key & 0x7fffffffffffffffull : ~key);
}
[[nodiscard]] constexpr std::int64_t int64_from_key(std::uint64_t key) noexcept {
  return static_cast<std::int64_t>(key ^ 0x8000000000000000ull);
}

}  // namespace serried
