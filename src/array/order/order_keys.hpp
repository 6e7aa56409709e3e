#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

#include "serried/base/program.hpp"

namespace serried {

/// The key of NaN: behind all numbers. (The highest i64 and u64 have it too: integers have no NaN.)
inline constexpr std::uint64_t nan_key = UINT64_MAX;
/// The highest key of a number; what is above it is NaN. Local.
[[nodiscard]] constexpr std::uint64_t highest_key(DType dtype) noexcept {
  return is_floating(dtype) ? nan_key - 1 : UINT64_MAX;
}

/// Real numbers as unsigned integers of the same order; -0 has the key of +0. Local.
void make_order_keys(DType dtype, const std::byte* values, std::int64_t count, std::uint64_t* keys);
/// How many of the keys are below `low`, and `inside(i)` for those in [low, low + width].
template <class Inside>
std::int64_t visit_bracket(std::span<const std::uint64_t> keys, std::uint64_t low,
                           std::uint64_t width, Inside inside) {
  using Words [[gnu::vector_size(32)]] = std::int64_t;
  using Doubles [[gnu::vector_size(32)]] = double;
  const auto sign_bits = [](const Words& words) {
    Doubles same;
    std::memcpy(&same, &words, sizeof same);
    return static_cast<unsigned>(__builtin_ia32_movmskpd256(same));
  };
  // unsigned comparisons as signed ones of numbers that are shifted by 2^63
  const Words first = Words{} + static_cast<std::int64_t>(low ^ (std::uint64_t{1} << 63));
  const Words last = Words{} + static_cast<std::int64_t>((low + width) ^ (std::uint64_t{1} << 63));
  Words below{};
  std::size_t i = 0;
  while (i + 4 <= keys.size()) {
    // `inside` is called behind a loop that has all it needs in registers
    constexpr std::size_t block = 256;
    std::uint32_t found[block];
    std::size_t count = 0;
    const std::size_t begin = i;
    const std::uint64_t* const data = keys.data();
    for (const std::size_t end = std::min(keys.size() - 3, begin + block); i < end; i += 4) {
      Words four;
      std::memcpy(&four, data + i, sizeof four);
      four ^= INT64_MIN;
      const Words is_below = four < first;
      const Words is_outside = is_below | (four > last);
      below -= is_below;
      unsigned bits = 15u & ~sign_bits(is_outside);
      for (; bits != 0; bits &= bits - 1)
        found[count++] = static_cast<std::uint32_t>(
            i - begin + static_cast<std::size_t>(std::countr_zero(bits)));
    }
    for (std::size_t k = 0; k < count; ++k) inside(begin + found[k]);
  }
  std::int64_t count = below[0] + below[1] + below[2] + below[3];
  for (; i < keys.size(); ++i) {
    count += keys[i] < low ? 1 : 0;
    if (keys[i] - low <= width) inside(i);  // also false for what is below
  }
  return count;
}

/// The value of a key, rounded to f64. Local.
[[nodiscard]] double value_of_key(RegisterType type, std::uint64_t key) noexcept;
/// A number rounded to a floating dtype. Local.
void store_number(double value, DType dtype, std::byte* to);
/// The value of a key, stored as a dtype of that register type, or a floating one. Local.
void store_key(RegisterType type, std::uint64_t key, DType dtype, std::byte* to);

}  // namespace serried
