#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "serried/base/shape.hpp"

namespace serried {

/// One axis of a block that is copied: its extent, and the bytes from one index to the next on both
/// sides.
struct CopyAxis {
  std::int64_t extent = 1;
  std::int64_t to = 0;
  std::int64_t from = 0;
};

/// Byte strides of a C-ordered block.
/// Local.
[[nodiscard]] std::vector<std::int64_t> c_strides(const Shape& extents, std::int64_t item_bytes);

/// The same block with fewer axes: those with one index are left out, and neighbours that lie alike
/// on both sides are one axis, so that copies are long. Local.
[[nodiscard]] std::vector<CopyAxis> merged_axes(std::span<const CopyAxis> axes);

/// Copies an N-d block of items between two strided places that do not overlap. Strides may be
/// negative, and 0 in the source. Local.
void copy_strided(std::span<const CopyAxis> axes, std::int64_t item_bytes, std::byte* to,
                  const std::byte* from);
/// The same with strides in bytes, one for each axis of `extents`. Local.
void copy_strided(const Shape& extents, std::int64_t item_bytes, std::byte* to,
                  std::span<const std::int64_t> to_strides, const std::byte* from,
                  std::span<const std::int64_t> from_strides);

}  // namespace serried
