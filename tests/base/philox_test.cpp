// serial
#include "serried/base/philox.hpp"

#include "gtest/gtest.h"

namespace serried {
namespace {

using Words = std::array<std::uint32_t, 4>;

constexpr std::uint64_t key_of(std::uint32_t low, std::uint32_t high) {
  return low | static_cast<std::uint64_t>(high) << 32;
}

TEST(Philox, known_answers_of_random123) {
  EXPECT_EQ(philox4x32({0, 0, 0, 0}, 0), (Words{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
  EXPECT_EQ(
      philox4x32({0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff}, key_of(0xffffffff, 0xffffffff)),
      (Words{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}));
  EXPECT_EQ(
      philox4x32({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, key_of(0xa4093822, 0x299f31d0)),
      (Words{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}));
}

TEST(Philox, words_place_index_and_stream_in_the_counter) {
  const std::uint64_t seed = key_of(0xa4093822, 0x299f31d0);
  const std::uint64_t index = key_of(0x243f6a88, 0x85a308d3);
  const std::uint64_t stream = key_of(0x13198a2e, 0x03707344);
  const auto words = philox_words(seed, stream, index);
  EXPECT_EQ(words[0], key_of(0xd16cfe09, 0x94fdcceb));
  EXPECT_EQ(words[1], key_of(0x5001e420, 0x24126ea1));
}

TEST(Philox, unit_interval_is_half_open) {
  EXPECT_EQ(to_unit_interval(0), 0.);
  EXPECT_EQ(to_unit_interval(1ull << 63), 0.5);
  EXPECT_EQ(to_unit_interval(~0ull), 1. - 0x1p-53);
}

TEST(Philox, works_at_compile_time) {
  static_assert(philox4x32({0, 0, 0, 0}, 0)[0] == 0x6627e8d5);
  static_assert(philox_words(0, 0, 0)[1] == 0x9b00dbd8bc57ac4cull);
  SUCCEED();
}

}  // namespace
}  // namespace serried
