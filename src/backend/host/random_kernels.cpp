#include "serried/device/random_kernels.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <string>
#include <type_traits>

#include "backend/host/kernel_tables.hpp"
#include "backend/host/normal_numbers.hpp"
#include "backend/host/random_words.hpp"
#include "backend/host/simd_target.hpp"
#include "serried/base/error.hpp"
#include "serried/base/half.hpp"
#include "serried/base/philox.hpp"

namespace serried::host {
namespace {

constexpr std::uint64_t uniform_stream = 1;
constexpr std::uint64_t normal_stream = 2;
constexpr std::uint64_t integer_stream = 3;
constexpr std::size_t block = 256;

template <class T>
constexpr bool is_floating_type = is_floating(dtype_of<T>);

template <class T>
T rounded(double value) {
  if constexpr (std::is_same_v<T, Half>)
    return to_half(value);
  else
    return static_cast<T>(value);
}

double widened(double value) {
  return value;
}
double widened(float value) {
  return value;
}
double widened(Half value) {
  return to_float(value);
}

// The greatest number of type T below `high`.
template <class T>
T number_before(double high) {
  T below = rounded<T>(high);
  if constexpr (std::is_same_v<T, Half>) {
    while (widened(below) >= high) {
      // towards -infinity: the bits of a positive number fall, of a negative one rise
      if ((below.bits & 0x7fffu) == 0)
        below.bits = 0x8001u;
      else
        below.bits = static_cast<std::uint16_t>((below.bits & 0x8000u) != 0 ? below.bits + 1
                                                                            : below.bits - 1);
    }
  } else {
    while (widened(below) >= high) below = std::nextafter(below, -INFINITY);
  }
  return below;
}

// Of the widest level.
constexpr std::size_t whole_vectors(std::size_t count) {
  return (count + 7) / 8 * 8;
}

// Calls use(index of the first element, count, words) for blocks of elements with their random
// bits.
struct Words {
  std::array<std::uint64_t, block> first;
  std::array<std::uint64_t, block> second;
};
template <class Use>
void for_each_words(std::uint64_t seed, std::uint64_t stream,
                    std::span<const std::uint64_t> elements, Use use) {
  const auto fill = uses_avx512() ? philox_words_avx512 : philox_words_of;
  Words words;
  std::array<std::uint64_t, block> padded{};
  for (std::size_t begin = 0; begin < elements.size(); begin += block) {
    const std::size_t count = std::min(block, elements.size() - begin);
    const std::uint64_t* numbers = elements.data() + begin;
    if (count < block) {
      std::copy_n(numbers, count, padded.begin());
      numbers = padded.data();
    }
    fill(seed, stream, numbers, whole_vectors(count), words.first.data(), words.second.data());
    use(begin, count, words);
  }
}

template <class T>
class HostRandomKernels final : public RandomKernels {
 public:
  void uniform(std::uint64_t seed, std::span<const std::uint64_t> elements, double low, double high,
               void* out) const override {
    if constexpr (is_floating_type<T>) {
      auto* values = static_cast<T*>(out);
      const double width = high - low;
      const T last = low < high ? number_before<T>(high) : rounded<T>(low);
      for_each_words(seed, uniform_stream, elements,
                     [&](std::size_t begin, std::size_t count, const Words& words) {
                       for (std::size_t i = 0; i < count; ++i) {
                         const double u = to_unit_interval(words.first[i]);
                         const T value = rounded<T>(low + width * u);
                         values[begin + i] = widened(value) < high ? value : last;
                       }
                     });
    } else {
      refuse("uniform numbers");
    }
  }

  void normal(std::uint64_t seed, std::span<const std::uint64_t> elements, double mean,
              double deviation, void* out) const override {
    if constexpr (is_floating_type<T>) {
      auto* values = static_cast<T*>(out);
      std::array<double, block> u;
      std::array<double, block> v;
      std::array<double, block> z;
      const auto transform = uses_avx512() ? box_muller_avx512 : box_muller;
      for_each_words(seed, normal_stream, elements,
                     [&](std::size_t begin, std::size_t count, const Words& words) {
                       const std::size_t padded = whole_vectors(count);
                       for (std::size_t i = 0; i < padded; ++i) {
                         u[i] = 1.0 - to_unit_interval(words.first[i]);
                         v[i] = to_unit_interval(words.second[i]);
                       }
                       transform(u.data(), v.data(), padded, z.data());
                       for (std::size_t i = 0; i < count; ++i)
                         values[begin + i] = rounded<T>(mean + deviation * z[i]);
                     });
    } else {
      refuse("normal numbers");
    }
  }

  void integers(std::uint64_t seed, std::span<const std::uint64_t> elements, std::int64_t low,
                std::uint64_t range, void* out) const override {
    if constexpr (!is_floating_type<T>) {
      __extension__ using Wide = unsigned __int128;
      auto* values = static_cast<T*>(out);
      for_each_words(seed, integer_stream, elements,
                     [&](std::size_t begin, std::size_t count, const Words& words) {
                       for (std::size_t i = 0; i < count; ++i) {
                         const Wide carry = (static_cast<Wide>(words.first[i]) * range) >> 64;
                         const Wide product = static_cast<Wide>(words.second[i]) * range + carry;
                         const auto offset = static_cast<std::uint64_t>(product >> 64);
                         values[begin + i] =
                             static_cast<T>(static_cast<std::uint64_t>(low) + offset);
                       }
                     });
    } else {
      refuse("integers");
    }
  }

 private:
  [[noreturn]] static void refuse(const char* what) {
    throw InvalidArgument("there are no random " + std::string(what) + " of dtype " +
                          std::string(name(dtype_of<T>)));
  }
};

template <class T>
const void* kernels_of() {
  static const HostRandomKernels<T> kernels;
  return static_cast<const RandomKernels*>(&kernels);
}

}  // namespace

const void* find_random_kernels(DType dtype) {
  if (!RandomKernels::covers(dtype)) return nullptr;
  return visit_real(dtype, [](auto tag) -> const void* {
    using T = typename decltype(tag)::type;
    if constexpr (RandomKernels::covers(dtype_of<T>))
      return kernels_of<T>();
    else
      return nullptr;
  });
}

}  // namespace serried::host
