#include "serried/device/convert_kernels.hpp"

#include <cmath>
#include <complex>
#include <limits>
#include <string>
#include <type_traits>
#include <utility>

#include "backend/host/kernel_tables.hpp"
#include "serried/base/error.hpp"
#include "serried/base/half.hpp"

namespace serried::host {
namespace {

template <class T>
constexpr bool is_complex_type = is_complex(dtype_of<T>);
template <class T>
constexpr bool is_floating_type = is_floating(dtype_of<T>);

// In memory b8 is a byte; a byte that is neither 0 nor 1 counts as true.
template <class T>
using Stored = std::conditional_t<std::is_same_v<T, bool>, std::uint8_t, T>;

template <class T>
auto widened(T value) {
  if constexpr (std::is_same_v<T, Half>)
    return to_float(value);
  else
    return value;
}

template <class To, class From>
bool is_in_range(From value) {
  if constexpr (std::is_floating_point_v<From>) {
    // both bounds are powers of two (or 0) and exact; a comparison with NaN is false
    const double whole = std::trunc(static_cast<double>(value));
    const double above = std::ldexp(1.0, std::numeric_limits<To>::digits);
    return whole >= static_cast<double>(std::numeric_limits<To>::min()) && whole < above;
  } else {
    return std::in_range<To>(value);
  }
}

// One element; false where To has no such value.
template <class To, class From>
bool convert_one(From from, Stored<To>& to) {
  if constexpr (std::is_same_v<To, bool>) {
    if constexpr (is_complex_type<From>)
      to = from.real() != 0 || from.imag() != 0;
    else
      to = widened(from) != 0;
  } else if constexpr (is_complex_type<To>) {
    using Part = typename To::value_type;
    if constexpr (is_complex_type<From>)
      to = {static_cast<Part>(from.real()), static_cast<Part>(from.imag())};
    else
      to = {static_cast<Part>(widened(from)), Part{0}};
  } else if constexpr (std::is_same_v<To, From>) {
    to = from;
  } else if constexpr (std::is_same_v<To, Half>) {
    to = to_half(static_cast<double>(widened(from)));
  } else if constexpr (is_floating_type<To>) {
    to = static_cast<To>(widened(from));
  } else {
    const auto value = widened(from);
    if (!is_in_range<To>(value)) return false;
    to = static_cast<To>(value);
  }
  return true;
}

template <class From, class To>
std::int64_t convert_all(const void* from, std::int64_t count, void* out) {
  const auto* source = static_cast<const Stored<From>*>(from);
  auto* target = static_cast<Stored<To>*>(out);
  for (std::int64_t i = 0; i < count; ++i) {
    auto value = source[i];
    if constexpr (std::is_same_v<From, bool>) value = value != 0;
    if (!convert_one<To>(value, target[i])) return i;
  }
  return count;
}

template <class From>
class HostConvertKernels final : public ConvertKernels {
 public:
  [[nodiscard]] std::int64_t convert(const void* from, std::int64_t count, DType to,
                                     void* out) const override {
    return visit_numeric(to, [&](auto tag) -> std::int64_t {
      using To = typename decltype(tag)::type;
      if constexpr (is_complex_type<From> && !is_complex_type<To> && !std::is_same_v<To, bool>)
        throw InvalidArgument("complex numbers cannot be converted to " +
                              std::string(name(dtype_of<To>)) +
                              "; take their real part, imaginary part or magnitude");
      else
        return convert_all<From, To>(from, count, out);
    });
  }
};

template <class T>
const void* kernels_of() {
  static const HostConvertKernels<T> kernels;
  return static_cast<const ConvertKernels*>(&kernels);
}

}  // namespace

const void* find_convert_kernels(DType dtype) {
  if (!ConvertKernels::covers(dtype)) return nullptr;
  return visit_numeric(dtype, [](auto tag) { return kernels_of<typename decltype(tag)::type>(); });
}

}  // namespace serried::host
