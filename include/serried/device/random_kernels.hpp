#pragma once

#include <cstdint>
#include <span>

#include "serried/base/api.hpp"
#include "serried/base/dtype.hpp"
#include "serried/device/kernel_field.hpp"

namespace SERRIED_API serried {

/// Random numbers of one dtype: uniform and normal ones for f16, f32, f64, integers for the integer
/// types. Element e depends on (seed, e) alone: its 128 random bits are philox_words(seed, stream,
/// e), with stream 1 for uniform, 2 for normal and 3 for integer numbers. Bits are the same at
/// every instruction level.
class RandomKernels {
 public:
  static constexpr KernelField field = KernelField::random;
  static constexpr bool covers(DType dtype) noexcept {
    return is_floating(dtype) || is_integer(dtype);
  }
  virtual ~RandomKernels() = default;

  /// out[i] = low + (high - low) u, u in [0, 1) with 53 random bits, computed in f64 and rounded; a
  /// result that rounds up to `high` becomes the number before it.
  /// @throws InvalidArgument for integer dtypes.
  virtual void uniform(std::uint64_t seed, std::span<const std::uint64_t> elements, double low,
                       double high, void* out) const = 0;
  /// out[i] = mean + deviation z, z = sqrt(-2 ln(1 - u)) cos(2 pi v) with u, v in [0, 1) (Box and
  /// Muller, "A note on the generation of random normal deviates", 1958), computed in f64 and
  /// rounded. |z| < 8.6.
  /// @throws InvalidArgument for integer dtypes.
  virtual void normal(std::uint64_t seed, std::span<const std::uint64_t> elements, double mean,
                      double deviation, void* out) const = 0;
  /// out[i] = low + floor(w range / 2^128) with 128 random bits w: no value's probability differs
  /// from 1 / range by more than 2^-128. low + range - 1 must be a value of the dtype.
  /// @throws InvalidArgument for floating dtypes.
  virtual void integers(std::uint64_t seed, std::span<const std::uint64_t> elements,
                        std::int64_t low, std::uint64_t range, void* out) const = 0;
};

}  // namespace serried
