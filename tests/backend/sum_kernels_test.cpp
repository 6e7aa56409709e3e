// serial
// timeout: 300
#include "serried/device/sum_kernels.hpp"

#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <numeric>
#include <vector>

#include "backend/guarded_memory.hpp"
#include "backend/targets.hpp"
#include "gtest/gtest.h"
#include "serried/device/backend.hpp"
#include "support/leaf_folds.hpp"
#include "support/numbers.hpp"

namespace serried::test {
namespace {

using Types =
    testing::Types<bool, std::int8_t, std::uint8_t, std::int16_t, std::uint16_t, std::int32_t,
                   std::uint32_t, std::int64_t, std::uint64_t, Half, float, double>;

template <class T>
std::vector<double> sum(const T* rows, std::int64_t columns, std::vector<std::int64_t> offsets) {
  const auto backend = make_host_backend(1);
  std::vector<double> out((offsets.size() - 1) * static_cast<std::size_t>(columns));
  backend->kernels<SumKernels>(dtype_of<T>).reduce_columns(rows, columns, offsets, out);
  return out;
}

// The sum as the interface states it: lanes of Panel, in the order of the rows, folded by halves.
template <class T>
double lane_sum(const T* rows, std::int64_t columns, std::int64_t column, std::int64_t count) {
  std::int64_t lanes = 1;
  if (columns < 64) {
    lanes = 8 / std::gcd(columns, std::int64_t{8});
    while (lanes * columns < 32) lanes *= 2;
  }
  std::vector<double> sums(static_cast<std::size_t>(lanes));
  for (std::int64_t row = 0; row < count; ++row)
    sums[static_cast<std::size_t>(row % lanes)] += to_double(rows[row * columns + column]);
  for (auto half = static_cast<std::size_t>(lanes) / 2; half > 0; half /= 2)
    for (std::size_t lane = 0; lane < half; ++lane) sums[lane] += sums[lane + half];
  return sums[0];
}

bool is_same(double a, double b) {
  return std::bit_cast<std::uint64_t>(a) == std::bit_cast<std::uint64_t>(b);
}

template <class T>
class SumKernelsOf : public testing::Test {};
TYPED_TEST_SUITE(SumKernelsOf, Types);

TYPED_TEST(SumKernelsOf, bits_are_those_of_the_stated_order_on_every_target) {
  using T = TypeParam;
  for (const auto& level : available_targets()) {
    const TargetScope scope(level);
    for (std::int64_t columns = 1; columns < 700;
         columns = columns < 70 ? columns + 1 : columns * 2)
      for (const std::int64_t rows : {1, 3, 64, 1001}) {
        if (rows * columns > 70'000) continue;
        const GuardedMemory<T> data(rows * columns, [](std::int64_t i) { return number<T>(i); });
        const auto sums = sum(data.data(), columns, {0, rows / 2, rows / 2, rows});
        const std::int64_t second = rows - rows / 2;
        for (std::int64_t j = 0; j < columns; ++j) {
          const auto at = static_cast<std::size_t>(j);
          const auto n = static_cast<std::size_t>(columns);
          ASSERT_TRUE(is_same(sums[at], lane_sum(data.data(), columns, j, rows / 2)))
              << rows << " rows, column " << j << " of " << columns << ", " << level;
          ASSERT_TRUE(is_same(sums[n + at], 0.0));
          ASSERT_TRUE(is_same(sums[2 * n + at],
                              lane_sum(data.data() + rows / 2 * columns, columns, j, second)))
              << rows << " rows, column " << j << " of " << columns << ", " << level;
        }
      }
  }
}

TYPED_TEST(SumKernelsOf, nodes_have_the_bits_of_their_leaves) {
  using T = TypeParam;
  const auto backend = make_host_backend(1);
  for (const std::int64_t columns : {1, 7}) {
    const std::int64_t rows = 20'000 / columns;
    const GuardedMemory<T> data(rows * columns, [](std::int64_t i) { return number<T>(i); });
    for (const std::int64_t count : {1, 2, 300})
      for (const std::int64_t first_leaf : {0, 3, 512}) {
        const auto offsets = test::leaf_offsets(rows, count, count == 2);
        const auto expected =
            test::fold_serially(sum(data.data(), columns, offsets), columns, first_leaf,
                                [](double& left, const double& right) { left += right; });
        std::vector<double> nodes(expected.size());
        backend->kernels<SumKernels>(dtype_of<T>)
            .fold_columns(data.data(), columns, offsets, first_leaf, nodes);
        for (std::size_t i = 0; i < nodes.size(); ++i) EXPECT_TRUE(is_same(nodes[i], expected[i]));
      }
  }
}

TEST(SumKernels, nan_and_infinity_propagate_in_their_column_alone) {
  std::vector<double> data(300, 1.0);
  data[3 * 40 + 1] = std::numeric_limits<double>::quiet_NaN();
  data[3 * 41 + 2] = std::numeric_limits<double>::infinity();
  const auto sums = sum(data.data(), 3, {0, 100});
  EXPECT_EQ(sums[0], 100);
  EXPECT_TRUE(std::isnan(sums[1]));
  EXPECT_EQ(sums[2], std::numeric_limits<double>::infinity());
}

TEST(SumKernels, add_adds_element_by_element) {
  const auto backend = make_host_backend(1);
  for (const std::size_t count : {0u, 1u, 7u, 8u, 1001u}) {
    std::vector<double> left(count);
    std::vector<double> right(count);
    for (std::size_t i = 0; i < count; ++i) {
      left[i] = static_cast<double>(i) + 0.5;
      right[i] = 1.0 / static_cast<double>(i + 3);
    }
    const std::vector<double> before = left;
    backend->kernels<SumKernels>(DType::f64).add(left, right);
    for (std::size_t i = 0; i < count; ++i) EXPECT_EQ(left[i], before[i] + right[i]);
  }
}

}  // namespace
}  // namespace serried::test
