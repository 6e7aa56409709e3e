#include "serried/array/sort.hpp"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "array/order/key_places.hpp"
#include "array/order/row_sort.hpp"
#include "serried/base/error.hpp"
#include "serried/comm/agree.hpp"

namespace serried {
namespace {

void check(const Array& array) {
  if (!is_real(array.dtype()))
    throw InvalidArgument("numbers of dtype " + std::string(name(array.dtype())) +
                          " have no order");
  if (array.is_on_device())
    throw InvalidArgument(array.describe() + " lies on a device, where arrays are not sorted; "
                                             "to_host()");
}

int checked_axis(const Array& array, int axis) {
  const int dimensions = array.shape().dimensions();
  if (axis < -dimensions || axis >= dimensions)
    throw InvalidArgument("axis " + std::to_string(axis) + " is out of bounds for an array of " +
                          std::to_string(dimensions) + " dimensions");
  return axis < 0 ? axis + dimensions : axis;
}

std::byte* memory_of(Array& array) {
  return visit_numeric(array.dtype(), [&](auto tag) {
    return reinterpret_cast<std::byte*>(
        array.local_mutable<typename decltype(tag)::type>().data());
  });
}

Array like(const Array& array, DType dtype) {
  return array.is_replicated()
             ? Array::empty_replicated(array.context(), array.shape(), dtype)
             : Array::empty(array.context(), array.shape(), dtype, array.split_axis(),
                            array.layout());
}

/// Each rank sorts lines of its own part.
Sorted sort_lines(const Array& array, int axis) {
  const Context& ctx = array.context();
  const Shape& shape = array.shape();
  // where the axis lies in memory: the split axis comes first
  std::int64_t stride = 1;
  for (int a = axis + 1; a < shape.dimensions(); ++a)
    if (array.is_replicated() || a != array.split_axis()) stride *= shape[a];
  const std::int64_t length = shape[axis];
  const std::int64_t elements =
      array.is_replicated() ? shape.elements() : array.local_rows().size() * array.row_elements();
  Sorted sorted{.values = like(array, array.dtype()), .indices = like(array, DType::i64)};
  if (length == 0 || elements == 0) return sorted;
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
        make_key_places(array.dtype(), from + at * bytes, stride, 0, false, pairs);
        kernels.sort(pairs);
        store_key_places(array.dtype(), pairs, false, values + at * bytes, indices + at, stride);
      }
    });
  });
  return sorted;
}

/// A 1-d array over all ranks.
Sorted sort_rows(const Array& array) {
  const Context& ctx = array.context();
  const RowRange mine = array.local_rows();
  std::vector<KeyPlace> pairs;
  agree(ctx.comm(), [&] {
    pairs.resize(static_cast<std::size_t>(mine.size()));
    constexpr std::int64_t run = std::int64_t{1} << 16;
    const auto bytes = static_cast<std::int64_t>(size_of(array.dtype()));
    ctx.backend()->threads().parallel_for((mine.size() + run - 1) / run, [&](std::int64_t r, int) {
      const std::int64_t begin = r * run;
      const std::int64_t count = std::min(run, mine.size() - begin);
      make_key_places(array.dtype(), array.local_data() + begin * bytes, 1, mine.begin + begin,
                      false,
                      std::span<KeyPlace>(pairs).subspan(static_cast<std::size_t>(begin),
                                                         static_cast<std::size_t>(count)));
    });
  });
  const Layout layout =
      Layout::uniform(array.shape()[0], ctx.size(), ctx.options().max_tiles);
  pairs = sort_over_ranks(ctx, std::move(pairs), layout);
  Sorted sorted{.values = Array::empty(ctx, array.shape(), array.dtype(), 0, layout),
                .indices = Array::empty(ctx, array.shape(), DType::i64, 0, layout)};
  store_key_places(array.dtype(), pairs, false, memory_of(sorted.values),
                   sorted.indices.local_mutable<std::int64_t>().data());
  return sorted;
}

}  // namespace

Sorted sort(const Array& array, int axis) {
  check(array);
  const int along = checked_axis(array, axis);
  if (array.is_replicated() || along != array.split_axis()) return sort_lines(array, along);
  if (array.shape().dimensions() == 1) return sort_rows(array);
  // the longest of the other axes gives most ranks something to do
  int other = along == 0 ? 1 : 0;
  for (int a = 0; a < array.shape().dimensions(); ++a)
    if (a != along && array.shape()[a] > array.shape()[other]) other = a;
  const Sorted turned = sort_lines(array.with_split_axis(other), along);
  return {.values = turned.values.with_split_axis(along),
          .indices = turned.indices.with_split_axis(along)};
}

Sorted topk(const Array& array, std::int64_t count, bool is_lowest) {
  check(array);
  if (count < 0) throw InvalidArgument("topk of " + std::to_string(count) + " elements");
  const Context& ctx = array.context();
  if (!array.is_replicated() && array.split_axis() != 0)
    return topk(array.with_split_axis(0), count, is_lowest);
  const std::int64_t row_elements = array.is_replicated() ? 1 : array.row_elements();
  const std::int64_t first =
      array.is_replicated() ? 0 : array.local_rows().begin * row_elements;
  const std::int64_t elements = array.is_replicated()
                                    ? array.shape().elements()
                                    : array.local_rows().size() * row_elements;
  const std::int64_t wanted = std::min(count, array.shape().elements());
  const auto bytes = static_cast<std::int64_t>(size_of(array.dtype()));
  std::vector<KeyPlace> best;
  agree(ctx.comm(), [&] {
    // what cannot be among the best any more is passed over block by block
    constexpr std::int64_t block = 2048;
    const auto workers = static_cast<std::size_t>(ctx.backend()->threads().threads());
    std::vector<std::vector<KeyPlace>> kept(workers);
    std::vector<KeyPlace> limits(workers, {.place = UINT64_MAX, .key = UINT64_MAX});
    const auto keep_best = [&](std::vector<KeyPlace>& own) {
      if (static_cast<std::int64_t>(own.size()) <= wanted) return false;
      std::nth_element(own.begin(), own.begin() + wanted - 1, own.end());
      own.resize(static_cast<std::size_t>(wanted));
      return true;
    };
    constexpr std::int64_t run = 64 * block;
    ctx.backend()->threads().parallel_for((elements + run - 1) / run, [&](std::int64_t r, int w) {
      if (wanted == 0) return;
      auto& own = kept[static_cast<std::size_t>(w)];
      KeyPlace& limit = limits[static_cast<std::size_t>(w)];
      std::vector<KeyPlace> pairs(static_cast<std::size_t>(block));
      for (std::int64_t at = r * run; at < std::min(elements, (r + 1) * run); at += block) {
        const std::int64_t length = std::min({block, elements - at, (r + 1) * run - at});
        const auto part = std::span<KeyPlace>(pairs).first(static_cast<std::size_t>(length));
        make_key_places(array.dtype(), array.local_data() + at * bytes, 1, first + at, !is_lowest,
                        part);
        for (const KeyPlace& pair : part)
          if (!(limit < pair)) own.push_back(pair);
        if (static_cast<std::int64_t>(own.size()) >= wanted + 4 * block && keep_best(own))
          limit = *std::max_element(own.begin(), own.end());
      }
    });
    for (const auto& own : kept) best.insert(best.end(), own.begin(), own.end());
    keep_best(best);
  });
  if (!array.is_replicated()) {
    best = ctx.comm().allgather(std::span<const KeyPlace>(best)).values;
  }
  std::sort(best.begin(), best.end());
  best.resize(std::min(best.size(), static_cast<std::size_t>(wanted)));
  const Shape shape{static_cast<std::int64_t>(best.size())};
  Sorted sorted{.values = Array::empty_replicated(ctx, shape, array.dtype()),
                .indices = Array::empty_replicated(ctx, shape, DType::i64)};
  store_key_places(array.dtype(), best, !is_lowest, memory_of(sorted.values),
                   sorted.indices.local_mutable<std::int64_t>().data());
  return sorted;
}

}  // namespace serried
