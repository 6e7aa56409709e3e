#include "serried/device/random_kernels.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <string>
#include <type_traits>

#include "backend/host/kernel_tables.hpp"
#include "backend/host/normal_numbers.hpp"
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

template <class T>
class HostRandomKernels final : public RandomKernels {
 public:
  void uniform(std::uint64_t seed, std::span<const std::uint64_t> elements, double low, double high,
               void* out) const override {
    if constexpr (is_floating_type<T>) {
      auto* values = static_cast<T*>(out);
      const double width = high - low;
      const T last = low < high ? number_before<T>(high) : rounded<T>(low);
      for (std::size_t i = 0; i < elements.size(); ++i) {
        const double u = to_unit_interval(philox_words(seed, uniform_stream, elements[i])[0]);
        const T value = rounded<T>(low + width * u);
        values[i] = widened(value) < high ? value : last;
      }
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
      for (std::size_t first = 0; first < elements.size(); first += block) {
        const std::size_t count = std::min(block, elements.size() - first);
        for (std::size_t i = 0; i < count; ++i) {
          const auto words = philox_words(seed, normal_stream, elements[first + i]);
          u[i] = 1.0 - to_unit_interval(words[0]);
          v[i] = to_unit_interval(words[1]);
        }
        const std::size_t padded = (count + 3) / 4 * 4;
        for (std::size_t i = count; i < padded; ++i) u[i] = v[i] = 1.0;
        box_muller(u.data(), v.data(), padded, z.data());
        for (std::size_t i = 0; i < count; ++i)
          values[first + i] = rounded<T>(mean + deviation * z[i]);
      }
    } else {
      refuse("normal numbers");
    }
  }

  void integers(std::uint64_t seed, std::span<const std::uint64_t> elements, std::int64_t low,
                std::uint64_t range, void* out) const override {
    if constexpr (!is_floating_type<T>) {
      __extension__ using Wide = unsigned __int128;
      auto* values = static_cast<T*>(out);
      for (std::size_t i = 0; i < elements.size(); ++i) {
        const auto words = philox_words(seed, integer_stream, elements[i]);
        const Wide carry = (static_cast<Wide>(words[0]) * range) >> 64;
        const Wide product = static_cast<Wide>(words[1]) * range + carry;
        const auto offset = static_cast<std::uint64_t>(product >> 64);
        values[i] = static_cast<T>(static_cast<std::uint64_t>(low) + offset);
      }
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
