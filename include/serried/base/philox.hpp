#pragma once

#include <array>
#include <cstdint>

#include "serried/base/api.hpp"

namespace SERRIED_API serried {

/// Philox4x32-10, a counter-based generator: the same (counter, key) gives the same four words on
/// every device, rank and thread. (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3",
/// SC11.) Local.
[[nodiscard]] constexpr std::array<std::uint32_t, 4> philox4x32(
    std::array<std::uint32_t, 4> counter, std::uint64_t key) noexcept {
  auto key0 = static_cast<std::uint32_t>(key);
  auto key1 = static_cast<std::uint32_t>(key >> 32);
  for (int round = 0; round < 10; ++round) {
    const std::uint64_t product0 = 0xD2511F53ull * counter[0];
    const std::uint64_t product1 = 0xCD9E8D57ull * counter[2];
    counter = {static_cast<std::uint32_t>(product1 >> 32) ^ counter[1] ^ key0,
               static_cast<std::uint32_t>(product1),
               static_cast<std::uint32_t>(product0 >> 32) ^ counter[3] ^ key1,
               static_cast<std::uint32_t>(product0)};
    key0 += 0x9E3779B9u;
    key1 += 0xBB67AE85u;
  }
  return counter;
}

/// Two 64-bit words for (seed, stream, index). `stream` separates uses of one seed (a round of an
/// algorithm, a column); `index` is a global row or element number.
/// Local.
[[nodiscard]] constexpr std::array<std::uint64_t, 2> philox_words(std::uint64_t seed,
                                                                  std::uint64_t stream,
                                                                  std::uint64_t index) noexcept {
  const auto words =
      philox4x32({static_cast<std::uint32_t>(index), static_cast<std::uint32_t>(index >> 32),
                  static_cast<std::uint32_t>(stream), static_cast<std::uint32_t>(stream >> 32)},
                 seed);
  return {words[0] | (static_cast<std::uint64_t>(words[1]) << 32),
          words[2] | (static_cast<std::uint64_t>(words[3]) << 32)};
}

/// A double in [0, 1) from the upper 53 bits.
/// Local.
[[nodiscard]] constexpr double to_unit_interval(std::uint64_t word) noexcept {
  return static_cast<double>(word >> 11) * 0x1.0p-53;
}

}  // namespace serried
