#include "array/shape/pack_items.hpp"

#include <immintrin.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>

namespace serried {
namespace {

constexpr std::int64_t block = 512;
constexpr std::size_t flags_at_once = 16;

/// For each set of the items of a vector: which 32-bit words of it come first.
template <std::size_t kItems>
consteval auto make_orders() {
  constexpr std::size_t words = 8 / kItems;  // of an item
  std::array<std::array<std::uint32_t, 8>, (1u << kItems)> orders{};
  for (std::size_t set = 0; set < orders.size(); ++set) {
    std::size_t next = 0;
    for (std::size_t item = 0; item < kItems; ++item) {
      if ((set >> item & 1u) == 0) continue;
      for (std::size_t word = 0; word < words; ++word)
        orders[set][next++] = static_cast<std::uint32_t>(item * words + word);
    }
  }
  return orders;
}

/// A bit for each of 16 flags.
std::uint32_t bits_of(const std::uint8_t* flags) {
  const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(flags));
  const auto zeros =
      static_cast<std::uint32_t>(_mm_movemask_epi8(_mm_cmpeq_epi8(bytes, _mm_setzero_si128())));
  return ~zeros & 0xffffu;
}

/// Items of 4 or 8 bytes by permutations of whole vectors.
template <class T>
std::size_t pack_vectors(const std::byte* from, const std::uint8_t* flags, std::int64_t count,
                         T* to) {
  constexpr std::size_t at_once = 32 / sizeof(T);
  constexpr std::uint32_t all = (1u << at_once) - 1;
  static constexpr auto orders = make_orders<at_once>();
  std::size_t items = 0;
  for (std::int64_t i = 0; i < count; i += flags_at_once) {
    std::uint32_t bits = bits_of(flags + i);
    for (std::size_t k = 0; k < flags_at_once; k += at_once, bits >>= at_once) {
      const std::uint32_t set = bits & all;
      const __m256i vector = _mm256_loadu_si256(
          reinterpret_cast<const __m256i*>(from + (static_cast<std::size_t>(i) + k) * sizeof(T)));
      const __m256i order =
          _mm256_loadu_si256(reinterpret_cast<const __m256i*>(orders[set].data()));
      _mm256_storeu_si256(reinterpret_cast<__m256i*>(to + items),
                          _mm256_permutevar8x32_epi32(vector, order));
      items += static_cast<std::size_t>(std::popcount(set));
    }
  }
  return items;
}

template <class T>
void pack(const std::byte* from, const std::uint8_t* flags, std::int64_t count, std::byte* to) {
  std::array<T, block + 32 / sizeof(T)> kept;  // also what is written behind the last one
  for (std::int64_t begin = 0; begin < count; begin += block) {
    const std::int64_t end = std::min(count, begin + block);
    std::int64_t i = begin;
    std::size_t items = 0;
    if constexpr (sizeof(T) >= 4) {
      const std::int64_t whole = (end - begin) / std::int64_t{flags_at_once} * flags_at_once;
      items = pack_vectors<T>(from + i * std::ptrdiff_t{sizeof(T)}, flags + i, whole, kept.data());
      i += whole;
    }
    for (; i < end; ++i) {
      std::memcpy(&kept[items], from + i * std::ptrdiff_t{sizeof(T)}, sizeof(T));
      items += flags[i] != 0 ? 1 : 0;
    }
    if (items > 0) std::memcpy(to, kept.data(), items * sizeof(T));
    to += items * sizeof(T);
  }
}

}  // namespace

bool pack_items(const std::byte* from, std::int64_t bytes, const std::uint8_t* flags,
                std::int64_t count, std::byte* to) {
  switch (bytes) {
    case 1:
      pack<std::uint8_t>(from, flags, count, to);
      return true;
    case 2:
      pack<std::uint16_t>(from, flags, count, to);
      return true;
    case 4:
      pack<std::uint32_t>(from, flags, count, to);
      return true;
    case 8:
      pack<std::uint64_t>(from, flags, count, to);
      return true;
    default:
      return false;
  }
}

}  // namespace serried
