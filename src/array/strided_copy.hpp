#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "serried/base/shape.hpp"

namespace serried {

/// Byte strides of a C-ordered block.
/// Local.
[[nodiscard]] std::vector<std::int64_t> c_strides(const Shape& extents, std::int64_t item_bytes);

/// Copies an N-d block of items between two strided places that do not overlap. Strides are in
/// bytes, one for each axis of `extents`, and may be negative. Local.
void copy_strided(const Shape& extents, std::int64_t item_bytes, std::byte* to,
                  std::span<const std::int64_t> to_strides, const std::byte* from,
                  std::span<const std::int64_t> from_strides);

}  // namespace serried
