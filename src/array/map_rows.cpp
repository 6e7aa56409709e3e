#include "serried/array/map_rows.hpp"

#include <algorithm>
#include <exception>
#include <string>

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
  std::exception_ptr failure;
  for (std::size_t batch = 0; batch < plan.batches.size(); ++batch) {
    // a rank whose own work failed goes on to take part in the collective reads
    const TileView view = source.read(plan, static_cast<std::int64_t>(batch), scratch);
    if (failure || view.rows.is_empty()) continue;
    const auto span = ctx.recorder().span("map rows", Activity::computation);
    try {
      const std::int64_t runs = (view.rows.size() + run_rows - 1) / run_rows;
      ctx.backend()->threads().parallel_for(runs, [&](std::int64_t run, int) {
        TileView part = view;
        part.rows.begin = view.rows.begin + run * run_rows;
        part.rows.end = std::min(view.rows.end, part.rows.begin + run_rows);
        part.data += (part.rows.begin - view.rows.begin) * row_bytes;
        f(part, result.data() + (part.rows.begin - mine.begin) * result_bytes);
      });
    } catch (...) {
      failure = std::current_exception();
    }
  }
  agree(ctx.comm(), [&] {
    if (failure) std::rethrow_exception(failure);
  });
  return Array::from_buffer(ctx, shape, dtype, source.layout(), std::move(result));
}

}  // namespace serried
