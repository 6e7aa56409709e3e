#pragma once

#include <cstdint>
#include <span>

#include "serried/base/api.hpp"
#include "serried/base/dtype.hpp"
#include "serried/device/kernel_field.hpp"

namespace SERRIED_API serried {

/// Sums of leaves in f64, for every real dtype, with a fixed number of virtual lanes: the bits
/// depend on the leaf alone, not on the vector width.
class SumKernels {
 public:
  static constexpr KernelField field = KernelField::sums;
  static constexpr bool covers(DType dtype) noexcept { return is_real(dtype); }
  virtual ~SumKernels() = default;

  /// out[i * columns + j] = sum of column j over the rows [offsets[i], offsets[i + 1]).
  virtual void reduce_columns(const void* rows, std::int64_t columns,
                              std::span<const std::int64_t> offsets,
                              std::span<double> out) const = 0;
  /// As reduce_columns, folded along the fixed tree over leaf numbers: the call's leaves are
  /// first_leaf, first_leaf + 1, ..., and out[n * columns + j] = sum of column j of node n of
  /// maximal_nodes(first_leaf, first_leaf + leaves) (base/tree_nodes.hpp). The bits are those of
  /// adding the leaves of reduce_columns in the order of TreeFold.
  virtual void fold_columns(const void* rows, std::int64_t columns,
                            std::span<const std::int64_t> offsets, std::int64_t first_leaf,
                            std::span<double> out) const = 0;
  /// left[i] += right[i].
  virtual void add(std::span<double> left, std::span<const double> right) const = 0;
};

}  // namespace serried
