#include "serried/device/convert_kernels.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <complex>
#include <limits>
#include <span>
#include <string>
#include <type_traits>
#include <utility>

#include "backend/cuda/kernel_fields.hpp"
#include "backend/cuda/launch.hpp"
#include "serried/base/error.hpp"
#include "serried/base/half.hpp"

namespace serried::cuda {
namespace {

template <class T>
constexpr bool is_complex_type = is_complex(dtype_of<T>);
template <class T>
constexpr bool is_floating_type = is_floating(dtype_of<T>);
template <class T>
constexpr bool is_integer_type = is_integer(dtype_of<T>);

// In memory b8 is a byte; a byte that is neither 0 nor 1 counts as true.
template <class T>
using Stored = std::conditional_t<std::is_same_v<T, bool>, std::uint8_t, T>;

// Elements that a thread reads before it converts them.
constexpr int unroll = 4;
constexpr unsigned block_threads = 256;
// As first_bad: every element was converted.
constexpr unsigned long long none = ~0ull;

// Whether To lacks a value of From.
template <class From, class To>
constexpr bool can_fail() {
  if constexpr (!is_integer_type<To> || is_complex_type<From> || std::is_same_v<From, bool>)
    return false;
  else if constexpr (is_floating_type<From>)
    return true;
  else
    return !std::in_range<To>(std::numeric_limits<From>::min()) ||
           !std::in_range<To>(std::numeric_limits<From>::max());
}

template <class T>
__device__ auto widened(T value) {
  if constexpr (std::is_same_v<T, Half>)
    return to_float(value);
  else
    return value;
}

// Conversions between f32 and f64. The GPU makes one NaN of all; x86-64 keeps the sign and the
// upper bits of what a NaN carries, and so do these.
__device__ inline float as_f32(double value) {
  if (value == value) return static_cast<float>(value);
  const auto bits = std::bit_cast<std::uint64_t>(value);
  return std::bit_cast<float>((static_cast<std::uint32_t>(bits >> 32) & 0x80000000u) | 0x7fc00000u |
                              (static_cast<std::uint32_t>(bits >> 29) & 0x7fffffu));
}
__device__ inline double as_f64(float value) {
  if (value == value) return static_cast<double>(value);
  const auto bits = static_cast<std::uint64_t>(std::bit_cast<std::uint32_t>(value));
  return std::bit_cast<double>(((bits & 0x80000000u) << 32) | 0x7ff8000000000000u |
                               ((bits & 0x7fffffu) << 29));
}

// A number as f32, f64 or f16.
template <class To, class From>
__device__ To as_floating(From from) {
  const auto value = widened(from);
  using Value = std::remove_const_t<decltype(value)>;
  if constexpr (std::is_same_v<To, Half>) {
    double wide = 0;
    if constexpr (std::is_same_v<Value, float>)
      wide = as_f64(value);
    else
      wide = static_cast<double>(value);
    if (wide == wide) return to_half(wide);
    const auto bits = std::bit_cast<std::uint64_t>(wide);
    return Half{static_cast<std::uint16_t>(((bits >> 48) & 0x8000u) | 0x7e00u)};
  } else if constexpr (std::is_same_v<To, float> && std::is_same_v<Value, double>) {
    return as_f32(value);
  } else if constexpr (std::is_same_v<To, double> && std::is_same_v<Value, float>) {
    return as_f64(value);
  } else {
    return static_cast<To>(value);
  }
}

template <class To, class From>
__device__ bool is_in_range(From value) {
  if constexpr (std::is_floating_point_v<From>) {
    // both bounds are powers of two (or 0) and exact; a comparison with NaN is false
    constexpr auto least = static_cast<From>(std::numeric_limits<To>::min());
    constexpr From above =
        static_cast<From>(std::uint64_t{1} << (std::numeric_limits<To>::digits - 1)) * 2;
    const From whole = trunc(value);
    return whole >= least && whole < above;
  } else {
    return std::in_range<To>(value);
  }
}

// One element; false where To has no such value.
template <class From, class To>
__device__ bool convert_one(Stored<From> from, Stored<To>& to) {
  if constexpr (std::is_same_v<To, bool>) {
    if constexpr (is_complex_type<From>)
      to = from.real() != 0 || from.imag() != 0;
    else
      to = widened(from) != 0;
  } else if constexpr (std::is_same_v<From, bool>) {
    const auto digit = static_cast<std::uint8_t>(from != 0);
    if constexpr (is_complex_type<To>)
      to = To(static_cast<typename To::value_type>(digit));
    else if constexpr (is_floating_type<To>)
      to = as_floating<To>(digit);
    else
      to = static_cast<To>(digit);
  } else if constexpr (is_complex_type<To>) {
    using Part = typename To::value_type;
    if constexpr (is_complex_type<From>)
      to = To(as_floating<Part>(from.real()), as_floating<Part>(from.imag()));
    else
      to = To(as_floating<Part>(from), Part{0});
  } else if constexpr (std::is_same_v<To, From>) {
    to = from;
  } else if constexpr (is_floating_type<To>) {
    to = as_floating<To>(from);
  } else {
    const auto value = widened(from);
    if (!is_in_range<To>(value)) return false;
    to = static_cast<To>(value);
  }
  return true;
}

template <class From, class To>
__device__ void convert_all(const Stored<From>* from, std::int64_t count, void* out,
                            unsigned long long* first_bad) {
  if constexpr (is_complex_type<From> && !is_complex_type<To> && !std::is_same_v<To, bool>) {
    return;  // was refused
  } else {
    auto* const target = static_cast<Stored<To>*>(out);
    constexpr std::int64_t per_block = std::int64_t{block_threads} * unroll;
    for (std::int64_t first = per_block * blockIdx.x + threadIdx.x; first < count;
         first += per_block * gridDim.x) {
      Stored<From> values[unroll];
#pragma unroll
      for (int k = 0; k < unroll; ++k) {
        const std::int64_t i = first + std::int64_t{block_threads} * k;
        if (i < count) values[k] = from[i];
      }
#pragma unroll
      for (int k = 0; k < unroll; ++k) {
        const std::int64_t i = first + std::int64_t{block_threads} * k;
        if (i >= count) break;
        Stored<To> value;
        if (!convert_one<From, To>(values[k], value)) {
          atomicMin(first_bad, static_cast<unsigned long long>(i));
          return;  // what this thread would convert next lies behind
        }
        target[i] = value;
      }
    }
  }
}

template <class From>
__global__ void __launch_bounds__(block_threads)
    convert_kernel(const Stored<From>* from, std::int64_t count, DType to, void* out,
                   unsigned long long* first_bad) {
  switch (to) {
    case DType::b8:
      return convert_all<From, bool>(from, count, out, first_bad);
    case DType::i8:
      return convert_all<From, std::int8_t>(from, count, out, first_bad);
    case DType::u8:
      return convert_all<From, std::uint8_t>(from, count, out, first_bad);
    case DType::i16:
      return convert_all<From, std::int16_t>(from, count, out, first_bad);
    case DType::u16:
      return convert_all<From, std::uint16_t>(from, count, out, first_bad);
    case DType::i32:
      return convert_all<From, std::int32_t>(from, count, out, first_bad);
    case DType::u32:
      return convert_all<From, std::uint32_t>(from, count, out, first_bad);
    case DType::i64:
      return convert_all<From, std::int64_t>(from, count, out, first_bad);
    case DType::u64:
      return convert_all<From, std::uint64_t>(from, count, out, first_bad);
    case DType::f16:
      return convert_all<From, Half>(from, count, out, first_bad);
    case DType::f32:
      return convert_all<From, float>(from, count, out, first_bad);
    case DType::f64:
      return convert_all<From, double>(from, count, out, first_bad);
    case DType::c64:
      return convert_all<From, std::complex<float>>(from, count, out, first_bad);
    case DType::c128:
      return convert_all<From, std::complex<double>>(from, count, out, first_bad);
    default:
      return;
  }
}

template <class From>
class CudaConvertKernels final : public ConvertKernels {
 public:
  explicit CudaConvertKernels(CudaDevice& device) : device_(device) {}

  [[nodiscard]] std::int64_t convert(const void* from, std::int64_t count, DType to,
                                     void* out) const override {
    const bool may_fail = visit_numeric(to, [](auto tag) {
      using To = typename decltype(tag)::type;
      if constexpr (is_complex_type<From> && !is_complex_type<To> && !std::is_same_v<To, bool>)
        throw InvalidArgument("complex numbers cannot be converted to " +
                              std::string(name(dtype_of<To>)) +
                              "; take their real part, imaginary part or magnitude");
      return can_fail<From, To>();
    });
    if (count <= 0) return count;
    const auto lock = device_.lock();
    device_.make_current();
    if (to == dtype_of<From> && to != DType::b8) {
      if (from != out) device_.copy(out, from, static_cast<std::size_t>(count) * sizeof(From));
      return count;
    }
    Scratch bad;
    if (may_fail) bad = uploaded(device_, std::span(&none, 1));
    constexpr std::int64_t per_block = std::int64_t{block_threads} * unroll;
    const std::int64_t blocks =
        std::min((count + per_block - 1) / per_block, std::int64_t{32} * device_.multiprocessors());
    launch("converting elements", convert_kernel<From>, dim3(static_cast<unsigned>(blocks)),
           dim3(block_threads), 0, device_.stream(), static_cast<const Stored<From>*>(from), count,
           to, out, bad.as<unsigned long long>());
    if (!may_fail) return count;
    unsigned long long first_bad = none;
    device_.download(&first_bad, bad.as<void>(), sizeof first_bad);
    return first_bad == none ? count : static_cast<std::int64_t>(first_bad);
  }

 private:
  CudaDevice& device_;
};

}  // namespace

std::shared_ptr<const void> make_convert_kernels(CudaDevice& device, DType dtype) {
  if (!ConvertKernels::covers(dtype)) return nullptr;
  return visit_numeric(dtype, [&](auto tag) -> std::shared_ptr<const ConvertKernels> {
    return std::make_shared<CudaConvertKernels<typename decltype(tag)::type>>(device);
  });
}

}  // namespace serried::cuda
