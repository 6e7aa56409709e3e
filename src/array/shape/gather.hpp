#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string>

#include "serried/array/array.hpp"

namespace serried {

/// memcpy, faster for the lengths of numbers.
inline void copy_item(std::byte* to, const std::byte* from, std::int64_t bytes) {
  switch (bytes) {
    case 1:
      return void(std::memcpy(to, from, 1));
    case 2:
      return void(std::memcpy(to, from, 2));
    case 4:
      return void(std::memcpy(to, from, 4));
    case 8:
      return void(std::memcpy(to, from, 8));
    case 16:
      return void(std::memcpy(to, from, 16));
    default:
      std::memcpy(to, from, static_cast<std::size_t>(bytes));
  }
}

/// Where indices along an axis of an array lie within memory: blocks of `bytes`, one for each index
/// of the axes in front (`outer`), which lie as far apart as the axis has indices. So for arrays
/// that every rank has, and for those that are split along another axis.
struct AxisBlocks {
  std::int64_t outer = 1;
  std::int64_t extent = 0;
  std::int64_t bytes = 0;
};
[[nodiscard]] AxisBlocks blocks_of(const Array& array, int axis);

/// The indices of an axis that is not split, in the order of `indices`, which count from 0 and are
/// the same on all ranks. Lies as the array. Collective: ranks agree on having the memory.
[[nodiscard]] Array gathered_here(const Array& array, std::span<const std::int64_t> indices,
                                  int axis);

/// This rank's part of an array of indices, counted from the front of an axis.
/// @throws DataError on all ranks for one out of bounds; InvalidArgument for another dtype than
/// integers. Collective.
[[nodiscard]] std::vector<std::int64_t> checked_indices(const Array& indices, std::int64_t extent,
                                                        int axis);

}  // namespace serried
