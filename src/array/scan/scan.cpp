#include "serried/array/scan.hpp"

#include <string>
#include <utility>
#include <vector>

#include "array/array_bytes.hpp"
#include "array/scan/row_scan.hpp"
#include "base/checked_axis.hpp"
#include "serried/base/error.hpp"
#include "serried/comm/agree.hpp"

namespace serried {
namespace {

const char* name_of(ScanOp op) {
  return op == ScanOp::sum ? "cumsum" : "cumprod";
}

/// Blocks of a line that a rank has whole, by its length alone.
std::vector<std::int64_t> blocks_of(std::int64_t length) {
  constexpr std::int64_t rows = 4096;
  std::vector<std::int64_t> begins;
  for (std::int64_t begin = 0; begin < length; begin += rows) begins.push_back(begin);
  begins.push_back(length);
  return begins;
}

void check_results(const Array& array, ScanOp op, bool is_good) {
  if (is_integer(array.dtype()) &&
      array.context().comm().allreduce(std::int64_t{is_good ? 0 : 1}, ReduceOp::max) != 0) {
    const std::string dtype(name(scanned_dtype(array.dtype())));
    throw DataError(std::string(name_of(op)) + " of " + array.describe() + ": a " +
                    (op == ScanOp::sum ? "sum" : "product") + " is beyond " + dtype +
                    "; cast to f64 first");
  }
}

/// All elements of an array in C order, split along axis 0 or replicated, as a series.
Array scan_all(const Array& array, ScanOp op, bool skips_nan) {
  const Context& ctx = array.context();
  const std::int64_t elements = array.shape().elements();
  const DType dtype = scanned_dtype(array.dtype());
  const Shape shape{elements};
  ScannedMemory memory{.dtype = array.dtype(), .op = op, .skips_nan = skips_nan};
  if (array.is_replicated()) {
    Array result = Array::empty_replicated(ctx, shape, dtype);
    memory.from = array.local_data();
    memory.to = memory_of(result);
    bool is_good = true;
    agree(ctx.comm(), [&] { is_good = scan_here(ctx, memory, 1, blocks_of(elements)); });
    check_results(array, op, is_good);
    return result;
  }
  // each row's elements stay where they are
  const Layout& rows = array.layout();
  std::vector<std::int64_t> begins;
  std::vector<std::int64_t> owners;
  for (std::int64_t tile = 0; tile <= rows.tiles(); ++tile)
    begins.push_back(rows.tile_begin(tile) * array.row_elements());
  for (int rank = 0; rank <= ctx.size(); ++rank) owners.push_back(rows.first_tile(rank));
  Array result = Array::empty(ctx, shape, dtype, 0,
                              array.shape().dimensions() == 1
                                  ? rows
                                  : Layout::from_tiles(std::move(begins), std::move(owners)));
  memory.from = array.local_data();
  memory.to = memory_of(result);
  check_results(array, op, elements == 0 || scan_over_ranks(ctx, memory, result.layout()));
  return array.shape().dimensions() == 1 ? result : result.balance();
}

Array scan_axis(const Array& array, int axis, ScanOp op, bool skips_nan) {
  const Context& ctx = array.context();
  const Shape& shape = array.shape();
  Array result = empty_like(array, scanned_dtype(array.dtype()));
  ScannedMemory memory{.dtype = array.dtype(),
                       .op = op,
                       .skips_nan = skips_nan,
                       .from = array.local_data(),
                       .to = memory_of(result)};
  const bool is_split = !array.is_replicated();
  bool is_good = true;
  if (shape.elements() == 0) return result;
  if (is_split && axis == array.split_axis()) {
    memory.columns = array.row_elements();
    is_good = scan_over_ranks(ctx, memory, array.layout());
  } else {
    // in memory the split axis comes first
    std::int64_t outer = is_split ? array.local_rows().size() : 1;
    for (int a = 0; a < shape.dimensions(); ++a) {
      if (a == axis || (is_split && a == array.split_axis())) continue;
      (a < axis ? outer : memory.columns) *= shape[a];
    }
    agree(ctx.comm(), [&] { is_good = scan_here(ctx, memory, outer, blocks_of(shape[axis])); });
  }
  check_results(array, op, is_good);
  return result;
}

Array scan(const Array& array, ScanOp op, const ScanOptions& options) {
  const int dimensions = array.shape().dimensions();
  // a number is scanned along axis 0, as in NumPy
  const int axis =
      options.axis ? checked_axis(dimensions == 0 ? Shape{1} : array.shape(), *options.axis) : 0;
  if (array.is_on_device())
    throw InvalidArgument(array.describe() +
                          " lies on a device, where arrays are not scanned; to_host()");
  const auto span = array.context().recorder().span(name_of(op), Activity::computation);
  if (options.axis && dimensions > 0) return scan_axis(array, axis, op, options.skips_nan);
  const bool is_in_order = array.is_replicated() || array.split_axis() == 0;
  return scan_all(is_in_order ? array : array.with_split_axis(0), op, options.skips_nan);
}

}  // namespace

Array cumsum(const Array& array, const ScanOptions& options) {
  return scan(array, ScanOp::sum, options);
}
Array cumprod(const Array& array, const ScanOptions& options) {
  return scan(array, ScanOp::product, options);
}

}  // namespace serried
