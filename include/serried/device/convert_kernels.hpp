#pragma once

#include <cstdint>

#include "serried/base/api.hpp"
#include "serried/base/dtype.hpp"
#include "serried/device/kernel_field.hpp"

namespace SERRIED_API serried {

/// Conversions from one dtype; there are kernels for every real and complex dtype.
class ConvertKernels {
 public:
  static constexpr KernelField field = KernelField::convert;
  static constexpr bool covers(DType dtype) noexcept { return is_real(dtype) || is_complex(dtype); }
  virtual ~ConvertKernels() = default;

  /// Converts `count` contiguous elements to dtype `to`. Between floating types values are rounded
  /// to nearest (ties to even; too large becomes infinity); floating values are truncated to
  /// integers; numbers other than 0 (NaN too) are true; a real number gets the imaginary part 0.
  /// @return the index of the first element that `to` cannot hold (NaN, infinity or a value out of
  /// range where `to` is an integer type); count where all were converted. Elements from that index
  /// on are not.
  /// @throws InvalidArgument from a complex to a real dtype.
  [[nodiscard]] virtual std::int64_t convert(const void* from, std::int64_t count, DType to,
                                             void* out) const = 0;
};

}  // namespace serried
