#pragma once

#include "serried/comm/tile_source.hpp"
#include "serried/context.hpp"

namespace serried {

/// Brings the rows that a source has read to where a context's kernels run.
class DeviceView {
 public:
  explicit DeviceView(const Context& ctx) : device_(ctx.device()) {}

  /// The view itself where it lies on the device already, or the device is the host; else a copy,
  /// valid until the next call. Local.
  /// @throws DeviceError if there is no memory for the copy; InvalidArgument for rows on a device
  /// that is not the context's.
  [[nodiscard]] TileView of(const TileView& view);

 private:
  std::shared_ptr<Backend> device_;
  Buffer copy_;
};

/// How much of a source is copied to the device at a time: 64 MiB, less where the device has little
/// room; the same on every rank. Collective.
[[nodiscard]] std::int64_t device_batch_bytes(const Context& ctx);

/// What is free on the device for each of the ranks that share it.
/// Collective.
/// @throws RankError on all ranks if a device cannot tell.
[[nodiscard]] std::size_t device_room(const Context& ctx);

/// Throws InvalidArgument where a view lies on a device: for functions of the host.
void require_host(const TileView& view);

}  // namespace serried
