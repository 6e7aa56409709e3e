#pragma once

#include <optional>

#include "serried/array/array.hpp"
#include "serried/context.hpp"

namespace serried::kmeans {

/// Where a fit works and on which copy of its data: on the context's device, in whose memory the
/// data is held where it fits, else streamed through it in each pass; or on the host.
class PlacedData {
 public:
  /// Collective.
  /// @param host_work what the fit has to do that no device can do, or null.
  PlacedData(const Context& ctx, const TileSource& data, const char* host_work);

  /// Of the fits that were asked for side by side (0: all of `fits`), as many as the device has
  /// room for. Collective.
  [[nodiscard]] int fits_at_once(int asked, std::int64_t fits) const;

  [[nodiscard]] const Context& context() const noexcept { return ctx_; }
  [[nodiscard]] const TileSource& source() const noexcept { return held_ ? *held_ : data_; }

 private:
  Context ctx_;
  const TileSource& data_;
  std::optional<Array> held_;
};

}  // namespace serried::kmeans
