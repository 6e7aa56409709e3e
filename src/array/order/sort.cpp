#include "serried/array/sort.hpp"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "array/order/key_places.hpp"
#include "array/order/row_sort.hpp"
#include "array/order/sortable.hpp"
#include "array/shape/arrange.hpp"
#include "serried/base/error.hpp"
#include "serried/comm/agree.hpp"

namespace serried {
namespace {

/// Each rank sorts lines of its own part.
Sorted sort_lines(const Array& array, int axis, bool is_falling) {
  const Context& ctx = array.context();
  const Shape& shape = array.shape();
  // where the axis lies in memory: the split axis comes first
  std::int64_t stride = 1;
  for (int a = axis + 1; a < shape.dimensions(); ++a)
    if (array.is_replicated() || a != array.split_axis()) stride *= shape[a];
  const std::int64_t length = shape[axis];
  const std::int64_t elements =
      array.is_replicated() ? shape.elements() : array.local_rows().size() * array.row_elements();
  Sorted sorted{.values = empty_like(array, array.dtype()),
                .indices = empty_like(array, DType::i64)};
  if (length == 0) return sorted;
  const auto bytes = static_cast<std::int64_t>(size_of(array.dtype()));
  std::byte* const values = memory_of(sorted.values);
  std::int64_t* const indices = sorted.indices.local_mutable<std::int64_t>().data();
  const std::byte* const from = array.local_data();
  const auto& kernels = ctx.backend()->kernels<SortKernels>(array.dtype());
  agree(ctx.comm(), [&] {
    const std::int64_t lines = elements / length;
    const std::int64_t run = std::max<std::int64_t>(1, 4096 / length);
    ctx.backend()->threads().parallel_for((lines + run - 1) / run, [&](std::int64_t r, int) {
      std::vector<KeyPlace> pairs(static_cast<std::size_t>(length));
      for (std::int64_t line = r * run; line < std::min(lines, (r + 1) * run); ++line) {
        const std::int64_t at = line / stride * stride * length + line % stride;
        make_key_places(array.dtype(), from + at * bytes, stride, 0, is_falling, pairs);
        kernels.sort(pairs);
        store_key_places(array.dtype(), pairs, is_falling, values + at * bytes, indices + at,
                         stride);
      }
    });
  });
  return sorted;
}

/// A 1-d array over all ranks.
Sorted sort_rows(const Array& array, bool is_falling) {
  const Context& ctx = array.context();
  const Layout layout = Layout::uniform(array.shape()[0], ctx.size(), ctx.options().max_tiles);
  Sorted sorted{.values = Array::empty(ctx, array.shape(), array.dtype(), 0, layout),
                .indices = Array::empty(ctx, array.shape(), DType::i64, 0, layout)};
  std::byte* const values = memory_of(sorted.values);
  std::int64_t* const indices = sorted.indices.local_mutable<std::int64_t>().data();
  const auto bytes = static_cast<std::int64_t>(size_of(array.dtype()));
  sort_over_ranks(ctx, key_places_of(array, is_falling), layout,
                  [&](std::int64_t first, std::span<const KeyPlace> pairs) {
                    store_key_places(array.dtype(), pairs, is_falling, values + first * bytes,
                                     indices + first);
                  });
  return sorted;
}

}  // namespace

Sorted sort(const Array& array, int axis, bool is_descending) {
  check_sortable(array);
  const int along = checked_axis(array.shape(), axis);
  if (array.is_replicated() || along != array.split_axis())
    return sort_lines(array, along, is_descending);
  if (array.shape().dimensions() == 1) return sort_rows(array, is_descending);
  // the longest of the other axes gives most ranks something to do
  int other = along == 0 ? 1 : 0;
  for (int a = 0; a < array.shape().dimensions(); ++a)
    if (a != along && array.shape()[a] > array.shape()[other]) other = a;
  const Sorted turned = sort_lines(array.with_split_axis(other), along, is_descending);
  return {.values = turned.values.with_split_axis(along),
          .indices = turned.indices.with_split_axis(along)};
}

}  // namespace serried
