// serial
// Half against the CPU's own conversions, and doubles against an exact search.
#include "serried/base/half.hpp"

#include <immintrin.h>

#include <cmath>
#include <limits>
#include <vector>

#include "gtest/gtest.h"
#include "serried/base/philox.hpp"

namespace serried {
namespace {

float reference_float(std::uint16_t bits) {
  return _cvtsh_ss(bits);
}
std::uint16_t reference_half(float value) {
  return _cvtss_sh(value, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
}
Half half(std::uint32_t bits) {
  return {static_cast<std::uint16_t>(bits)};
}

TEST(Half, every_pattern_widens_exactly_and_comes_back) {
  for (std::uint32_t bits = 0; bits <= 0xffff; ++bits) {
    const float value = to_float(half(bits));
    if (std::isnan(value)) {
      EXPECT_EQ(bits & 0x7c00u, 0x7c00u) << bits;
      EXPECT_NE(bits & 0x03ffu, 0u) << bits;
      EXPECT_TRUE(std::isnan(reference_float(static_cast<std::uint16_t>(bits))));
      EXPECT_TRUE(std::isnan(to_float(to_half(value))));
      continue;
    }
    ASSERT_EQ(std::bit_cast<std::uint32_t>(value),
              std::bit_cast<std::uint32_t>(reference_float(static_cast<std::uint16_t>(bits))));
    ASSERT_EQ(to_half(value).bits, bits);
    ASSERT_EQ(to_half(static_cast<double>(value)).bits, bits);
  }
}

TEST(Half, floats_round_to_nearest_even) {
  // Around every half, and around every midpoint between two: the points where rounding changes.
  for (std::uint32_t bits = 0; bits < 0x7c00; ++bits) {
    const float low = to_float(half(bits));
    const float high = bits == 0x7bff ? 65536.f : to_float(half(bits + 1));
    const float middle = low + (high - low) / 2;  // exact
    for (const float at : {low, middle})
      for (const float value : {std::nextafterf(at, -1.f), at, std::nextafterf(at, 1e9f)}) {
        ASSERT_EQ(to_half(value).bits, reference_half(value)) << value;
        ASSERT_EQ(to_half(-value).bits, reference_half(-value)) << -value;
      }
  }
  for (std::uint64_t i = 0; i < 1000000; ++i) {
    const auto value = std::bit_cast<float>(static_cast<std::uint32_t>(philox_words(1, 2, i)[0]));
    if (std::isnan(value)) continue;
    ASSERT_EQ(to_half(value).bits, reference_half(value)) << value;
  }
}

TEST(Half, doubles_round_once) {
  for (std::uint32_t bits = 0; bits < 0x7c00; ++bits) {
    const double low = to_float(half(bits));
    const double high = bits == 0x7bff ? 65536. : static_cast<double>(to_float(half(bits + 1)));
    const double middle = (low + high) / 2;  // exact
    // Beside the midpoint by less than an f32 can tell.
    const double below = std::nextafter(middle, -1.);
    const double above = std::nextafter(middle, 1e9);
    const std::uint32_t even = bits + (bits & 1u);
    for (const double sign : {1., -1.}) {
      const std::uint32_t sign_bit = sign < 0 ? 0x8000u : 0u;
      ASSERT_EQ(to_half(sign * below).bits, sign_bit | bits) << below;
      ASSERT_EQ(to_half(sign * middle).bits, sign_bit | even) << middle;
      ASSERT_EQ(to_half(sign * above).bits, sign_bit | (bits + 1)) << above;
    }
  }
}

TEST(Half, doubles_at_the_ends) {
  constexpr double infinity = std::numeric_limits<double>::infinity();
  EXPECT_EQ(to_half(infinity).bits, 0x7c00);
  EXPECT_EQ(to_half(-infinity).bits, 0xfc00);
  EXPECT_EQ(to_half(1e300).bits, 0x7c00);
  EXPECT_EQ(to_half(-1e300).bits, 0xfc00);
  EXPECT_EQ(to_half(1e-300).bits, 0);
  EXPECT_EQ(to_half(-1e-300).bits, 0x8000);
  EXPECT_EQ(to_half(-0.).bits, 0x8000);
  EXPECT_TRUE(std::isnan(to_float(to_half(std::nan("")))));
}

}  // namespace
}  // namespace serried
