#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "serried/array/array.hpp"

namespace serried {

/// What a rank brings of its own memory; compared on all ranks, so that all throw alike.
struct MemoryOffer {
  std::array<std::int64_t, max_dimensions> extents{};
  std::int32_t dimensions = 0;
  std::int32_t split_axis = 0;
  std::int32_t fields = 1;
  std::int32_t threads = 1;
  DType dtype = DType::f64;
  bool has_all_strides = true;
  bool has_data = true;
  bool is_viewable = true;  ///< aligned, and as an Array's part lies
};

/// An offer without what the memory is like. Local.
[[nodiscard]] MemoryOffer offer_of(const Shape& local_shape, DType dtype, int split_axis);

/// Collective: all ranks' offers, checked.
/// @param what begins the messages, e.g. "array from memory".
/// @throws InvalidArgument on all ranks if they do not go together, or one is wrong by itself.
[[nodiscard]] std::vector<MemoryOffer> exchange_offers(const Context& ctx, const MemoryOffer& mine,
                                                       const std::string& what);

/// Where rows lie, and who owns their tiles.
struct MemoryCuts {
  Layout held;   ///< what lies on which rank: one tile for each
  Layout owned;  ///< uniform tiles; the rank that holds a tile's first row owns the tile
  std::int64_t moving_rows = 0;  ///< that lie on other ranks than the owners of their tiles
};

/// @param begins the first row of each rank, and the number of all rows. Local.
[[nodiscard]] MemoryCuts cuts_of(const Context& ctx, std::vector<std::int64_t> begins);

/// Whether elements with these strides lie as with the wanted ones. Local.
[[nodiscard]] bool is_lying_as(const Shape& extents, std::span<const std::int64_t> strides,
                               std::span<const std::int64_t> wanted);

/// Local.
[[nodiscard]] bool is_aligned(const void* data, std::int64_t item_bytes);

}  // namespace serried
