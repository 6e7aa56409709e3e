#include "array/device_view.hpp"

#include <algorithm>

#include "serried/base/error.hpp"
#include "serried/comm/agree.hpp"

namespace serried {

TileView DeviceView::of(const TileView& view) {
  if (view.place == device_->kind()) return view;
  if (view.place != DeviceKind::host)
    throw InvalidArgument("rows that lie on a device need a context with that device");
  const auto bytes =
      static_cast<std::size_t>(view.rows.size() * view.row_elements) * size_of(view.dtype);
  copy_.reserve(device_, bytes);
  device_->copy_from_host(copy_.data(), view.data, bytes);
  TileView result = view;
  result.data = copy_.data();
  result.place = device_->kind();
  return result;
}

std::int64_t device_batch_bytes(const Context& ctx) {
  constexpr std::size_t most = std::size_t{64} << 20;
  constexpr std::size_t least = std::size_t{64} << 10;
  // Copies of a batch, kernels' scratch memory and rounding up take a part each.
  const std::size_t share = device_room(ctx) / 8;
  return ctx.comm().allreduce(static_cast<std::int64_t>(std::clamp(share, least, most)),
                              ReduceOp::min);
}

std::size_t device_room(const Context& ctx) {
  const std::size_t free = agree_on(ctx.comm(), [&] { return ctx.device()->free_bytes(); });
  return free / static_cast<std::size_t>(ctx.options().device_sharers);
}

void require_host(const TileView& view) {
  if (view.place != DeviceKind::host)
    throw InvalidArgument(
        "functions of the host cannot read rows on the device; to_host() copies an array to host "
        "memory");
}

}  // namespace serried
