#pragma once

#include <cstdint>
#include <span>

#include "serried/base/api.hpp"
#include "serried/base/dtype.hpp"
#include "serried/device/kernel_field.hpp"
#include "serried/device/moments.hpp"

namespace SERRIED_API serried {

/// Moments of leaves, for every real dtype. Each leaf is read twice (sum and extrema, then sums
/// about the mean), in blocks that fit the cache. The bits of a leaf's moments depend on the leaf
/// alone: neither on the vector width nor on what else a call holds. Calls are safe from several
/// threads at once.
class MomentKernels {
 public:
  static constexpr KernelField field = KernelField::moments;
  static constexpr bool covers(DType dtype) noexcept { return is_real(dtype); }
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
  /// As reduce_columns, folded along the fixed tree over leaf numbers (combine() of moments.hpp, in
  /// the order of TreeFold): the call's leaves are first_leaf, first_leaf + 1, ..., and out[n *
  /// columns + j] = moments of column j of node n of maximal_nodes(first_leaf, first_leaf +
  /// leaves) (base/tree_nodes.hpp), as many as these are. A device returns these few nodes instead
  /// of all leaves. The bits are those of folding the leaves of reduce_columns on the host.
  virtual void fold_columns(const void* rows, std::int64_t columns,
                            std::span<const std::int64_t> offsets, std::int64_t first_leaf,
                            std::span<Moments> out) const = 0;
};

}  // namespace serried
