// Arrays from memory that is there already.
#include <algorithm>
#include <cstring>
#include <string>
#include <vector>

#include "array/array_impl.hpp"
#include "array/memory_offer.hpp"
#include "array/shape/arrange.hpp"
#include "array/strided_copy.hpp"
#include "serried/comm/agree.hpp"

namespace serried {

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
  MemoryOffer offer = offer_of(local_shape, dtype, split_axis);
  offer.has_all_strides =
      byte_strides.empty() || byte_strides.size() == local_shape.extents().size();
  const auto extents = local_shape.extents();
  const bool is_empty = std::ranges::find(extents, 0) != extents.end();
  offer.has_data = data != nullptr || is_empty;
  const std::vector<MemoryOffer> offers = exchange_offers(ctx, offer, "array from memory");

  std::vector<std::int64_t> begins{0};
  for (const MemoryOffer& each : offers)
    begins.push_back(begins.back() + each.extents[static_cast<std::size_t>(split_axis)]);
  const Shape shape = local_shape.with_extent(split_axis, begins.back());
  const auto [held, owned, moving_rows] = cuts_of(ctx, std::move(begins));

  auto impl =
      std::make_shared<Impl>(ctx, shape, dtype, split_axis, moving_rows == 0 ? owned : held, false);
  const std::vector<std::int64_t> wanted = impl->strides();
  const std::vector<std::int64_t> strides =
      byte_strides.empty() ? c_strides(local_shape, impl->item_bytes)
                           : std::vector<std::int64_t>(byte_strides.begin(), byte_strides.end());
  agree(ctx.comm(), [&] {
    if (is_empty) return;
    if (is_lying_as(local_shape, strides, wanted) && is_aligned(data, impl->item_bytes)) {
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
            std::to_string(owned.tile_rows()) + " rows), " + std::to_string(moving_rows) +
            " rows of cut tiles go to other ranks; Layout::uniform tells where to cut");
  return moved(Impl::wrap(std::move(impl)), split_axis, owned);
}

}  // namespace serried
