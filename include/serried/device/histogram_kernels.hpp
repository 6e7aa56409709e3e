#pragma once

#include <cstdint>
#include <limits>
#include <span>

#include "serried/base/api.hpp"
#include "serried/base/dtype.hpp"
#include "serried/device/bin_search.hpp"
#include "serried/device/kernel_field.hpp"

namespace SERRIED_API serried {

/// The least and the largest of some numbers; NaN is left out.
struct NumberExtent {
  double low = std::numeric_limits<double>::infinity();
  double high = -std::numeric_limits<double>::infinity();  ///< below `low`: there is no number
  std::int64_t nan_count = 0;
};

/// Histograms with NumPy's edge rules, for every real dtype.
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
  /// Places of elements in a table: places[i] = places[i] * bins + the bin of element i * stride, a
  /// bin of `edges` (ascending) as in add(). A place of -1, for NaN and what lies outside, stays.
  /// @param search where the edges are not as add() wants them: a table of these edges.
  virtual void find(const void* elements, std::int64_t stride, std::span<const double> edges,
                    const BinSearch* search, std::span<std::int64_t> places) const = 0;
  /// Of the elements 0, stride, 2 stride ... that are above `bound`, -infinity being above itself.
  [[nodiscard]] virtual NumberExtent extent(const void* elements, std::int64_t count,
                                            std::int64_t stride, double bound) const = 0;
};

}  // namespace serried
