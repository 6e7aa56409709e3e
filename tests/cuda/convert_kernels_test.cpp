// serial
// timeout: 600
// Conversions on the GPU: the host's bits and the host's first element that cannot be held, for
// every pair of dtypes.
#include "serried/device/convert_kernels.hpp"

#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <vector>

#include "cuda/cuda_support.hpp"
#include "serried/base/philox.hpp"

namespace serried::test {
namespace {

template <class T>
using Stored = std::conditional_t<std::is_same_v<T, bool>, std::uint8_t, T>;

std::uint64_t word(std::uint64_t i) {
  return philox_words(5, 0, i)[0];
}

// Numbers near the limits of each type, and where rounding has ties.
std::vector<double> corner_numbers() {
  std::vector<double> numbers{0.0, 0.25, 0.5, 0.75, 0.999999, 1.0, 1.5, 2.5, 3.5};
  for (const int bits : {7, 8, 10, 11, 15, 16, 23, 24, 31, 32, 52, 53, 62, 63, 64, 127, 128}) {
    const double power = std::ldexp(1.0, bits);
    for (const double offset : {-1.5, -1.0, -0.5, -0.25, 0.0, 0.25, 0.5, 1.0, 1.5})
      numbers.push_back(power + offset);
    numbers.push_back(std::nextafter(power, 0.0));
    numbers.push_back(std::nextafter(power, 2 * power));
    numbers.push_back(static_cast<double>(std::nextafter(static_cast<float>(power), 0.0F)));
    numbers.push_back(power * (1 + 0x1.0p-11));
    numbers.push_back(power * (1 + 0x1.0p-11 + 0x1.0p-40));
    numbers.push_back(power * (1 + 0x1.0p-24));
    numbers.push_back(power * (1 + 0x1.0p-24 + 0x1.0p-50));
  }
  for (const double limit : {65504.0, 65519.999, 65520.0, 65520.001, 0x1.0p-14, 0x1.ffcp-15})
    numbers.push_back(limit);
  // denormals of f16, f32 and f64
  for (const int bits : {-23, -24, -25, -26, -125, -126, -127, -148, -149, -150, -1022, -1074})
    for (const double factor : {1.0, 1.0 + 0x1.0p-30, 1.5, 1.5 - 0x1.0p-30, 1.75})
      numbers.push_back(std::ldexp(factor, bits));
  numbers.push_back(std::numeric_limits<float>::max());
  numbers.push_back(std::numeric_limits<float>::max() * (1 + 0x1.0p-25));
  numbers.push_back(std::numeric_limits<float>::max() * (1 + 0x1.0p-24));
  numbers.push_back(std::numeric_limits<double>::max());
  numbers.push_back(std::numeric_limits<double>::infinity());
  const std::size_t count = numbers.size();
  for (std::size_t i = 0; i < count; ++i) numbers.push_back(-numbers[i]);
  return numbers;
}

template <class T>
std::vector<Stored<T>> corners() {
  std::vector<Stored<T>> values;
  if constexpr (std::is_same_v<T, bool>) {
    values = {0, 1, 2, 128, 255};
  } else if constexpr (is_integer(dtype_of<T>)) {
    values = {std::numeric_limits<T>::min(), std::numeric_limits<T>::max()};
    for (int bits = 0; bits <= std::numeric_limits<T>::digits; ++bits)
      for (std::uint64_t offset = 0; offset <= 4; ++offset) {
        const std::uint64_t power = bits == 64 ? 0 : std::uint64_t{1} << bits;
        values.push_back(static_cast<T>(power + offset - 2));
        values.push_back(static_cast<T>(0 - power + offset - 2));
        // ties of f32 and f64
        values.push_back(static_cast<T>(power + (power >> 24) + offset - 2));
        values.push_back(static_cast<T>(power + (power >> 53) + offset - 2));
      }
    for (std::uint64_t i = 0; i < 500; ++i) values.push_back(static_cast<T>(word(i) >> (i % 60)));
  } else if constexpr (std::is_same_v<T, Half>) {
    for (unsigned bits = 0; bits < 65536; ++bits)
      values.push_back(Half{static_cast<std::uint16_t>(bits)});
  } else if constexpr (is_floating(dtype_of<T>)) {
    for (const double number : corner_numbers()) values.push_back(static_cast<T>(number));
    using Bits = std::conditional_t<sizeof(T) == 4, std::uint32_t, std::uint64_t>;
    const auto infinity = std::bit_cast<Bits>(std::numeric_limits<T>::infinity());
    const auto sign = static_cast<Bits>(Bits{1} << (8 * sizeof(T) - 1));
    for (const Bits payload :
         {Bits{1}, static_cast<Bits>(infinity / 3), static_cast<Bits>(sign >> 9 >> 3),
          static_cast<Bits>(sign >> 12), static_cast<Bits>(~infinity & ~sign)}) {
      values.push_back(std::bit_cast<T>(static_cast<Bits>(infinity | payload)));
      values.push_back(std::bit_cast<T>(static_cast<Bits>(sign | infinity | payload)));
    }
    for (std::uint64_t i = 0; i < 3000; ++i)
      values.push_back(std::bit_cast<T>(static_cast<Bits>(word(i))));
    for (std::uint64_t i = 0; i < 1000; ++i)
      values.push_back(static_cast<T>(static_cast<double>(word(i)) * 0x1.0p-53));
  } else {
    using Part = typename T::value_type;
    const auto parts = corners<Part>();
    for (std::size_t i = 0; i < parts.size(); ++i)
      values.push_back(T(parts[i], parts[(7 * i + 1) % parts.size()]));
    values.push_back(T(Part{0}, Part{-0.0}));
    values.push_back(T(Part{0}, std::numeric_limits<Part>::denorm_min()));
  }
  return values;
}

// The first elements of the values, repeated to `count`.
template <class T>
std::vector<T> repeated(const std::vector<T>& values, std::size_t count) {
  std::vector<T> result(count);
  for (std::size_t i = 0; i < count; ++i) result[i] = values[i % values.size()];
  return result;
}

using Types = testing::Types<bool, std::int8_t, std::uint8_t, std::int16_t, std::uint16_t,
                             std::int32_t, std::uint32_t, std::int64_t, std::uint64_t, Half, float,
                             double, std::complex<float>, std::complex<double>>;

template <class T>
const ConvertKernels& host_kernels() {
  return backends().host->kernels<ConvertKernels>(dtype_of<T>);
}

template <class T>
bool is_held(const Stored<T>& value, DType to) {
  std::complex<double> out;
  return host_kernels<T>().convert(&value, 1, to, &out) == 1;
}

// Both backends convert `values`, which lie `shift` elements behind an aligned address.
template <class T>
void expect_equal(const std::vector<Stored<T>>& values, DType to, std::size_t shift) {
  const auto count = static_cast<std::int64_t>(values.size());
  const std::size_t bytes = values.size() * size_of(to);
  std::vector<std::uint8_t> expected(bytes, 0xa5);
  const std::int64_t good = host_kernels<T>().convert(values.data(), count, to, expected.data());
  Backend& cuda = *backends().cuda;
  const DeviceCopy<Stored<T>> from(cuda, values, shift);
  const DeviceCopy<std::uint8_t> out(cuda, std::vector<std::uint8_t>(bytes, 0xa5),
                                     shift * size_of(to));
  ASSERT_EQ(cuda.kernels<ConvertKernels>(dtype_of<T>).convert(from.data(), count, to, out.data()),
            good)
      << name(dtype_of<T>) << " to " << name(to) << ", " << count << " elements";
  const auto result = out.values();
  for (std::int64_t i = 0; i < good; ++i) {
    const auto at = static_cast<std::size_t>(i) * size_of(to);
    ASSERT_EQ(std::memcmp(&result[at], &expected[at], size_of(to)), 0)
        << name(dtype_of<T>) << " to " << name(to) << ", element " << i << " of " << count;
  }
}

template <class T>
class CudaConvertKernels : public testing::Test {};
TYPED_TEST_SUITE(CudaConvertKernels, Types);

TYPED_TEST(CudaConvertKernels, convert_as_the_host) {
  SERRIED_REQUIRE_CUDA();
  using T = TypeParam;
  const auto all = corners<T>();
  for (int i = 0; i <= static_cast<int>(DType::c128); ++i) {
    const auto to = static_cast<DType>(i);
    if (is_complex(dtype_of<T>) && !is_complex(to) && to != DType::b8) {
      const auto& kernels = backends().cuda->kernels<ConvertKernels>(dtype_of<T>);
      EXPECT_THROW((void)kernels.convert(nullptr, 0, to, nullptr), InvalidArgument);
      continue;
    }
    std::vector<Stored<T>> held, others;
    for (const auto& value : all) (is_held<T>(value, to) ? held : others).push_back(value);
    ASSERT_FALSE(held.empty());
    for (const std::size_t shift : {0, 1}) {
      expect_equal<T>(held, to, shift);
      for (const std::size_t count : {0, 1, 2, 255, 256, 257, 1023, 1025, 4099})
        expect_equal<T>(repeated(held, count), to, shift);
    }
    // Each value that cannot be held alone, and the first of several far apart.
    for (std::size_t k = 0; k < others.size(); k += 1 + others.size() / 50)
      expect_equal<T>({others[k]}, to, 0);
    if (others.empty()) continue;
    for (const std::size_t first : {0, 1, 255, 256, 1027, 70001}) {
      auto values = repeated(held, 70100);
      for (std::size_t at = first; at < values.size(); at = at * 2 + 3)
        values[at] = others[at % others.size()];
      expect_equal<T>(values, to, 1);
    }
  }
}

// More elements than the blocks of a large GPU take at once.
TYPED_TEST(CudaConvertKernels, convert_in_several_rounds) {
  SERRIED_REQUIRE_CUDA();
  using T = TypeParam;
  constexpr std::size_t count = 5'000'003;
  expect_equal<T>(repeated(corners<T>(), count), DType::c128, 0);
  if constexpr (std::is_same_v<T, double>) {
    std::vector<double> values(count, 5.5);
    values[4'990'000] = values[4'700'000] = 1e9;
    expect_equal<T>(values, DType::i8, 0);
  }
}

}  // namespace
}  // namespace serried::test
