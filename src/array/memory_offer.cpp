#include "array/memory_offer.hpp"

#include <algorithm>

namespace serried {

MemoryOffer offer_of(const Shape& local_shape, DType dtype, int split_axis) {
  MemoryOffer offer;
  std::ranges::copy(local_shape.extents(), offer.extents.begin());
  offer.dimensions = local_shape.dimensions();
  offer.split_axis = split_axis;
  offer.dtype = dtype;
  return offer;
}

std::vector<MemoryOffer> exchange_offers(const Context& ctx, const MemoryOffer& mine,
                                         const std::string& what) {
  const std::vector<MemoryOffer> offers = ctx.comm().allgather(mine);
  const auto refuse = [&](std::size_t rank, const std::string& text) {
    throw InvalidArgument(what + ", rank " + std::to_string(rank) + ": " + text);
  };
  const MemoryOffer& first = offers.front();
  for (std::size_t rank = 0; rank < offers.size(); ++rank) {
    const MemoryOffer& offer = offers[rank];
    if (offer.dimensions == 0) refuse(rank, "a number is no part of a split array");
    if (offer.fields == 0) refuse(rank, "there is no field");
    if (offer.dimensions != first.dimensions || offer.split_axis != first.split_axis ||
        offer.dtype != first.dtype || offer.fields != first.fields)
      refuse(rank, "dimensions, split axis, dtype or number of fields differ from rank 0's");
    if (offer.split_axis < 0 || offer.split_axis >= offer.dimensions)
      refuse(rank, "there is no axis " + std::to_string(offer.split_axis));
    if (!offer.has_all_strides) refuse(rank, "one stride is needed for each axis, or none");
    if (!offer.has_data) refuse(rank, "the pointer is null");
    for (int axis = 0; axis < offer.dimensions; ++axis) {
      const auto at = static_cast<std::size_t>(axis);
      if (axis != offer.split_axis && offer.extents[at] != first.extents[at])
        refuse(rank, "extent " + std::to_string(offer.extents[at]) + " of axis " +
                         std::to_string(axis) + " differs from rank 0's, " +
                         std::to_string(first.extents[at]));
    }
  }
  return offers;
}

MemoryCuts cuts_of(const Context& ctx, std::vector<std::int64_t> begins) {
  const Layout uniform = Layout::uniform(begins.back(), ctx.size(), ctx.options().max_tiles);
  const std::int64_t tile_rows = uniform.tile_rows();
  std::vector<std::int64_t> first_tiles;
  std::vector<std::int64_t> ranks;
  std::int64_t moving_rows = 0;
  for (const std::int64_t begin : begins) {
    first_tiles.push_back((begin + tile_rows - 1) / tile_rows);
    moving_rows += uniform.tile_begin(first_tiles.back()) - begin;
    ranks.push_back(static_cast<std::int64_t>(ranks.size()));
  }
  return {Layout::from_tiles(std::move(begins), std::move(ranks)),
          uniform.with_owners(std::move(first_tiles)), moving_rows};
}

bool is_lying_as(const Shape& extents, std::span<const std::int64_t> strides,
                 std::span<const std::int64_t> wanted) {
  for (int axis = 0; axis < extents.dimensions(); ++axis) {
    const auto at = static_cast<std::size_t>(axis);
    if (extents[axis] != 1 && strides[at] != wanted[at]) return false;
  }
  return true;
}

bool is_aligned(const void* data, std::int64_t item_bytes) {
  const auto alignment = static_cast<std::uintptr_t>(std::min<std::int64_t>(item_bytes, 8));
  return reinterpret_cast<std::uintptr_t>(data) % alignment == 0;
}

}  // namespace serried
