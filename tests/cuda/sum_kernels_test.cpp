// serial
// timeout: 600
#include "serried/device/sum_kernels.hpp"

#include <cmath>
#include <cstring>
#include <limits>
#include <utility>
#include <vector>

#include "cuda/cuda_support.hpp"
#include "cuda/real_types.hpp"
#include "gtest/gtest.h"
#include "support/leaf_folds.hpp"

namespace serried::test {
namespace {

using Offsets = std::vector<std::int64_t>;

std::vector<double> sum(DType dtype, const void* rows, std::int64_t columns,
                        const Offsets& offsets) {
  std::vector<double> out((offsets.size() - 1) * static_cast<std::size_t>(columns), -7.0);
  backends().cuda->kernels<SumKernels>(dtype).reduce_columns(rows, columns, offsets, out);
  return out;
}

bool is_same(const std::vector<double>& a, const std::vector<double>& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(double)) == 0;
}

// Every leaf and column against a serial sum of 113 bits.
template <class T>
void expect_sums(const std::vector<double>& sums, const T* rows, std::int64_t columns,
                 const Offsets& offsets) {
  for (std::size_t leaf = 0; leaf + 1 < offsets.size(); ++leaf)
    for (std::int64_t j = 0; j < columns; ++j) {
      Quad expected = 0, magnitude = 0;
      for (std::int64_t row = offsets[leaf]; row < offsets[leaf + 1]; ++row) {
        const Quad x = to_quad(rows[row * columns + j]);
        expected += x;
        magnitude += x < 0 ? -x : x;
      }
      const auto i = leaf * static_cast<std::size_t>(columns) + static_cast<std::size_t>(j);
      ASSERT_LE(std::fabs(static_cast<double>(static_cast<Quad>(sums[i]) - expected)),
                1e-14 * static_cast<double>(magnitude))
          << "leaf " << leaf << ", column " << j << " of " << columns;
      if constexpr (std::is_integral_v<T> && sizeof(T) <= 4) {
        ASSERT_EQ(sums[i], static_cast<double>(expected));
      }
    }
}

template <class T>
class CudaSumKernelsOf : public testing::Test {};
TYPED_TEST_SUITE(CudaSumKernelsOf, RealTypes);

TYPED_TEST(CudaSumKernelsOf, columns_equal_the_oracle) {
  SERRIED_REQUIRE_CUDA();
  using T = TypeParam;
  for (const std::int64_t columns : {1, 2, 3, 5, 8, 31, 32, 33, 64, 65, 128, 129, 300})
    for (const std::int64_t rows : {1, 3, 64, 1001}) {
      if (rows * columns > 150'000) continue;
      const Rows<T> data(rows * columns, [](std::int64_t i) { return number<T>(i); });
      const Offsets offsets{0, rows / 2, rows / 2, rows};
      expect_sums(sum(dtype_of<T>, data.cuda(1), columns, offsets), data.host(), columns, offsets);
    }
}

TYPED_TEST(CudaSumKernelsOf, a_leaf_depends_on_itself_alone) {
  SERRIED_REQUIRE_CUDA();
  using T = TypeParam;
  for (const std::int64_t columns : {1, 3, 32, 65, 300}) {
    const std::int64_t rows = 300'001 / columns;
    const Rows<T> data(rows * columns, [](std::int64_t i) { return number<T>(i); });
    const Offsets offsets{1, 1, 2, rows / 4, rows / 4 + 1, rows / 3, rows - 2, rows};
    const auto together = sum(dtype_of<T>, data.cuda(0), columns, offsets);
    expect_sums(together, data.host(), columns, offsets);
    for (std::size_t leaf = 0; leaf + 1 < offsets.size(); ++leaf)
      for (const std::int64_t shift : {1, 3}) {
        const std::int64_t count = offsets[leaf + 1] - offsets[leaf];
        const auto begin = together.begin() + static_cast<std::int64_t>(leaf) * columns;
        const auto alone =
            sum(dtype_of<T>, data.cuda(shift) + offsets[leaf] * columns, columns, {0, count});
        EXPECT_TRUE(is_same(alone, std::vector<double>(begin, begin + columns)))
            << leaf << ", " << columns << " columns, from element " << shift;
      }
  }
}

// The numbers cancel, so that what is left are the errors of rounding, which the order of additions
// decides.
TEST(CudaSumKernels, the_order_of_additions_depends_on_the_leaf_alone) {
  SERRIED_REQUIRE_CUDA();
  const std::int64_t half = 30'003;
  const std::int64_t size = 2 * half;
  const Rows<double> data(size, [](std::int64_t i) {
    return i < half ? number<double>(i) : -number<double>((i - half) * 7919 % half);
  });
  for (const std::int64_t columns : {1, 2, 3, 73}) {
    const std::int64_t rows = size / columns;
    const auto expected = sum(DType::f64, data.cuda(0), columns, {0, rows});
    EXPECT_NE(expected, std::vector<double>(expected.size(), 0.0));
    for (const std::int64_t shift : {1, 2, 3})
      EXPECT_TRUE(is_same(sum(DType::f64, data.cuda(shift), columns, {0, rows}), expected))
          << columns << " columns, from element " << shift;
  }
}

TYPED_TEST(CudaSumKernelsOf, nodes_have_the_bits_of_their_leaves) {
  SERRIED_REQUIRE_CUDA();
  using T = TypeParam;
  for (const std::int64_t columns : {1, 2, 5, 33}) {
    const std::int64_t rows = 60'000 / columns;
    const Rows<T> data(rows * columns, [](std::int64_t i) { return number<T>(i); });
    for (const bool is_uniform : {true, false})
      for (const auto& [count, first_leaf] : std::vector<std::pair<std::int64_t, std::int64_t>>{
               {1, 5}, {2, 0}, {31, 3}, {1300, 1000}}) {
        const Offsets offsets = leaf_offsets(rows, count, is_uniform);
        const auto leaves = sum(dtype_of<T>, data.cuda(0), columns, offsets);
        const auto expected = fold_serially(
            leaves, columns, first_leaf, [](double& left, const double& right) { left += right; });
        std::vector<double> nodes(expected.size(), -7.0);
        backends()
            .cuda->kernels<SumKernels>(dtype_of<T>)
            .fold_columns(data.cuda(0), columns, offsets, first_leaf, nodes);
        EXPECT_TRUE(is_same(nodes, expected))
            << columns << " columns, " << count << " leaves from " << first_leaf;
      }
  }
}

TEST(CudaSumKernels, one_large_leaf_and_many_small_ones) {
  SERRIED_REQUIRE_CUDA();
  const std::int64_t count = 2'000'003;
  const Rows<float> data(count, [](std::int64_t i) { return number<float>(i); });
  Offsets small;
  for (std::int64_t begin = 0; begin < count; begin += 1 + small.back() % 4321)
    small.push_back(begin);
  small.push_back(count);
  for (const Offsets& offsets : {Offsets{0, count}, small})
    expect_sums(sum(DType::f32, data.cuda(0), 1, offsets), data.host(), 1, offsets);
}

TEST(CudaSumKernels, nan_and_infinity_propagate_in_their_column_alone) {
  SERRIED_REQUIRE_CUDA();
  std::vector<double> data(300, 1.0);
  data[3 * 40 + 1] = std::numeric_limits<double>::quiet_NaN();
  data[3 * 41 + 2] = std::numeric_limits<double>::infinity();
  const DeviceCopy<double> rows(*backends().cuda, data);
  const auto sums = sum(DType::f64, rows.data(), 3, {0, 100});
  EXPECT_EQ(sums[0], 100);
  EXPECT_TRUE(std::isnan(sums[1]));
  EXPECT_EQ(sums[2], std::numeric_limits<double>::infinity());
}

TEST(CudaSumKernels, no_rows_are_zero) {
  SERRIED_REQUIRE_CUDA();
  const DeviceCopy<float> data(*backends().cuda, std::vector<float>{1, 2, 3});
  EXPECT_TRUE(sum(DType::f32, data.data(), 3, {0}).empty());
  EXPECT_EQ(sum(DType::f32, data.data(), 3, {1, 1, 1}), std::vector<double>(6, 0.0));
}

TEST(CudaSumKernels, add_adds_element_by_element) {
  SERRIED_REQUIRE_CUDA();
  std::vector<double> left{1, 2, 3};
  backends().cuda->kernels<SumKernels>(DType::f64).add(left, std::vector<double>{0.5, -2, 1e300});
  EXPECT_EQ(left, (std::vector<double>{1.5, 0, 1e300}));
}

}  // namespace
}  // namespace serried::test
