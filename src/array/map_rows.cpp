#include "serried/array/map_rows.hpp"

#include <algorithm>
#include <string>

#include "array/device_view.hpp"
#include "serried/comm/agree.hpp"

namespace serried {
namespace {

// Runs of rows of about this many bytes are given to f at a time.
constexpr std::int64_t run_bytes = std::int64_t{64} << 10;

}  // namespace

Array map_rows(const Context& ctx, const TileSource& source, const Shape& row_shape, DType dtype,
               const std::function<void(const TileView& rows, std::byte* result)>& f) {
  const Shape shape = row_shape.with_inserted(0, source.rows());
  const std::int64_t result_bytes =
      row_shape.elements() * static_cast<std::int64_t>(size_of(dtype));
  const Leaves tiles = Leaves::single_tiles(source.layout());
  const ReadPlan plan = source.plan(tiles, ctx.options().batch_bytes, ctx.rank());
  const RowRange mine = source.layout().rows_of(ctx.rank());
  Buffer result;
  agree(ctx.comm(), [&] {
    result = Buffer(ctx.backend(), static_cast<std::size_t>(mine.size() * result_bytes));
  });

  const std::int64_t row_bytes = source.row_bytes();
  const std::int64_t run_rows =
      std::max<std::int64_t>(1, run_bytes / std::max<std::int64_t>(1, row_bytes + result_bytes));
  Buffer scratch;
  read_batches(ctx.comm(), source, plan, scratch, [&](std::size_t, const TileView& view) {
    require_host(view);
    const auto span = ctx.recorder().span("map rows", Activity::computation);
    const std::int64_t runs = (view.rows.size() + run_rows - 1) / run_rows;
    ctx.backend()->threads().parallel_for(runs, [&](std::int64_t run, int) {
      TileView part = view;
      part.rows.begin = view.rows.begin + run * run_rows;
      part.rows.end = std::min(view.rows.end, part.rows.begin + run_rows);
      part.data += (part.rows.begin - view.rows.begin) * row_bytes;
      f(part, result.data() + (part.rows.begin - mine.begin) * result_bytes);
    });
  });
  return Array::from_buffer(ctx, shape, dtype, source.layout(), std::move(result));
}

}  // namespace serried
