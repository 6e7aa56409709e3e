// serial
// timeout: 600
// Random numbers on the GPU: the host's bits; normal ones up to rounding.
#include "serried/device/random_kernels.hpp"

#include <cmath>
#include <cstring>
#include <limits>
#include <numeric>
#include <vector>

#include "cuda/cuda_support.hpp"
#include "serried/base/philox.hpp"

namespace serried::test {
namespace {

constexpr std::uint64_t seed = 0x0123'4567'89ab'cdefull;

// Lists of element numbers: consecutive ones, ones with gaps, and of several lengths.
std::vector<std::vector<std::uint64_t>> element_lists() {
  std::vector<std::vector<std::uint64_t>> lists;
  for (const std::size_t count : {0, 1, 3, 255, 256, 257, 6000}) {
    auto& run = lists.emplace_back(count);
    std::iota(run.begin(), run.end(), 0xffff'fff0ull);
    auto& scattered = lists.emplace_back(count);
    for (std::size_t i = 0; i < count; ++i) scattered[i] = philox_words(3, 1, i)[0];
  }
  return lists;
}

template <class T>
double as_double(T value) {
  if constexpr (std::is_same_v<T, Half>)
    return static_cast<double>(to_float(value));
  else
    return static_cast<double>(value);
}

// make(kernels, elements, out) on the host and on the GPU.
template <class T, class Make>
std::pair<std::vector<T>, std::vector<T>> both(const std::vector<std::uint64_t>& elements,
                                               Make make) {
  std::vector<T> expected(elements.size());
  make(backends().host->kernels<RandomKernels>(dtype_of<T>), elements, expected.data());
  const DeviceCopy<T> out(*backends().cuda, elements.size(), 1);
  make(backends().cuda->kernels<RandomKernels>(dtype_of<T>), elements, out.data());
  return {std::move(expected), out.values()};
}

template <class T, class Make>
void expect_equal(const std::vector<std::uint64_t>& elements, Make make) {
  const auto [expected, result] = both<T>(elements, make);
  for (std::size_t i = 0; i < expected.size(); ++i)
    ASSERT_EQ(std::memcmp(&expected[i], &result[i], sizeof(T)), 0)
        << name(dtype_of<T>) << ", element " << i << ": " << as_double(expected[i]) << " and "
        << as_double(result[i]);
}

template <class T>
void expect_uniform_as_the_host() {
  constexpr double infinity = std::numeric_limits<double>::infinity();
  struct Range {
    double low;
    double high;
  };
  for (const auto& elements : element_lists())
    for (const Range range :
         {Range{0, 1}, Range{-3, 7.25}, Range{2, 2}, Range{5, -5}, Range{16777215, 16777216},
          Range{2047, 2048}, Range{-1e-8, 0}, Range{-1, -0.9999}, Range{0, 1e-300},
          Range{-70000, 70000}, Range{0, infinity}, Range{-infinity, 1}})
      expect_equal<T>(elements, [&](const RandomKernels& kernels, const auto& list, void* out) {
        kernels.uniform(seed, list, range.low, range.high, out);
      });
  EXPECT_THROW(
      backends().cuda->kernels<RandomKernels>(dtype_of<T>).integers(seed, {}, 0, 1, nullptr),
      InvalidArgument);
}

// Rounding to T may differ by one unit where the normal numbers differ in their last bits.
template <class T>
void expect_normal_as_the_host(double epsilon, double least) {
  std::size_t different = 0, count = 0;
  for (const auto& elements : element_lists())
    for (const double deviation : {1.0, 0.001, 50.0}) {
      const auto [expected, result] =
          both<T>(elements, [&](const RandomKernels& kernels, const auto& list, void* out) {
            kernels.normal(seed, list, 0, deviation, out);
          });
      for (std::size_t i = 0; i < expected.size(); ++i) {
        const double a = as_double(expected[i]);
        const double b = as_double(result[i]);
        ++count;
        if (a != b) ++different;
        ASSERT_LE(std::abs(a - b), epsilon * std::abs(a) + least + 1e-14 * deviation)
            << name(dtype_of<T>) << ", element " << i << ": " << a << " and " << b;
      }
    }
  if (!std::is_same_v<T, double>) {
    EXPECT_LE(different * 1000, count);
  }
  EXPECT_THROW(
      backends().cuda->kernels<RandomKernels>(dtype_of<T>).integers(seed, {}, 0, 1, nullptr),
      InvalidArgument);
}

template <class T>
void expect_integers_as_the_host() {
  struct Range {
    std::int64_t low;
    std::uint64_t range;
  };
  const auto least = static_cast<std::int64_t>(std::numeric_limits<T>::min());
  const auto width = static_cast<std::uint64_t>(std::numeric_limits<T>::max()) -
                     static_cast<std::uint64_t>(std::numeric_limits<T>::min());
  for (const auto& elements : element_lists())
    for (const Range range : {Range{0, 1}, Range{1, 100}, Range{least, width},
                              Range{least, width / 3 + 1}, Range{5, width / 2 - 5}})
      expect_equal<T>(elements, [&](const RandomKernels& kernels, const auto& list, void* out) {
        kernels.integers(seed, list, range.low, range.range, out);
      });
  EXPECT_THROW(
      backends().cuda->kernels<RandomKernels>(dtype_of<T>).uniform(seed, {}, 0, 1, nullptr),
      InvalidArgument);
  EXPECT_THROW(backends().cuda->kernels<RandomKernels>(dtype_of<T>).normal(seed, {}, 0, 1, nullptr),
               InvalidArgument);
}
TEST(CudaRandomKernels, uniform_as_the_host) {
  SERRIED_REQUIRE_CUDA();
  expect_uniform_as_the_host<Half>();
  expect_uniform_as_the_host<float>();
  expect_uniform_as_the_host<double>();
}

TEST(CudaRandomKernels, normal_as_the_host) {
  SERRIED_REQUIRE_CUDA();
  expect_normal_as_the_host<Half>(0x1.0p-10, 0x1.0p-24);
  expect_normal_as_the_host<float>(0x1.0p-23, 0);
  expect_normal_as_the_host<double>(1e-14, 0);
}

TEST(CudaRandomKernels, normal_with_a_mean) {
  SERRIED_REQUIRE_CUDA();
  for (const auto& elements : element_lists()) {
    const auto [expected, result] =
        both<double>(elements, [&](const RandomKernels& kernels, const auto& list, void* out) {
          kernels.normal(seed, list, 300, 2, out);
        });
    for (std::size_t i = 0; i < expected.size(); ++i)
      ASSERT_NEAR(expected[i], result[i], 1e-14 * std::abs(expected[i]) + 1e-13) << i;
  }
}

TEST(CudaRandomKernels, integers_as_the_host) {
  SERRIED_REQUIRE_CUDA();
  expect_integers_as_the_host<std::int8_t>();
  expect_integers_as_the_host<std::uint8_t>();
  expect_integers_as_the_host<std::int16_t>();
  expect_integers_as_the_host<std::uint16_t>();
  expect_integers_as_the_host<std::int32_t>();
  expect_integers_as_the_host<std::uint32_t>();
  expect_integers_as_the_host<std::int64_t>();
  expect_integers_as_the_host<std::uint64_t>();
}

// More elements than one launch takes, with and without a gap in the second part.
TEST(CudaRandomKernels, integers_of_many_elements) {
  SERRIED_REQUIRE_CUDA();
  std::vector<std::uint64_t> elements((std::size_t{1} << 22) + 70);
  std::iota(elements.begin(), elements.end(), 17u);
  const auto make = [&](const RandomKernels& kernels, const auto& list, void* out) {
    kernels.integers(seed, list, -100, 200, out);
  };
  expect_equal<std::int8_t>(elements, make);
  elements.back() += 5;
  expect_equal<std::int8_t>(elements, make);
}

}  // namespace
}  // namespace serried::test
