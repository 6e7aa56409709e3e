// serial
#include "serried/base/order_key.hpp"

#include <cmath>
#include <limits>
#include <vector>

#include "gtest/gtest.h"

namespace serried {
namespace {

TEST(OrderKey, doubles_ascend_and_come_back) {
  using Limits = std::numeric_limits<double>;
  const std::vector<double> ascending{-Limits::infinity(),  Limits::lowest(),      -1.5, -1.,
                                      -Limits::min(),       -Limits::denorm_min(), -0.,  0.,
                                      Limits::denorm_min(), Limits::min(),         1.,   1.5,
                                      Limits::max(),        Limits::infinity()};
  for (std::size_t i = 0; i < ascending.size(); ++i) {
    EXPECT_EQ(std::bit_cast<std::uint64_t>(double_from_key(order_key(ascending[i]))),
              std::bit_cast<std::uint64_t>(ascending[i]));
    if (i == 0) continue;
    EXPECT_LT(order_key(ascending[i - 1]), order_key(ascending[i])) << i;
  }
}

TEST(OrderKey, every_nan_is_above_all) {
  const std::uint64_t top = order_key(std::numeric_limits<double>::infinity());
  for (const std::uint64_t bits :
       {0x7ff8000000000000ull, 0xfff8000000000000ull, 0xfff0000000000001ull}) {
    EXPECT_GT(order_key(std::bit_cast<double>(bits)), top);
    EXPECT_TRUE(std::isnan(double_from_key(order_key(std::bit_cast<double>(bits)))));
  }
}

TEST(OrderKey, integers_ascend_and_come_back) {
  using Limits = std::numeric_limits<std::int64_t>;
  const std::vector<std::int64_t> ascending{Limits::min(), -2, -1, 0, 1, 2, Limits::max()};
  for (std::size_t i = 0; i < ascending.size(); ++i) {
    EXPECT_EQ(int64_from_key(order_key(ascending[i])), ascending[i]);
    if (i == 0) continue;
    EXPECT_LT(order_key(ascending[i - 1]), order_key(ascending[i])) << i;
  }
  EXPECT_LT(order_key(std::uint64_t{1}), order_key(~std::uint64_t{0}));
}

}  // namespace
}  // namespace serried
