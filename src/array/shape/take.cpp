// Elements by number, to be read and to be written.
#include <algorithm>
#include <cstring>
#include <string>

#include "array/array_bytes.hpp"
#include "array/shape/arrange.hpp"
#include "array/shape/gather.hpp"
#include "array/shape/row_exchange.hpp"
#include "serried/array/indexing.hpp"
#include "serried/array/manipulation.hpp"
#include "serried/base/error.hpp"

namespace serried {
namespace {

void check_indices(const Array& indices) {
  require_host(indices);
  if (!is_integer(indices.dtype()))
    throw InvalidArgument("arrays used as indices must be of integer dtype, not " +
                          std::string(name(indices.dtype())));
}

/// Where what was asked for lies in the result: as the indices, with the axes in front of the axis
/// behind those that are split.
struct Answers {
  std::int64_t outer = 1;  ///< indices of the axes in front
  std::int64_t rest = 1;   ///< indices for one row of them
  std::int64_t bytes = 0;

  [[nodiscard]] std::int64_t offset(std::int64_t index, std::int64_t o) const {
    return ((index / rest * outer + o) * rest + index % rest) * bytes;
  }
};

/// `indices` split, and the array split along the axis or replicated.
Array asked_for(const Array& array, const Array& indices, int axis, const Shape& shape) {
  const Context& ctx = array.context();
  const std::vector<std::int64_t> rows = checked_indices(indices, array.shape()[axis], axis);
  Array to = Array::empty(ctx, shape, array.dtype(), axis + indices.split_axis(), indices.layout());
  const Answers answers{.outer = array.shape().elements(0, axis),
                        .rest = indices.row_elements(),
                        .bytes = array.shape().elements(axis + 1, array.shape().dimensions()) *
                                 static_cast<std::int64_t>(size_of(array.dtype()))};
  if (answers.outer == 0 || answers.bytes == 0) return to;
  std::byte* const memory = memory_of(to);
  const std::byte* const from = array.local_data();
  if (!array.is_replicated()) {
    const RowRequests requests(ctx, rows, array.layout());
    requests.fetch(
        answers.outer * answers.bytes, from,
        [&](std::int64_t i, std::int64_t first, const std::byte* part, std::int64_t bytes) {
          while (bytes > 0) {
            const std::int64_t within = first % answers.bytes;
            const std::int64_t run = std::min(bytes, answers.bytes - within);
            copy_item(memory + answers.offset(i, first / answers.bytes) + within, part, run);
            first += run;
            part += run;
            bytes -= run;
          }
        });
    return to;
  }
  const std::int64_t extent = array.shape()[axis];
  constexpr std::int64_t run = 1024;
  const auto count = static_cast<std::int64_t>(rows.size());
  ctx.backend()->threads().parallel_for((count + run - 1) / run, [&](std::int64_t r, int) {
    for (std::int64_t i = r * run; i < std::min(count, (r + 1) * run); ++i)
      for (std::int64_t o = 0; o < answers.outer; ++o)
        copy_item(memory + answers.offset(i, o),
                  from + (o * extent + rows[static_cast<std::size_t>(i)]) * answers.bytes,
                  answers.bytes);
  });
  return to;
}

}  // namespace

Array take(const Array& array, std::int64_t index, int axis) {
  require_host(array);
  const int along = checked_axis(array.shape(), axis);
  const std::int64_t extent = array.shape()[along];
  if (index < -extent || index >= extent)
    throw InvalidArgument("index " + std::to_string(index) + " is out of bounds for axis " +
                          std::to_string(along) + " with size " + std::to_string(extent));
  Box box = whole_box(array.shape());
  box.from_origin[static_cast<std::size_t>(along)] = index < 0 ? index + extent : index;
  box.loops.erase(box.loops.begin() + along);
  for (BoxLoop& loop : box.loops)
    if (loop.to_axis > along) --loop.to_axis;
  box.to_origin.pop_back();
  const bool is_kept = !array.is_replicated() && along != array.split_axis();
  std::optional<int> split = split_of(array);
  if (split && along <= *split) split = is_kept ? *split - 1 : 0;
  Array to = empty_array(array.context(), array.shape().without(along), array.dtype(), split,
                         is_kept ? std::optional(array.layout()) : std::nullopt);
  copy_boxes(to, {&array, 1}, {&box, 1}, is_kept);
  return to;
}

Array take(const Array& array, const Array& indices, int axis) {
  require_host(array);
  check_indices(indices);
  const int along = checked_axis(array.shape(), axis);
  const int added = indices.shape().dimensions();
  if (added == 0) return squeeze(take(array, expand_dims(indices, 0), along), {along});
  std::vector<std::int64_t> extents = extents_of(array.shape());
  extents.erase(extents.begin() + along);
  const auto wanted = indices.shape().extents();
  extents.insert(extents.begin() + along, wanted.begin(), wanted.end());
  if (extents.size() > max_dimensions)
    throw InvalidArgument("taking indices of shape " + indices.shape().to_string() +
                          " from an array of shape " + array.shape().to_string() + " gives " +
                          std::to_string(extents.size()) + " dimensions");
  const Shape shape = shape_of(extents);
  if (!array.is_replicated() && array.split_axis() == along)
    return asked_for(array, indices.is_replicated() ? indices.with_split_axis(0) : indices, along,
                     shape);
  if (array.is_replicated() && !indices.is_replicated())
    return asked_for(array, indices, along, shape);
  const Array all = indices.replicate();
  const Array to = gathered_here(array, checked_indices(all, array.shape()[along], along), along);
  return relabelled(
      to, shape, array.split_axis() < along ? array.split_axis() : array.split_axis() + added - 1);
}

Array put(const Array& array, const Array& indices, const Array& values, int axis) {
  require_host(array);
  check_indices(indices);
  require_host(values);
  const int along = checked_axis(array.shape(), axis);
  if (indices.shape().dimensions() != 1)
    throw InvalidArgument("indices to put at have one dimension, not shape " +
                          indices.shape().to_string());
  if (values.dtype() != array.dtype())
    throw InvalidArgument("values of dtype " + std::string(name(values.dtype())) +
                          " cannot be put into an array of " + std::string(name(array.dtype())) +
                          "; cast them");
  const Shape shape = array.shape().with_extent(along, indices.shape()[0]);
  check_broadcast(values.shape(), shape);
  const Context& ctx = array.context();
  const std::int64_t extent = array.shape()[along];
  const std::optional<Layout> layout =
      array.is_replicated() ? std::nullopt : std::optional(array.layout());
  Array to = empty_array(ctx, array.shape(), array.dtype(), split_of(array), layout);
  std::byte* const memory = memory_of(to);
  const Box whole = whole_box(array.shape());
  copy_boxes(to, {&array, 1}, {&whole, 1}, true);
  if (!array.is_replicated() && array.split_axis() == along) {
    const Array own = indices.is_replicated() ? indices.with_split_axis(0) : indices;
    std::vector<std::int64_t> rows = checked_indices(own, extent, along);
    const Array laid = placed(values, shape, along, own.layout());
    const RowRequests requests(ctx, std::move(rows), array.layout());
    requests.store(array.row_elements() * static_cast<std::int64_t>(size_of(array.dtype())),
                   laid.local_data(), memory);
    return to;
  }
  const std::vector<std::int64_t> all = checked_indices(indices.replicate(), extent, along);
  const Array laid = placed(values, shape, split_of(array), layout);
  const AxisBlocks blocks = blocks_of(array, along);
  const std::byte* const from = laid.local_data();
  const auto count = static_cast<std::int64_t>(all.size());
  if (blocks.bytes == 0) return to;
  // one thread writes in the order of the indices
  ctx.backend()->threads().parallel_for(blocks.outer, [&](std::int64_t o, int) {
    for (std::int64_t i = 0; i < count; ++i)
      copy_item(memory + (o * extent + all[static_cast<std::size_t>(i)]) * blocks.bytes,
                from + (o * count + i) * blocks.bytes, blocks.bytes);
  });
  return to;
}

}  // namespace serried
