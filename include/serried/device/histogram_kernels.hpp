#pragma once

#include <cstdint>
#include <span>

#include "serried/base/api.hpp"
#include "serried/base/dtype.hpp"
#include "serried/device/kernel_field.hpp"

namespace SERRIED_API serried {

/// Histograms with equal bins and NumPy's edge rules, for every real dtype.
class HistogramKernels {
 public:
  static constexpr KernelField field = KernelField::histogram;
  static constexpr bool covers(DType dtype) noexcept { return is_real(dtype); }
  virtual ~HistogramKernels() = default;

  /// Adds to counts[j * bins + b] the elements of column j that lie in bin b of `edges` (bins + 1
  /// ascending values, equally spaced as numpy.linspace makes them; the last bin includes its right
  /// edge). NaN and values outside are left out. edges holds (bins + 1) values for each column.
  virtual void add(const void* rows, std::int64_t row_count, std::int64_t columns,
                   std::int64_t bins, std::span<const double> edges,
                   std::span<std::int64_t> counts) const = 0;
};

}  // namespace serried
