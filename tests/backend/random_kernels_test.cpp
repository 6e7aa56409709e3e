// serial
// Random numbers of every instruction level: the same bits, whatever the elements beside.
#include "serried/device/random_kernels.hpp"

#include <cstring>
#include <span>
#include <vector>

#include "backend/guarded_memory.hpp"
#include "backend/targets.hpp"
#include "gtest/gtest.h"
#include "serried/base/half.hpp"
#include "serried/device/backend.hpp"

namespace serried::test {
namespace {

constexpr std::uint64_t seed = 0x1234567890abcdefull;

/// Elements that are far from each other, also beyond 32 bits.
std::vector<std::uint64_t> numbers(std::size_t count) {
  std::vector<std::uint64_t> elements(count);
  for (std::size_t i = 0; i < count; ++i) elements[i] = i * 0x1'0000'0b05ull + i % 3;
  return elements;
}

/// What is read or written behind the last element is a crash.
template <class T, class Make>
std::vector<T> made(std::span<const std::uint64_t> elements, const Make& make) {
  const auto backend = make_host_backend(1);
  const auto count = static_cast<std::int64_t>(elements.size());
  const GuardedMemory<std::uint64_t> from(
      count, [&](std::int64_t i) { return elements[static_cast<std::size_t>(i)]; });
  const GuardedMemory<T> to(count, [](std::int64_t) { return T{}; });
  make(backend->kernels<RandomKernels>(dtype_of<T>), {from.data(), elements.size()},
       const_cast<T*>(to.data()));
  return {to.data(), to.data() + count};
}

template <class T, class Make>
void expect_same_bits(const Make& make) {
  const auto elements = numbers(1003);
  std::vector<std::vector<T>> of_level;
  for (const auto& level : available_targets()) {
    const TargetScope scope(level);
    of_level.push_back(made<T>(elements, make));
    for (const std::size_t count : {1, 2, 3, 4, 5, 7, 8, 9, 15, 17, 255, 257}) {
      const std::span<const std::uint64_t> some = std::span(elements).subspan(100, count);
      const std::vector<T> few = made<T>(some, make);
      EXPECT_EQ(std::memcmp(few.data(), of_level.back().data() + 100, count * sizeof(T)), 0)
          << level << ", " << count;
    }
  }
  for (const auto& each : of_level)
    EXPECT_EQ(std::memcmp(each.data(), of_level.front().data(), each.size() * sizeof(T)), 0);
}

TEST(RandomKernels, floating_numbers) {
  const auto normal = [](const RandomKernels& kernels, std::span<const std::uint64_t> elements,
                         void* out) { kernels.normal(seed, elements, 0.5, 3, out); };
  const auto uniform = [](const RandomKernels& kernels, std::span<const std::uint64_t> elements,
                          void* out) { kernels.uniform(seed, elements, -2, 5, out); };
  expect_same_bits<Half>(normal);
  expect_same_bits<float>(normal);
  expect_same_bits<double>(normal);
  expect_same_bits<Half>(uniform);
  expect_same_bits<float>(uniform);
  expect_same_bits<double>(uniform);
}

TEST(RandomKernels, integers) {
  const auto integers = [](const RandomKernels& kernels, std::span<const std::uint64_t> elements,
                           void* out) { kernels.integers(seed, elements, -7, 100, out); };
  expect_same_bits<std::int8_t>(integers);
  expect_same_bits<std::int32_t>(integers);
  expect_same_bits<std::int64_t>(integers);
}

}  // namespace
}  // namespace serried::test
