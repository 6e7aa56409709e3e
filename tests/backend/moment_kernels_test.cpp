// serial
// timeout: 300
#include "serried/device/moment_kernels.hpp"

#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <vector>

#include "backend/guarded_memory.hpp"
#include "backend/targets.hpp"
#include "gtest/gtest.h"
#include "serried/base/order_key.hpp"
#include "serried/device/backend.hpp"
#include "support/leaf_folds.hpp"
#include "support/numbers.hpp"

namespace serried::test {
namespace {

using Types =
    testing::Types<bool, std::int8_t, std::uint8_t, std::int16_t, std::uint16_t, std::int32_t,
                   std::uint32_t, std::int64_t, std::uint64_t, Half, float, double>;

template <class T>
std::uint64_t key(T value) {
  if constexpr (std::is_same_v<T, std::uint64_t>)
    return order_key(value);
  else if constexpr (std::is_same_v<T, bool> || (std::is_integral_v<T> && std::is_signed_v<T>))
    return order_key(static_cast<std::int64_t>(value));
  else
    return order_key(to_double(value) + 0.0);
}

struct Oracle {
  std::int64_t count = 0;
  std::int64_t nan_count = 0;
  std::uint64_t min_key = ~0ull;
  std::uint64_t max_key = 0;
  Quad mean = 0;
  Quad m2 = 0;
  Quad m3 = 0;
  Quad m4 = 0;
};

template <class T>
Oracle oracle(const T* first, std::int64_t count, std::int64_t stride) {
  Oracle result;
  Quad sum = 0;
  for (std::int64_t i = 0; i < count; ++i) {
    const T x = first[i * stride];
    if (is_nan(x)) {
      ++result.nan_count;
      continue;
    }
    ++result.count;
    result.min_key = std::min(result.min_key, key(x));
    result.max_key = std::max(result.max_key, key(x));
    sum += to_quad(x);
  }
  if (result.count == 0) return result;
  result.mean = sum / static_cast<Quad>(result.count);
  for (std::int64_t i = 0; i < count; ++i) {
    const T x = first[i * stride];
    if (is_nan(x)) continue;
    const Quad d = to_quad(x) - result.mean;
    result.m2 += d * d;
    result.m3 += d * d * d;
    result.m4 += d * d * d * d;
  }
  return result;
}

double magnitude(Quad value) {
  return std::fabs(static_cast<double>(value));
}

void expect_moments(const Moments& moments, const Oracle& expected) {
  EXPECT_EQ(moments.count, expected.count);
  EXPECT_EQ(moments.nan_count, expected.nan_count);
  EXPECT_EQ(moments.min_key, expected.min_key);
  EXPECT_EQ(moments.max_key, expected.max_key);
  if (expected.count == 0) return;
  const double n = static_cast<double>(expected.count);
  const double deviation = std::sqrt(static_cast<double>(expected.m2) / n);
  const Quad mean = static_cast<Quad>(moments.mean) + static_cast<Quad>(moments.mean_error);
  // the two parts of the mean together are good to the spread's, not only to the mean's own, last
  // digit
  EXPECT_LE(magnitude(mean - expected.mean), 1e-14 * deviation);
  EXPECT_LE(magnitude(moments.m2 - expected.m2), 1e-13 * magnitude(expected.m2));
  EXPECT_LE(magnitude(moments.m3 - expected.m3), 1e-12 * n * std::pow(deviation, 3));
  EXPECT_LE(magnitude(moments.m4 - expected.m4), 1e-13 * magnitude(expected.m4));
}

bool is_same(const std::vector<Moments>& a, const std::vector<Moments>& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(Moments)) == 0;
}

template <class T>
std::vector<Moments> reduce(const T* rows, std::int64_t columns,
                            std::vector<std::int64_t> offsets) {
  const auto backend = make_host_backend(1);
  std::vector<Moments> out((offsets.size() - 1) * static_cast<std::size_t>(columns));
  backend->kernels<MomentKernels>(dtype_of<T>).reduce_columns(rows, columns, offsets, out);
  return out;
}

template <class T>
class MomentKernelsOf : public testing::Test {};
TYPED_TEST_SUITE(MomentKernelsOf, Types);

TYPED_TEST(MomentKernelsOf, columns_equal_the_oracle_on_every_target) {
  using T = TypeParam;
  for (const std::int64_t columns : {1, 2, 3, 5, 8, 31, 32, 33, 63, 64, 65, 257, 600})
    for (const std::int64_t rows : {1, 2, 7, 33, 130, 1000}) {
      if (rows * columns > 70'000) continue;
      const GuardedMemory<T> data(rows * columns,
                                  [](std::int64_t i) { return number<T>(i, true); });
      std::vector<std::vector<Moments>> results;
      for (const auto& level : available_targets()) {
        const TargetScope scope(level);
        results.push_back(reduce(data.data(), columns, {0, rows}));
      }
      for (const auto& result : results) EXPECT_TRUE(is_same(result, results[0])) << columns;
      const std::int64_t step = columns > 8 ? columns / 3 : 1;  // the oracle is slow
      for (std::int64_t j = 0; j < columns; j += step) {
        SCOPED_TRACE(testing::Message() << rows << " rows, column " << j << " of " << columns);
        expect_moments(results[0][static_cast<std::size_t>(j)],
                       oracle(data.data() + j, rows, columns));
      }
    }
}

TYPED_TEST(MomentKernelsOf, a_leaf_depends_on_itself_alone) {
  using T = TypeParam;
  for (const std::int64_t columns : {1, 3, 32, 65, 300}) {
    const std::int64_t rows = 40'000 / columns;
    // NaN in one leaf take another path through the kernel
    const GuardedMemory<T> data(
        rows * columns, [&](std::int64_t i) { return number<T>(i, i / columns < rows / 3); });
    std::vector<std::int64_t> offsets{0, rows / 3, rows / 3, rows / 2 + 1, rows};
    const auto together = reduce(data.data(), columns, offsets);
    for (std::size_t leaf = 0; leaf + 1 < offsets.size(); ++leaf) {
      const std::int64_t count = offsets[leaf + 1] - offsets[leaf];
      const auto alone = reduce(data.data() + offsets[leaf] * columns, columns, {0, count});
      const auto begin = together.begin() + static_cast<std::int64_t>(leaf) * columns;
      EXPECT_TRUE(is_same(alone, std::vector<Moments>(begin, begin + columns)))
          << leaf << ", " << columns << " columns";
    }
  }
}

TYPED_TEST(MomentKernelsOf, elements_are_one_column) {
  using T = TypeParam;
  const GuardedMemory<T> data(100'001, [](std::int64_t i) { return number<T>(i); });
  const auto backend = make_host_backend(1);
  const std::vector<std::int64_t> offsets{0, 70'000, 100'001};
  std::vector<Moments> out(2);
  backend->kernels<MomentKernels>(dtype_of<T>).reduce_elements(data.data(), offsets, out);
  EXPECT_TRUE(is_same(out, reduce(data.data(), 1, offsets)));
  expect_moments(out[0], oracle(data.data(), 70'000, 1));
}

TYPED_TEST(MomentKernelsOf, nodes_have_the_bits_of_their_leaves) {
  using T = TypeParam;
  const auto backend = make_host_backend(1);
  for (const std::int64_t columns : {1, 7}) {
    const std::int64_t rows = 20'000 / columns;
    const GuardedMemory<T> data(rows * columns, [](std::int64_t i) { return number<T>(i, true); });
    for (const std::int64_t count : {1, 2, 300})
      for (const std::int64_t first_leaf : {0, 3, 512}) {
        const auto offsets = test::leaf_offsets(rows, count, count == 2);
        const auto expected =
            test::fold_serially(reduce(data.data(), columns, offsets), columns, first_leaf,
                                [](Moments& left, const Moments& right) { combine(left, right); });
        std::vector<Moments> nodes(expected.size());
        backend->kernels<MomentKernels>(dtype_of<T>)
            .fold_columns(data.data(), columns, offsets, first_leaf, nodes);
        EXPECT_TRUE(is_same(nodes, expected)) << count << " leaves from " << first_leaf;
      }
  }
}

TYPED_TEST(MomentKernelsOf, equal_numbers_have_no_spread) {
  using T = TypeParam;
  const T value = number<T>(3);
  const GuardedMemory<T> data(50'003, [&](std::int64_t) { return value; });
  for (const std::int64_t columns : {1, 7, 100}) {
    const std::int64_t rows = 50'003 / columns;
    for (const Moments& moments : reduce(data.data(), columns, {0, rows})) {
      EXPECT_EQ(static_cast<Quad>(moments.mean) + static_cast<Quad>(moments.mean_error),
                to_quad(value));
      EXPECT_EQ(moments.m2, 0);
      EXPECT_EQ(moments.m3, 0);
      EXPECT_EQ(moments.m4, 0);
    }
  }
}

TEST(MomentKernels, integers_at_the_ends_of_their_range) {
  constexpr std::int64_t low = std::numeric_limits<std::int64_t>::min();
  constexpr std::int64_t high = std::numeric_limits<std::int64_t>::max();
  const std::vector<std::int64_t> data{low, high, low + 1, high - 1, 0};
  const auto result = reduce(data.data(), 1, {0, 5});
  EXPECT_EQ(int64_from_key(result[0].min_key), low);
  EXPECT_EQ(int64_from_key(result[0].max_key), high);
  EXPECT_NEAR(result[0].mean, -0.4, 1e-14 * 0x1p63);  // relative to the spread
  const std::vector<std::uint64_t> unsigned_data{~0ull, 0, ~0ull - 1};
  const auto unsigned_result = reduce(unsigned_data.data(), 1, {0, 3});
  EXPECT_EQ(unsigned_result[0].min_key, 0u);
  EXPECT_EQ(unsigned_result[0].max_key, ~0ull);
}

TEST(MomentKernels, integers_of_64_bits_near_the_edges_of_their_halves) {
  const auto check = [](const auto& data) {
    for (const std::string& target : available_targets()) {
      const TargetScope scope(target);
      const auto rows = static_cast<std::int64_t>(data.size());
      const auto moments = reduce(data.data(), 1, {0, rows});
      expect_moments(moments[0], oracle(data.data(), rows, 1));
    }
  };
  std::vector<std::int64_t> small{-1, 0, 0};
  check(small);
  EXPECT_NEAR(reduce(small.data(), 1, {0, 3})[0].mean, -1. / 3, 0x1.0p-54);
  for (std::int64_t i = 0; i < 97; ++i) small.push_back(i % 5 - 3);
  check(small);
  for (const int bit : {31, 32, 33, 53, 62})
    for (const std::int64_t sign : {-1, 1}) {
      std::vector<std::int64_t> data;
      for (std::int64_t i = 0; i < 50; ++i) data.push_back(sign * (1ll << bit) + i * i % 7 - 3);
      check(data);
    }
  for (const int bit : {31, 32, 53, 63}) {
    std::vector<std::uint64_t> data;
    for (std::uint64_t i = 0; i < 50; ++i) data.push_back((1ull << bit) + i * i % 7 - 3);
    check(data);
  }
}

TEST(MomentKernels, infinite_numbers_give_the_mean_of_a_plain_sum) {
  constexpr double inf = std::numeric_limits<double>::infinity();
  const double nan = std::numeric_limits<double>::quiet_NaN();
  std::vector<double> data(1000, 1.5);
  data[77] = inf;
  data[500] = nan;
  auto result = reduce(data.data(), 1, {0, 1000})[0];
  EXPECT_EQ(result.count, 999);
  EXPECT_EQ(result.nan_count, 1);
  EXPECT_EQ(result.mean, inf);
  EXPECT_EQ(result.mean_error, 0);
  EXPECT_TRUE(std::isnan(result.m2) && std::isnan(result.m3) && std::isnan(result.m4));
  EXPECT_EQ(double_from_key(result.min_key), 1.5);
  EXPECT_EQ(double_from_key(result.max_key), inf);
  data[78] = -inf;
  result = reduce(data.data(), 1, {0, 1000})[0];
  EXPECT_TRUE(std::isnan(result.mean));
  EXPECT_EQ(result.count, 999);
  EXPECT_EQ(double_from_key(result.min_key), -inf);
  result = reduce(data.data(), 1, {500, 501})[0];
  EXPECT_EQ(result.count, 0);
  EXPECT_EQ(result.min_key, ~0ull);
  EXPECT_EQ(result.max_key, 0u);
}

TEST(MomentKernels, zeros_count_as_positive) {
  const std::vector<float> data{-0.0f, 0.0f, -0.0f};
  const auto result = reduce(data.data(), 1, {0, 3})[0];
  EXPECT_EQ(result.min_key, order_key(0.0));
  EXPECT_EQ(result.max_key, order_key(0.0));
  EXPECT_FALSE(std::signbit(result.mean));
}

TEST(Moments, combine_gives_the_moments_of_the_union) {
  const GuardedMemory<double> data(30'000, [](std::int64_t i) { return number<double>(i, true); });
  for (const std::int64_t cut : {0, 1, 2, 17, 15'000, 29'999, 30'000}) {
    auto parts = reduce(data.data(), 1, {0, cut, 30'000});
    combine(parts[0], parts[1]);
    expect_moments(parts[0], oracle(data.data(), 30'000, 1));
  }
}

TEST(Moments, combine_with_nothing_changes_nothing) {
  Moments some = reduce(std::vector<double>{1, 2, 4}.data(), 1, {0, 3})[0];
  const std::vector<Moments> before{some};
  combine(some, Moments{});
  EXPECT_TRUE(is_same({some}, before));
  Moments none;
  none.nan_count = 2;
  combine(none, some);
  EXPECT_EQ(none.nan_count, 2);
  none.nan_count = 0;
  EXPECT_TRUE(is_same({none}, before));
}

TEST(Moments, combine_far_apart_does_not_trap) {
  const std::vector<double> data{1.5e308, -1.5e308};
  auto parts = reduce(data.data(), 1, {0, 1, 2});
  combine(parts[0], parts[1]);
  EXPECT_EQ(parts[0].count, 2);
  EXPECT_EQ(parts[0].mean, 0);
  EXPECT_TRUE(std::isnan(parts[0].m2));
}

TEST(MomentKernels, refuse_what_is_no_real_number) {
  const auto backend = make_host_backend(1);
  EXPECT_THROW(static_cast<void>(backend->kernels<MomentKernels>(DType::c64)), InvalidArgument);
}

}  // namespace
}  // namespace serried::test
