// Arrays from memory that is there already.
#include <algorithm>
#include <array>
#include <cstring>
#include <string>
#include <vector>

#include "array/array_impl.hpp"
#include "array/strided_copy.hpp"
#include "serried/comm/agree.hpp"

namespace serried {
namespace {

// What a rank brings to from_memory; compared on all ranks, so that all throw alike.
struct Offer {
  std::array<std::int64_t, max_dimensions> extents{};
  std::int32_t dimensions = 0;
  std::int32_t split_axis = 0;
  DType dtype = DType::f64;
  bool has_all_strides = false;
  bool has_data = false;
};

void check_offers(const std::vector<Offer>& offers) {
  const auto refuse = [](std::size_t rank, const std::string& text) {
    throw InvalidArgument("array from memory, rank " + std::to_string(rank) + ": " + text);
  };
  const Offer& first = offers.front();
  for (std::size_t rank = 0; rank < offers.size(); ++rank) {
    const Offer& offer = offers[rank];
    if (offer.dimensions == 0) refuse(rank, "a number is no part of a split array");
    if (offer.dimensions != first.dimensions || offer.split_axis != first.split_axis ||
        offer.dtype != first.dtype)
      refuse(rank, "dimensions, split axis or dtype differ from rank 0's");
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
}

// Whether elements with these strides lie as an Array's part does.
bool is_contiguous(const Shape& extents, std::span<const std::int64_t> strides,
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

}  // namespace

Array Array::from_buffer(const Context& ctx, const Shape& shape, DType dtype, Layout layout,
                         Buffer local) {
  auto impl = std::make_shared<Impl>(ctx, shape, dtype, 0, std::move(layout), false);
  const auto bytes = static_cast<std::size_t>(impl->local_elements() * impl->item_bytes);
  if (local.bytes() < bytes)
    throw InvalidArgument("a buffer of " + std::to_string(local.bytes()) +
                          " bytes does not hold this rank's rows of an array of shape " +
                          shape.to_string() + ", " + std::to_string(bytes) + " bytes");
  impl->memory = std::make_shared<Buffer>(std::move(local));
  impl->data = impl->memory->data();
  return Impl::wrap(std::move(impl));
}

Array Array::replicated(const Context& ctx, const Shape& shape, DType dtype, const void* data) {
  auto impl = Impl::make_replicated(ctx, shape, dtype);
  const auto bytes = impl->local_bytes().size();
  if (bytes != 0) std::memcpy(impl->mutable_data(), data, bytes);
  return Impl::wrap(std::move(impl));
}

Array Array::from_memory(const Context& ctx, const void* data, DType dtype,
                         const Shape& local_shape, std::span<const std::int64_t> byte_strides,
                         int split_axis) {
  Offer offer;
  std::ranges::copy(local_shape.extents(), offer.extents.begin());
  offer.dimensions = local_shape.dimensions();
  offer.split_axis = split_axis;
  offer.dtype = dtype;
  offer.has_all_strides =
      byte_strides.empty() || byte_strides.size() == local_shape.extents().size();
  const auto extents = local_shape.extents();
  const bool is_empty = std::ranges::find(extents, 0) != extents.end();
  offer.has_data = data != nullptr || is_empty;
  const std::vector<Offer> offers = ctx.comm().allgather(offer);
  check_offers(offers);

  std::vector<std::int64_t> begins{0};
  std::vector<std::int64_t> ranks{0};
  for (const Offer& each : offers) {
    begins.push_back(begins.back() + each.extents[static_cast<std::size_t>(split_axis)]);
    ranks.push_back(static_cast<std::int64_t>(ranks.size()));
  }
  const Shape shape = local_shape.with_extent(split_axis, begins.back());
  // the rank that holds a tile's first row owns the tile
  const Layout uniform = Layout::uniform(begins.back(), ctx.size(), ctx.options().max_tiles);
  const std::int64_t tile_rows = uniform.tile_rows();
  std::vector<std::int64_t> first_tiles;
  std::int64_t moving_rows = 0;
  for (const std::int64_t begin : begins) {
    first_tiles.push_back((begin + tile_rows - 1) / tile_rows);
    moving_rows += uniform.tile_begin(first_tiles.back()) - begin;
  }
  const Layout owned = uniform.with_owners(std::move(first_tiles));
  const Layout held = Layout::from_tiles(begins, ranks);

  auto impl =
      std::make_shared<Impl>(ctx, shape, dtype, split_axis, moving_rows == 0 ? owned : held, false);
  const std::vector<std::int64_t> wanted = impl->strides();
  const std::vector<std::int64_t> strides =
      byte_strides.empty() ? c_strides(local_shape, impl->item_bytes)
                           : std::vector<std::int64_t>(byte_strides.begin(), byte_strides.end());
  agree(ctx.comm(), [&] {
    if (is_empty) return;
    if (is_contiguous(local_shape, strides, wanted) && is_aligned(data, impl->item_bytes)) {
      impl->data = static_cast<const std::byte*>(data);
    } else {
      impl->allocate();
      copy_strided(local_shape, impl->item_bytes, impl->mutable_data(), wanted,
                   static_cast<const std::byte*>(data), strides);
    }
  });
  if (moving_rows == 0) return Impl::wrap(std::move(impl));
  if (ctx.rank() == 0)
    ctx.recorder().say(
        Severity::note,
        "an array from memory is copied: its ranks' first rows do not lie on tile "
        "boundaries (every " +
            std::to_string(tile_rows) + " rows), " + std::to_string(moving_rows) +
            " rows of cut tiles go to other ranks; Layout::uniform tells where to cut");
  return Impl::wrap(impl->moved_to(owned));
}

}  // namespace serried
