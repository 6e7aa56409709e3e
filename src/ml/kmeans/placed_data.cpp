#include "ml/kmeans/placed_data.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "array/device_view.hpp"

namespace serried::kmeans {
namespace {

/// On the device, besides the data: labels, and while centres are chosen distances and the nearest
/// candidate; weights.
constexpr std::int64_t state_bytes_by_row = 4 + 8 + 8;
/// For scratch memory of kernels and a batch that is copied.
constexpr std::int64_t reserve_bytes = std::int64_t{512} << 20;

bool is_on_device(const TileSource& data) {
  const auto* array = dynamic_cast<const Array*>(&data);
  return array != nullptr && array->is_on_device();
}

/// Whether all ranks have room for their rows.
bool fits(const Context& ctx, const TileSource& data) {
  const double rows = static_cast<double>(data.layout().rows_of(ctx.rank()).size());
  const double bytes = rows * static_cast<double>(data.row_bytes() + state_bytes_by_row);
  const double room = static_cast<double>(device_room(ctx)) - static_cast<double>(reserve_bytes);
  const int is_too_large = bytes > room ? 1 : 0;
  return ctx.comm().allreduce(is_too_large, ReduceOp::max) == 0;
}

}  // namespace

PlacedData::PlacedData(const Context& ctx, const TileSource& data, const char* host_work)
    : ctx_(ctx), data_(data) {
  if (!ctx.has_device()) return;
  if (host_work != nullptr) {
    ctx_ = ctx.on_host();
    if (is_on_device(data)) held_ = dynamic_cast<const Array&>(data).to_host();
    ctx.recorder().set_fact("k-means ran on",
                            fmt::format("the host: {} have no kernels on the device", host_work));
    return;
  }
  if (is_on_device(data)) return;
  if (!fits(ctx, data)) {
    ctx.recorder().set_fact("rows on the device",
                            "those of a batch; all rows are copied to it in each pass");
    return;
  }
  held_ = copy_to_device(ctx, data);
  ctx.recorder().set_fact("rows on the device", "all of " + data.describe());
}

int PlacedData::fits_at_once(int asked, std::int64_t fits) const {
  if (!ctx_.has_device()) return asked;
  const double wanted = asked == 0 ? static_cast<double>(fits) : asked;
  const std::int64_t rows = std::max<std::int64_t>(1, data_.layout().rows_of(ctx_.rank()).size());
  const auto free = static_cast<double>(device_room(ctx_));
  // A half is left to batches and to kernels' scratch memory.
  const double room = free / 2 / static_cast<double>(rows * state_bytes_by_row);
  const auto count = static_cast<std::int64_t>(std::max(1., std::min(wanted, room)));
  return static_cast<int>(ctx_.comm().allreduce(count, ReduceOp::min));
}

}  // namespace serried::kmeans
