#include "array/device_view.hpp"

#include "serried/base/error.hpp"

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

void require_host(const TileView& view) {
  if (view.place != DeviceKind::host)
    throw InvalidArgument(
        "functions of the host cannot read rows on the device; to_host() copies an array to host "
        "memory");
}

}  // namespace serried
