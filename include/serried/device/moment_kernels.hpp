#pragma once

#include <cstdint>
#include <span>

#include "serried/device/kernel_field.hpp"

namespace serried {

/// Central moments of a set of numbers; NaN is counted and otherwise left out. The mean is the unevaluated
/// sum mean + mean_error. `min_key` and `max_key` are order keys (base/order_key.hpp) of the element's
/// compute type: order_key(int64) for signed integers and b8, order_key(uint64) for u64, order_key(double)
/// else; they have no meaning while count is 0.
struct Moments {
  std::int64_t count = 0;      ///< numbers that are not NaN
  std::int64_t nan_count = 0;
  std::uint64_t min_key = ~0ull;
  std::uint64_t max_key = 0;
  double mean = 0;
  double mean_error = 0;
  double m2 = 0;  ///< sum of (x - mean)^2
  double m3 = 0;
  double m4 = 0;
};

/// Moments of leaves, for every real dtype.
class MomentKernels {
 public:
  static constexpr KernelField field = KernelField::moments;
  virtual ~MomentKernels() = default;

  /// out[i] = moments of the elements [offsets[i], offsets[i + 1]) of `elements`; offsets has
  /// out.size() + 1 entries.
  virtual void reduce_elements(const void* elements, std::span<const std::int64_t> offsets,
                               std::span<Moments> out) const = 0;
  /// out[i * columns + j] = moments of column j of the rows [offsets[i], offsets[i + 1]); rows are
  /// contiguous, `columns` elements each.
  virtual void reduce_columns(const void* rows, std::int64_t columns,
                              std::span<const std::int64_t> offsets,
                              std::span<Moments> out) const = 0;
};

}  // namespace serried
