// serial
// timeout: 600
#include "serried/device/moment_kernels.hpp"

#include <cmath>
#include <cstring>
#include <limits>
#include <utility>
#include <vector>

#include "cuda/cuda_support.hpp"
#include "cuda/real_types.hpp"
#include "gtest/gtest.h"
#include "serried/base/order_key.hpp"
#include "serried/base/tree_nodes.hpp"
#include "support/leaf_folds.hpp"

namespace serried::test {
namespace {

using Offsets = std::vector<std::int64_t>;

std::vector<Moments> reduce(const Backend& backend, DType dtype, const void* rows,
                            std::int64_t columns, const Offsets& offsets) {
  std::vector<Moments> out((offsets.size() - 1) * static_cast<std::size_t>(columns));
  backend.kernels<MomentKernels>(dtype).reduce_columns(rows, columns, offsets, out);
  return out;
}

std::vector<Moments> fold(const Backend& backend, DType dtype, const void* rows,
                          std::int64_t columns, const Offsets& offsets, std::int64_t first_leaf) {
  const auto leaves = static_cast<std::int64_t>(offsets.size()) - 1;
  const auto nodes = maximal_nodes(first_leaf, first_leaf + leaves).size();
  std::vector<Moments> out(nodes * static_cast<std::size_t>(columns));
  backend.kernels<MomentKernels>(dtype).fold_columns(rows, columns, offsets, first_leaf, out);
  return out;
}

// What fold returns, out of the leaves.
std::vector<Moments> fold_of(const std::vector<Moments>& leaves, std::int64_t columns,
                             std::int64_t first_leaf) {
  return fold_serially(leaves, columns, first_leaf,
                       [](Moments& left, const Moments& right) { combine(left, right); });
}

bool is_same(const std::vector<Moments>& a, const std::vector<Moments>& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(Moments)) == 0;
}

void expect_exact_parts(const Moments& moments, const Moments& expected) {
  EXPECT_EQ(moments.count, expected.count);
  EXPECT_EQ(moments.nan_count, expected.nan_count);
  EXPECT_EQ(moments.min_key, expected.min_key);
  EXPECT_EQ(moments.max_key, expected.max_key);
}

double distance(double a, double b) {
  return std::fabs(a - b);
}

// Both are good to about 1e-14 of the scale of what they state.
void expect_near(const Moments& moments, const Moments& expected) {
  expect_exact_parts(moments, expected);
  if (expected.count == 0) return;
  const double n = static_cast<double>(expected.count);
  const double deviation = std::sqrt(expected.m2 / n);
  const auto mean = static_cast<Quad>(moments.mean) + static_cast<Quad>(moments.mean_error);
  const auto other = static_cast<Quad>(expected.mean) + static_cast<Quad>(expected.mean_error);
  EXPECT_LE(std::fabs(static_cast<double>(mean - other)), 2e-14 * deviation);
  EXPECT_LE(distance(moments.m2, expected.m2), 2e-13 * expected.m2);
  EXPECT_LE(distance(moments.m3, expected.m3), 2e-12 * n * std::pow(deviation, 3));
  EXPECT_LE(distance(moments.m4, expected.m4), 2e-13 * expected.m4);
}

// The definition, with 113 bits.
template <class T>
void expect_oracle(const Moments& moments, const T* first, std::int64_t rows, std::int64_t stride) {
  Quad sum = 0;
  std::int64_t count = 0;
  for (std::int64_t i = 0; i < rows; ++i)
    if (!is_nan(first[i * stride])) {
      sum += to_quad(first[i * stride]);
      ++count;
    }
  EXPECT_EQ(moments.count, count);
  EXPECT_EQ(moments.nan_count, rows - count);
  if (count == 0) return;
  const Quad mean = sum / static_cast<Quad>(count);
  Quad m2 = 0, m3 = 0, m4 = 0;
  for (std::int64_t i = 0; i < rows; ++i) {
    if (is_nan(first[i * stride])) continue;
    const Quad d = to_quad(first[i * stride]) - mean;
    m2 += d * d;
    m3 += d * d * d;
    m4 += d * d * d * d;
  }
  const auto n = static_cast<double>(count);
  const double deviation = std::sqrt(static_cast<double>(m2) / n);
  const auto own_mean = static_cast<Quad>(moments.mean) + static_cast<Quad>(moments.mean_error);
  EXPECT_LE(std::fabs(static_cast<double>(own_mean - mean)), 1e-14 * deviation);
  EXPECT_LE(distance(moments.m2, static_cast<double>(m2)), 1e-13 * static_cast<double>(m2));
  EXPECT_LE(distance(moments.m3, static_cast<double>(m3)), 1e-12 * n * std::pow(deviation, 3));
  EXPECT_LE(distance(moments.m4, static_cast<double>(m4)), 1e-13 * static_cast<double>(m4));
}

template <class T>
class CudaMomentKernelsOf : public testing::Test {};
TYPED_TEST_SUITE(CudaMomentKernelsOf, RealTypes);

TYPED_TEST(CudaMomentKernelsOf, columns_equal_the_host_and_the_oracle) {
  SERRIED_REQUIRE_CUDA();
  using T = TypeParam;
  for (const std::int64_t columns : {1, 2, 3, 8, 32, 63, 64, 65, 127, 128, 129, 300})
    for (const std::int64_t rows : {1, 2, 7, 65, 1100}) {
      if (rows * columns > 150'000) continue;
      const Rows<T> data(rows * columns, [](std::int64_t i) { return number<T>(i, true); });
      const auto result = reduce(*backends().cuda, dtype_of<T>, data.cuda(1), columns, {0, rows});
      const auto expected = reduce(*backends().host, dtype_of<T>, data.host(), columns, {0, rows});
      for (std::int64_t j = 0; j < columns; ++j) {
        SCOPED_TRACE(testing::Message() << rows << " rows, column " << j << " of " << columns);
        expect_near(result[static_cast<std::size_t>(j)], expected[static_cast<std::size_t>(j)]);
        if (j % 29 == 0)
          expect_oracle(result[static_cast<std::size_t>(j)], data.host() + j, rows, columns);
      }
    }
}

TYPED_TEST(CudaMomentKernelsOf, a_leaf_depends_on_itself_alone) {
  SERRIED_REQUIRE_CUDA();
  using T = TypeParam;
  for (const std::int64_t columns : {1, 3, 32, 65, 300}) {
    const std::int64_t rows = 120'001 / columns;
    const Rows<T> data(rows * columns,
                       [&](std::int64_t i) { return number<T>(i, i / columns < rows / 5); });
    const Offsets offsets{1,        1,        1 + rows / 5, 2 + rows / 5, rows / 4,
                          rows / 4, rows / 3, rows - 2,     rows};
    const auto expected = reduce(*backends().host, dtype_of<T>, data.host(), columns, offsets);
    const auto together = reduce(*backends().cuda, dtype_of<T>, data.cuda(0), columns, offsets);
    for (std::size_t i = 0; i < together.size(); ++i) expect_near(together[i], expected[i]);
    for (std::size_t leaf = 0; leaf + 1 < offsets.size(); ++leaf) {
      const std::int64_t count = offsets[leaf + 1] - offsets[leaf];
      const auto begin = together.begin() + static_cast<std::int64_t>(leaf) * columns;
      // at another address, which no vector load may begin at
      for (const std::int64_t shift : {1, 3}) {
        const auto alone = reduce(*backends().cuda, dtype_of<T>,
                                  data.cuda(shift) + offsets[leaf] * columns, columns, {0, count});
        EXPECT_TRUE(is_same(alone, std::vector<Moments>(begin, begin + columns)))
            << leaf << ", " << columns << " columns, from element " << shift;
      }
    }
  }
}

TYPED_TEST(CudaMomentKernelsOf, one_large_leaf_and_many_small_ones) {
  SERRIED_REQUIRE_CUDA();
  using T = TypeParam;
  const std::int64_t count = 700'003;
  const Rows<T> data(count, [](std::int64_t i) { return number<T>(i); });
  Offsets small;
  for (std::int64_t begin = 0; begin < count; begin += 1 + small.back() % 4321)
    small.push_back(begin);
  small.push_back(count);
  for (const Offsets& offsets : {Offsets{0, count}, small}) {
    std::vector<Moments> result(offsets.size() - 1);
    backends()
        .cuda->kernels<MomentKernels>(dtype_of<T>)
        .reduce_elements(data.cuda(0), offsets, result);
    const auto expected = reduce(*backends().host, dtype_of<T>, data.host(), 1, offsets);
    for (std::size_t leaf = 0; leaf < result.size(); ++leaf) {
      SCOPED_TRACE(leaf);
      expect_near(result[leaf], expected[leaf]);
    }
  }
}

// Leaves of one length and of many, in one step of the fold and in several.
TYPED_TEST(CudaMomentKernelsOf, nodes_have_the_bits_of_their_leaves) {
  SERRIED_REQUIRE_CUDA();
  using T = TypeParam;
  for (const std::int64_t columns : {1, 2, 3, 33}) {
    const std::int64_t rows = (columns == 1 ? 60'000 : 90'000) / columns;
    const Rows<T> data(rows * columns, [](std::int64_t i) { return number<T>(i, i < 5000); });
    for (const bool is_uniform : {true, false})
      for (const auto& [count, first_leaf] : std::vector<std::pair<std::int64_t, std::int64_t>>{
               {1, 5}, {2, 0}, {31, 3}, {1300, 1000}}) {
        const Offsets offsets = leaf_offsets(rows, count, is_uniform);
        const auto leaves = reduce(*backends().cuda, dtype_of<T>, data.cuda(0), columns, offsets);
        EXPECT_TRUE(
            is_same(fold(*backends().cuda, dtype_of<T>, data.cuda(0), columns, offsets, first_leaf),
                    fold_of(leaves, columns, first_leaf)))
            << columns << " columns, " << count << " leaves from " << first_leaf;
      }
  }
}

// Leaves of one length are found without tables.
TYPED_TEST(CudaMomentKernelsOf, equal_lengths_change_nothing) {
  SERRIED_REQUIRE_CUDA();
  using T = TypeParam;
  for (const std::int64_t columns : {1, 40}) {
    const std::int64_t leaf_rows = 50'001 / columns;
    const std::int64_t rows = 3 * leaf_rows + leaf_rows / 3;
    const Rows<T> data(rows * columns, [](std::int64_t i) { return number<T>(i); });
    const Offsets uniform{0, leaf_rows, 2 * leaf_rows, 3 * leaf_rows, rows};
    Offsets other(uniform);
    other.push_back(rows - 1);
    std::swap(other[4], other[5]);
    auto result = reduce(*backends().cuda, dtype_of<T>, data.cuda(0), columns, other);
    const auto expected = reduce(*backends().cuda, dtype_of<T>, data.cuda(0), columns, uniform);
    result.resize(static_cast<std::size_t>(3 * columns));
    EXPECT_TRUE(is_same(result, {expected.begin(), expected.begin() + 3 * columns}));
  }
}

TYPED_TEST(CudaMomentKernelsOf, equal_numbers_have_no_spread) {
  SERRIED_REQUIRE_CUDA();
  using T = TypeParam;
  const T value = number<T>(3);
  const Rows<T> data(50'003, [&](std::int64_t) { return value; });
  for (const std::int64_t columns : {1, 7, 100, 200}) {
    const std::int64_t rows = 50'003 / columns;
    for (const Moments& moments :
         reduce(*backends().cuda, dtype_of<T>, data.cuda(0), columns, {0, rows})) {
      EXPECT_EQ(static_cast<Quad>(moments.mean) + static_cast<Quad>(moments.mean_error),
                to_quad(value));
      EXPECT_EQ(moments.m2, 0);
      EXPECT_EQ(moments.m3, 0);
      EXPECT_EQ(moments.m4, 0);
    }
  }
}

template <class T>
void expect_oracle_of(const std::vector<T>& data) {
  const DeviceCopy<T> rows(*backends().cuda, data);
  for (const std::int64_t columns : {1, 5, 70}) {
    const auto count = static_cast<std::int64_t>(data.size()) / columns;
    if (count == 0) continue;
    const auto result = reduce(*backends().cuda, dtype_of<T>, rows.data(), columns, {0, count});
    for (std::int64_t j = 0; j < columns; ++j) {
      SCOPED_TRACE(testing::Message() << "column " << j << " of " << columns);
      expect_oracle(result[static_cast<std::size_t>(j)], data.data() + j, count, columns);
    }
  }
}

TEST(CudaMomentKernels, data_far_from_zero_keep_their_digits) {
  SERRIED_REQUIRE_CUDA();
  std::vector<double> noise, trend, steps;
  std::vector<float> floats;
  for (std::int64_t i = 0; i < 70'000; ++i) {
    noise.push_back(1e9 + number<double>(i));
    trend.push_back(1e6 + static_cast<double>(i) * 0.37);
    // the first numbers say nothing about the others
    steps.push_back(i < 9000 ? 0.0 : 1e6 + number<double>(i) * 1e-3);
    floats.push_back(static_cast<float>(1e9 + 100 * number<double>(i)));
  }
  expect_oracle_of(noise);
  expect_oracle_of(trend);
  expect_oracle_of(steps);
  expect_oracle_of(floats);
}

TEST(CudaMomentKernels, floats_whose_short_sums_overflow) {
  SERRIED_REQUIRE_CUDA();
  std::vector<float> data;
  for (std::int64_t i = 0; i < 5000; ++i)
    data.push_back((i % 3 == 0 ? -1.0f : 1.0f) * (3e38f + static_cast<float>(i) * 1e33f));
  expect_oracle_of(data);
}

TEST(CudaMomentKernels, integers_at_the_ends_of_their_range) {
  SERRIED_REQUIRE_CUDA();
  constexpr std::int64_t low = std::numeric_limits<std::int64_t>::min();
  constexpr std::int64_t high = std::numeric_limits<std::int64_t>::max();
  const DeviceCopy<std::int64_t> data(*backends().cuda,
                                      std::vector<std::int64_t>{low, high, low + 1, high - 1, 0});
  const auto result = reduce(*backends().cuda, DType::i64, data.data(), 1, {0, 5});
  EXPECT_EQ(int64_from_key(result[0].min_key), low);
  EXPECT_EQ(int64_from_key(result[0].max_key), high);
  EXPECT_NEAR(result[0].mean, -0.4, 1e-14 * 0x1p63);
  const DeviceCopy<std::uint64_t> large(*backends().cuda,
                                        std::vector<std::uint64_t>{~0ull, 0, ~0ull - 1});
  const auto large_result = reduce(*backends().cuda, DType::u64, large.data(), 1, {0, 3});
  EXPECT_EQ(large_result[0].min_key, 0u);
  EXPECT_EQ(large_result[0].max_key, ~0ull);
  std::vector<std::int32_t> words{std::numeric_limits<std::int32_t>::min(),
                                  std::numeric_limits<std::int32_t>::max(), -1, 0, 5};
  expect_oracle_of(words);
  expect_oracle_of(std::vector<std::uint32_t>{~0u, 0u, ~0u - 1, 77u, 0x80000000u});
}

TEST(CudaMomentKernels, integers_of_64_bits_near_the_edges_of_their_halves) {
  SERRIED_REQUIRE_CUDA();
  expect_oracle_of(std::vector<std::int64_t>{-1, 0, 0});
  for (const int bit : {31, 32, 33, 53, 62})
    for (const std::int64_t sign : {-1, 1}) {
      std::vector<std::int64_t> data;
      for (std::int64_t i = 0; i < 350; ++i) data.push_back(sign * (1ll << bit) + i * i % 7 - 3);
      expect_oracle_of(data);
    }
  for (const int bit : {31, 32, 53, 63}) {
    std::vector<std::uint64_t> data;
    for (std::uint64_t i = 0; i < 350; ++i) data.push_back((1ull << bit) + i * i % 7 - 3);
    expect_oracle_of(data);
  }
}

template <class T>
void expect_infinite_mean() {
  constexpr T inf = std::numeric_limits<T>::infinity();
  std::vector<T> data(20'000, T{1.5});
  data[77] = inf;
  data[500] = std::numeric_limits<T>::quiet_NaN();
  const auto moments_of = [&](std::int64_t begin, std::int64_t end) {
    const DeviceCopy<T> rows(*backends().cuda, data);
    const auto expected = reduce(*backends().host, dtype_of<T>, data.data(), 1, {begin, end})[0];
    const auto result = reduce(*backends().cuda, dtype_of<T>, rows.data(), 1, {begin, end})[0];
    expect_exact_parts(result, expected);
    return result;
  };
  auto result = moments_of(0, 20'000);
  EXPECT_EQ(result.count, 19'999);
  EXPECT_EQ(result.nan_count, 1);
  EXPECT_EQ(result.mean, static_cast<double>(inf));
  EXPECT_EQ(result.mean_error, 0);
  EXPECT_TRUE(std::isnan(result.m2) && std::isnan(result.m3) && std::isnan(result.m4));
  data[15'000] = -inf;
  result = moments_of(0, 20'000);
  EXPECT_TRUE(std::isnan(result.mean));
  EXPECT_EQ(result.count, 19'999);
  result = moments_of(500, 501);
  EXPECT_EQ(result.count, 0);
  EXPECT_EQ(result.min_key, ~0ull);
  EXPECT_EQ(result.max_key, 0u);
}

TEST(CudaMomentKernels, infinite_numbers_give_the_mean_of_a_plain_sum) {
  SERRIED_REQUIRE_CUDA();
  expect_infinite_mean<float>();
  expect_infinite_mean<double>();
}

TEST(CudaMomentKernels, zeros_count_as_positive) {
  SERRIED_REQUIRE_CUDA();
  const DeviceCopy<float> data(*backends().cuda, std::vector<float>{-0.0f, 0.0f, -0.0f});
  const auto result = reduce(*backends().cuda, DType::f32, data.data(), 1, {0, 3})[0];
  EXPECT_EQ(result.min_key, order_key(0.0));
  EXPECT_EQ(result.max_key, order_key(0.0));
  EXPECT_FALSE(std::signbit(result.mean));
}

// So many columns that groups of leaves are folded some columns at a time.
TEST(CudaMomentKernels, nodes_of_wide_rows) {
  SERRIED_REQUIRE_CUDA();
  const std::int64_t columns = 2000;
  const std::int64_t leaves = 515;
  const Rows<std::int8_t> data(leaves * columns,
                               [](std::int64_t i) { return number<std::int8_t>(i); });
  const Offsets offsets = leaf_offsets(leaves, leaves, true);
  const auto own = reduce(*backends().cuda, DType::i8, data.cuda(0), columns, offsets);
  EXPECT_TRUE(is_same(fold(*backends().cuda, DType::i8, data.cuda(0), columns, offsets, 2),
                      fold_of(own, columns, 2)));
}

TEST(CudaMomentKernels, no_rows_have_empty_moments) {
  SERRIED_REQUIRE_CUDA();
  const DeviceCopy<float> data(*backends().cuda, std::vector<float>{1, 2, 3});
  EXPECT_TRUE(reduce(*backends().cuda, DType::f32, data.data(), 3, {0}).empty());
  const std::vector<Moments> empty(3 * 2);
  EXPECT_TRUE(is_same(reduce(*backends().cuda, DType::f32, data.data(), 3, {1, 1, 1}), empty));
}

// Rows so wide that a call takes their columns in turns.
TEST(CudaMomentKernels, very_wide_rows) {
  SERRIED_REQUIRE_CUDA();
  const std::int64_t columns = (1 << 18) + 77;
  const Rows<std::int8_t> data(3 * columns, [](std::int64_t i) { return number<std::int8_t>(i); });
  const Offsets offsets{0, 1, 3};
  const auto expected = reduce(*backends().host, DType::i8, data.host(), columns, offsets);
  const auto result = reduce(*backends().cuda, DType::i8, data.cuda(0), columns, offsets);
  for (std::size_t i = 0; i < result.size(); i += 101) expect_near(result[i], expected[i]);
  expect_near(result.back(), expected.back());
}

TEST(CudaMomentKernels, refuse_what_is_no_real_number) {
  SERRIED_REQUIRE_CUDA();
  EXPECT_THROW(static_cast<void>(backends().cuda->kernels<MomentKernels>(DType::c64)),
               InvalidArgument);
}

}  // namespace
}  // namespace serried::test
