// serial
// timeout: 600
#include "serried/device/histogram_kernels.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "cuda/cuda_support.hpp"
#include "cuda/real_types.hpp"
#include "gtest/gtest.h"

namespace serried::test {
namespace {

std::vector<double> equal_edges(double low, double high, std::int64_t bins) {
  std::vector<double> edges;
  for (std::int64_t i = 0; i <= bins; ++i)
    edges.push_back(low + (high - low) / static_cast<double>(bins) * static_cast<double>(i));
  edges.back() = high;
  return edges;
}

std::vector<std::int64_t> count(const Backend& backend, DType dtype, const void* rows,
                                std::int64_t row_count, std::int64_t columns, std::int64_t bins,
                                const std::vector<double>& edges) {
  // what is there stays
  std::vector<std::int64_t> counts(static_cast<std::size_t>(columns * bins), 5);
  backend.kernels<HistogramKernels>(dtype).add(rows, row_count, columns, bins, edges, counts);
  return counts;
}

template <class T>
class CudaHistogramKernelsOf : public testing::Test {};
TYPED_TEST_SUITE(CudaHistogramKernelsOf, RealTypes);

// 9000 bins of one column and 3000 of several take much memory of a block.
TYPED_TEST(CudaHistogramKernelsOf, counts_equal_the_host) {
  SERRIED_REQUIRE_CUDA();
  using T = TypeParam;
  const double center = to_double(number<T>(1));
  for (const std::int64_t columns : {1, 3, 32, 300, 700})
    for (const std::int64_t bins : {1, 7, 256, 1000, 3000, 9000}) {
      if (columns * bins > 2'200'000) continue;
      const std::int64_t rows = 20'003 / columns;
      const Rows<T> data(rows * columns, [](std::int64_t i) { return number<T>(i, true); });
      std::vector<double> edges;
      for (std::int64_t j = 0; j < columns; ++j) {
        const auto own = equal_edges(center - 5, center + 100 + static_cast<double>(j), bins);
        edges.insert(edges.end(), own.begin(), own.end());
      }
      for (const std::int64_t shift : {0, 1})
        EXPECT_EQ(
            count(*backends().cuda, dtype_of<T>, data.cuda(shift), rows, columns, bins, edges),
            count(*backends().host, dtype_of<T>, data.host(), rows, columns, bins, edges))
            << columns << " columns, " << bins << " bins";
    }
}

TEST(CudaHistogramKernels, values_on_edges_and_beside_them) {
  SERRIED_REQUIRE_CUDA();
  for (const std::int64_t bins : {1, 3, 10, 49, 1000, 4097})
    for (const auto& [low, high] : std::vector<std::pair<double, double>>{
             {0, 1}, {-1e9, 1e9 + 0.1}, {1e15, 1e15 + 4}, {1e-300, 3e-300}, {5, 5}}) {
      const auto edges = equal_edges(low, high, bins);
      std::vector<double> data;
      for (const double edge : edges) {
        data.push_back(edge);
        data.push_back(std::nextafter(edge, -1e308));
        data.push_back(std::nextafter(edge, 1e308));
      }
      const DeviceCopy<double> rows(*backends().cuda, data);
      const auto size = static_cast<std::int64_t>(data.size());
      EXPECT_EQ(count(*backends().cuda, DType::f64, rows.data(), size, 1, bins, edges),
                count(*backends().host, DType::f64, data.data(), size, 1, bins, edges))
          << bins << " bins from " << low << " to " << high;
    }
}

// Tables in the small part of a block's memory, in half of a multiprocessor's, in all of it, and in
// device memory.
TEST(CudaHistogramKernels, tables_of_all_sizes) {
  SERRIED_REQUIRE_CUDA();
  const std::int64_t elements = 300'000;
  const Rows<float> data(elements, [](std::int64_t i) { return number<float>(i, true); });
  const double center = to_double(number<float>(1));
  for (const std::int64_t columns : {1, 2, 9, 300})
    for (const std::int64_t bins : {1000, 8192, 8193, 25'000, 28'161, 58'000, 58'200}) {
      if (columns * bins > 300'000) continue;
      std::vector<double> edges;
      for (std::int64_t j = 0; j < columns; ++j) {
        const auto own = equal_edges(center - 5, center + 100 + static_cast<double>(j), bins);
        edges.insert(edges.end(), own.begin(), own.end());
      }
      const std::int64_t rows = elements / columns;
      EXPECT_EQ(count(*backends().cuda, DType::f32, data.cuda(0), rows, columns, bins, edges),
                count(*backends().host, DType::f32, data.host(), rows, columns, bins, edges))
          << columns << " columns, " << bins << " bins";
    }
}

TEST(CudaHistogramKernels, hostile_ranges_do_not_lose_their_bins) {
  SERRIED_REQUIRE_CUDA();
  constexpr double inf = std::numeric_limits<double>::infinity();
  const double tiny = std::numeric_limits<double>::denorm_min();
  const auto check = [](const std::vector<double>& data, const std::vector<double>& edges) {
    const auto bins = static_cast<std::int64_t>(edges.size()) - 1;
    const auto size = static_cast<std::int64_t>(data.size());
    const DeviceCopy<double> rows(*backends().cuda, data);
    EXPECT_EQ(count(*backends().cuda, DType::f64, rows.data(), size, 1, bins, edges),
              count(*backends().host, DType::f64, data.data(), size, 1, bins, edges));
    std::vector<double> two_edges(edges);
    two_edges.insert(two_edges.end(), edges.begin(), edges.end());
    EXPECT_EQ(count(*backends().cuda, DType::f64, rows.data(), size / 2, 2, bins, two_edges),
              count(*backends().host, DType::f64, data.data(), size / 2, 2, bins, two_edges));
  };
  check({0, tiny, 2 * tiny, 3 * tiny, inf, -inf, -tiny, 4 * tiny}, {0, tiny, 2 * tiny, 3 * tiny});
  check({-1.5e308, 1.5e308, 1.0e308, 0, inf, -1.6e308}, {-1.5e308, -0.5e308, 0.5e308, 1.5e308});
  // not equally spaced: the edges decide
  check({0, 0.5, 1, 5, 9, 9.5, 9.75, 10}, {0, 9, 9.25, 9.5, 10});
}

TEST(CudaHistogramKernels, many_rows_of_few_values) {
  SERRIED_REQUIRE_CUDA();
  const std::int64_t rows = 1'000'003;
  const Rows<std::uint8_t> data(
      rows, [](std::int64_t i) { return static_cast<std::uint8_t>(i % 5 == 0 ? i % 251 : 7); });
  for (const std::int64_t bins : {2, 255, 2000}) {
    const auto edges = equal_edges(0, 255, bins);
    EXPECT_EQ(count(*backends().cuda, DType::u8, data.cuda(3), rows, 1, bins, edges),
              count(*backends().host, DType::u8, data.host(), rows, 1, bins, edges));
  }
}

TEST(CudaHistogramKernels, no_rows_add_nothing) {
  SERRIED_REQUIRE_CUDA();
  const DeviceCopy<float> data(*backends().cuda, std::vector<float>{1});
  EXPECT_EQ(count(*backends().cuda, DType::f32, data.data(), 0, 1, 2, {0, 1, 2}),
            (std::vector<std::int64_t>{5, 5}));
}

}  // namespace
}  // namespace serried::test
