#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace serried {

/// Copies an N-d block between two memory layouts (a transposition where the strides ask for it).
/// Local.
/// @param extents of the block; @param from_strides, to_strides in elements, one for each axis.
/// @param element_bytes 1, 2, 4, 8 or 16.
void copy_transposed(std::byte* to, std::span<const std::int64_t> to_strides, const std::byte* from,
                     std::span<const std::int64_t> from_strides,
                     std::span<const std::int64_t> extents, std::size_t element_bytes);

}  // namespace serried
