// serial
// timeout: 300
#include "serried/device/histogram_kernels.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "backend/guarded_memory.hpp"
#include "backend/targets.hpp"
#include "gtest/gtest.h"
#include "serried/device/backend.hpp"
#include "support/numbers.hpp"

namespace serried::test {
namespace {

using Types =
    testing::Types<bool, std::int8_t, std::uint8_t, std::int16_t, std::uint16_t, std::int32_t,
                   std::uint32_t, std::int64_t, std::uint64_t, Half, float, double>;

std::vector<double> equal_edges(double low, double high, std::int64_t bins) {
  std::vector<double> edges;
  for (std::int64_t i = 0; i <= bins; ++i)
    edges.push_back(low + (high - low) / static_cast<double>(bins) * static_cast<double>(i));
  edges.back() = high;
  return edges;
}

// One element at a time: the edges alone decide.
std::int64_t bin_of(const double* edges, std::int64_t bins, double x) {
  if (!(x >= edges[0] && x <= edges[bins])) return -1;
  if (x == edges[bins]) return bins - 1;
  return std::upper_bound(edges, edges + bins + 1, x) - edges - 1;
}

template <class T>
std::vector<std::int64_t> count(const T* rows, std::int64_t row_count, std::int64_t columns,
                                std::int64_t bins, const std::vector<double>& edges) {
  const auto backend = make_host_backend(1);
  std::vector<std::int64_t> counts(static_cast<std::size_t>(columns * bins),
                                   5);  // adds to what is there
  backend->kernels<HistogramKernels>(dtype_of<T>)
      .add(rows, row_count, columns, bins, edges, counts);
  for (auto& n : counts) n -= 5;
  return counts;
}

template <class T>
class HistogramKernelsOf : public testing::Test {};
TYPED_TEST_SUITE(HistogramKernelsOf, Types);

TYPED_TEST(HistogramKernelsOf, counts_equal_a_search_among_the_edges) {
  using T = TypeParam;
  const double center = to_double(number<T>(1));
  for (const auto& level : available_targets()) {
    const TargetScope scope(level);
    for (const std::int64_t columns : {1, 3, 700})
      for (const std::int64_t bins : {1, 7, 1000, 3000}) {
        const std::int64_t rows = 5001 / columns;
        const GuardedMemory<T> data(rows * columns,
                                    [](std::int64_t i) { return number<T>(i, true); });
        std::vector<double> edges;
        for (std::int64_t j = 0; j < columns; ++j) {
          const auto own = equal_edges(center - 5, center + 100 + static_cast<double>(j), bins);
          edges.insert(edges.end(), own.begin(), own.end());
        }
        std::vector<std::int64_t> expected(static_cast<std::size_t>(columns * bins));
        for (std::int64_t i = 0; i < rows * columns; ++i) {
          const std::int64_t j = i % columns;
          const std::int64_t bin = bin_of(edges.data() + j * (bins + 1), bins, to_double(data[i]));
          if (bin >= 0) ++expected[static_cast<std::size_t>(j * bins + bin)];
        }
        EXPECT_EQ(count(data.data(), rows, columns, bins, edges), expected)
            << columns << " columns, " << bins << " bins, " << level;
      }
  }
}

// All numbers that a table could misplace: the edges, their neighbours, and what lies anywhere.
void expect_found(const std::vector<double>& edges, const std::string& what) {
  std::vector<double> values = {std::numeric_limits<double>::quiet_NaN(),
                                std::numeric_limits<double>::infinity(),
                                -std::numeric_limits<double>::infinity(),
                                0.0,
                                -0.0,
                                std::numeric_limits<double>::denorm_min(),
                                -std::numeric_limits<double>::denorm_min(),
                                std::numeric_limits<double>::max(),
                                std::numeric_limits<double>::lowest()};
  std::mt19937_64 engine(11);
  for (std::size_t i = 0; i < edges.size(); ++i) {
    values.push_back(edges[i]);
    values.push_back(std::nextafter(edges[i], INFINITY));
    values.push_back(std::nextafter(edges[i], -INFINITY));
    if (i == 0 || !std::isfinite(edges[i] - edges[i - 1])) continue;
    for (int k = 0; k < 3; ++k)
      values.push_back(std::uniform_real_distribution<double>(edges[i - 1], edges[i])(engine));
  }
  const auto bins = static_cast<std::int64_t>(edges.size()) - 1;
  const BinSearch search(edges);
  const auto backend = make_host_backend(1);
  for (const auto& level : available_targets()) {
    const TargetScope scope(level);
    std::vector<std::int64_t> places(values.size(), 1);
    places[3] = -1;  // stays out
    backend->kernels<HistogramKernels>(DType::f64).find(values.data(), 1, edges, &search, places);
    for (std::size_t i = 0; i < values.size(); ++i) {
      const std::int64_t bin = i == 3 ? -1 : bin_of(edges.data(), bins, values[i]);
      ASSERT_EQ(places[i], bin < 0 ? -1 : bins + bin)
          << what << " of " << bins << " bins, " << values[i] << ", " << level;
    }
  }
}

TEST(HistogramKernels, tables_lead_to_the_bins_of_any_edges) {
  constexpr double infinity = std::numeric_limits<double>::infinity();
  constexpr double tiny = std::numeric_limits<double>::denorm_min();
  constexpr double largest = std::numeric_limits<double>::max();
  expect_found({0, 1}, "one bin");
  expect_found({-infinity, 0, infinity}, "infinite");
  expect_found({-infinity, -largest, -tiny, -0.0, tiny, 1, largest, infinity}, "extreme");
  expect_found({-largest, 0, largest}, "an infinite width");
  expect_found({-0.0, tiny, 2 * tiny, 3 * tiny}, "subnormal");
  expect_found({0.0, 0.0, 0.0, 1, 1, 2, 2}, "equal");
  expect_found({3, 3}, "nothing wide");
  expect_found({1, std::nextafter(1, 2), std::nextafter(std::nextafter(1, 2), 2)}, "neighbours");
  std::mt19937_64 engine(5);
  for (const int bins : {2, 3, 64, 1000, 70000}) {
    std::vector<double> logarithmic, signed_ones, normal, squeezed;
    for (int i = 0; i <= bins; ++i) {
      const double part = static_cast<double>(i) / bins;
      logarithmic.push_back(std::pow(10, -3 + 7 * part));
      signed_ones.push_back(std::ldexp(part - 0.5, 40));
      normal.push_back(std::normal_distribution<double>()(engine));
      squeezed.push_back(i % 2 == 0 ? 1e-9 * part : 1e9 + 1e-3 * part);
    }
    std::ranges::sort(normal);
    std::ranges::sort(squeezed);
    expect_found(logarithmic, "logarithmic");
    expect_found(signed_ones, "equal widths");
    expect_found(normal, "normal");
    expect_found(squeezed, "two heaps");
    EXPECT_EQ(BinSearch(logarithmic).most_in_cell, bins == 70000 ? 3 : 1);
  }
}

TEST(HistogramKernels, values_on_edges_belong_to_the_bin_on_their_right) {
  const auto edges = equal_edges(0, 1, 10);
  for (const auto& level : available_targets()) {
    const TargetScope scope(level);
    std::vector<std::int64_t> expected(10, 1);
    expected[9] = 2;  // the last bin includes its right edge
    EXPECT_EQ(count(edges.data(), 11, 1, 10, edges), expected);
    for (std::size_t i = 0; i < edges.size(); ++i) {
      const double below = std::nextafter(edges[i], -1.0);
      const auto counts = count(&below, 1, 1, 10, edges);
      for (std::size_t b = 0; b < 10; ++b) EXPECT_EQ(counts[b], i > 0 && b == i - 1 ? 1 : 0);
    }
  }
}

TEST(HistogramKernels, hostile_ranges_do_not_lose_their_bins) {
  constexpr double inf = std::numeric_limits<double>::infinity();
  const double tiny = std::numeric_limits<double>::denorm_min();
  const std::vector<double> narrow{0, tiny, 2 * tiny, 3 * tiny};
  const std::vector<double> data{0, tiny, 2 * tiny, 3 * tiny, inf, -inf, -tiny, 4 * tiny};
  EXPECT_EQ(count(data.data(), 8, 1, 3, narrow), (std::vector<std::int64_t>{1, 1, 2}));
  const std::vector<double> vast{-1.5e308, -0.5e308, 0.5e308, 1.5e308};
  const std::vector<double> far{-1.5e308, 1.5e308, 1.0e308, 0, inf, -1.6e308};
  EXPECT_EQ(count(far.data(), 6, 1, 3, vast), (std::vector<std::int64_t>{1, 1, 2}));
  std::vector<double> two_columns(far);
  two_columns.insert(two_columns.end(), far.begin(), far.end());
  std::vector<double> two_edges(vast);
  two_edges.insert(two_edges.end(), vast.begin(), vast.end());
  const auto counts = count(two_columns.data(), 6, 2, 3, two_edges);
  EXPECT_EQ(counts[0] + counts[1] + counts[2], 4);
  EXPECT_EQ(counts[3] + counts[4] + counts[5], 4);
}

}  // namespace
}  // namespace serried::test
