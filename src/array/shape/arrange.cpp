#include "array/shape/arrange.hpp"

#include <algorithm>
#include <string>
#include <utility>

#include "array/array_bytes.hpp"
#include "serried/base/error.hpp"

namespace serried {

std::vector<int> checked_axes(const Shape& shape, std::span<const int> axes, bool is_all_of_none) {
  std::vector<int> checked;
  for (const int axis : axes) {
    checked.push_back(checked_axis(shape, axis));
    if (std::ranges::count(checked, checked.back()) > 1)
      throw InvalidArgument("axis " + std::to_string(axis) + " is given twice");
  }
  if (axes.empty() && is_all_of_none)
    for (int axis = 0; axis < shape.dimensions(); ++axis) checked.push_back(axis);
  return checked;
}

void require_host(const Array& array) {
  if (array.is_on_device())
    throw InvalidArgument(array.describe() + " lies on a device; to_host() copies it to memory");
}

Shape shape_of(std::span<const std::int64_t> extents) {
  return Shape(extents);
}

std::vector<std::int64_t> extents_of(const Shape& shape) {
  return {shape.extents().begin(), shape.extents().end()};
}

Layout uniform_layout(const Context& ctx, std::int64_t rows) {
  return Layout::uniform(rows, ctx.size(), ctx.options().max_tiles);
}

Array empty_array(const Context& ctx, const Shape& shape, DType dtype,
                  std::optional<int> split_axis, const std::optional<Layout>& layout) {
  if (!split_axis || shape.dimensions() == 0) return Array::empty_replicated(ctx, shape, dtype);
  return Array::empty(ctx, shape, dtype, *split_axis,
                      layout ? *layout : uniform_layout(ctx, shape[*split_axis]));
}

std::optional<int> split_of(const Array& array) {
  return array.is_replicated() ? std::nullopt : std::optional(array.split_axis());
}

Place place_of(const Array& array) {
  const Shape& shape = array.shape();
  Place place{.data = array.local_data(),
              .strides = {},
              .split_axis = shape.dimensions() == 0 ? -1 : array.split_axis(),
              .cuts = {}};
  if (shape.dimensions() == 0) return place;
  const auto item = static_cast<std::int64_t>(size_of(array.dtype()));
  place.strides = c_strides(shape.without(place.split_axis), item);
  place.strides.insert(place.strides.begin() + place.split_axis, array.row_elements() * item);
  if (array.is_replicated()) return place;
  for (int rank = 0; rank < array.layout().ranks(); ++rank)
    place.cuts.push_back(array.layout().rows_of(rank).begin);
  place.cuts.push_back(array.layout().rows());
  return place;
}

Box whole_box(const Shape& shape, std::size_t source) {
  const auto axes = static_cast<std::size_t>(shape.dimensions());
  Box box{.source = source,
          .loops = {},
          .to_origin = std::vector<std::int64_t>(axes),
          .from_origin = std::vector<std::int64_t>(axes)};
  for (int axis = 0; axis < shape.dimensions(); ++axis)
    box.loops.push_back({.count = shape[axis], .to_axis = axis, .from_axis = axis});
  return box;
}

void check_broadcast(const Shape& from, const Shape& to) {
  const int added = to.dimensions() - from.dimensions();
  bool is_possible = added >= 0;
  for (int axis = 0; is_possible && axis < from.dimensions(); ++axis)
    is_possible = from[axis] == 1 || from[axis] == to[axis + added];
  if (!is_possible)
    throw InvalidArgument("an array of shape " + from.to_string() + " cannot be broadcast to " +
                          to.to_string());
}

Box broadcast_box(const Shape& from, const Shape& to) {
  Box box{.to_origin = std::vector<std::int64_t>(to.extents().size()),
          .from_origin = std::vector<std::int64_t>(from.extents().size())};
  const int added = to.dimensions() - from.dimensions();
  for (int axis = 0; axis < to.dimensions(); ++axis) {
    const bool is_old = axis >= added && from[axis - added] == to[axis];
    box.loops.push_back(
        {.count = to[axis], .to_axis = axis, .from_axis = is_old ? axis - added : -1});
  }
  return box;
}

void copy_boxes(Array& to, std::span<const Array> from, std::span<const Box> boxes, bool is_local) {
  std::vector<Place> places;
  bool is_replicated = true;
  for (const Array& array : from) {
    places.push_back(place_of(array));
    is_replicated = is_replicated && array.is_replicated();
  }
  const auto item = static_cast<std::int64_t>(size_of(to.dtype()));
  if (is_local || is_replicated)
    copy_boxes_here(to.context(), item, memory_of(to), place_of(to), places, boxes);
  else
    copy_boxes(to.context(), item, memory_of(to), place_of(to), places, boxes);
}

Array placed(const Array& array, const Shape& shape, std::optional<int> split_axis,
             const std::optional<Layout>& layout) {
  if (array.shape() == shape && split_of(array) == split_axis &&
      (!split_axis || array.layout() == *layout))
    return array;
  require_host(array);
  Array to = empty_array(array.context(), shape, array.dtype(), split_axis, layout);
  const Box box = broadcast_box(array.shape(), shape);
  copy_boxes(to, {&array, 1}, {&box, 1});
  return to;
}

Array assembled(const Array& array, const Shape& shape, const std::vector<Segments>& by_axis,
                const std::optional<Array>& fill) {
  const Shape& old = array.shape();
  const auto dimensions = static_cast<std::size_t>(old.dimensions());
  std::vector<Segments> segments(dimensions);
  for (std::size_t axis = 0; axis < dimensions; ++axis)
    segments[axis] =
        by_axis[axis].empty() ? Segments{{.count = old[static_cast<int>(axis)]}} : by_axis[axis];
  const bool is_kept =
      array.is_replicated() || by_axis[static_cast<std::size_t>(array.split_axis())].empty();
  Array to =
      empty_array(array.context(), shape, array.dtype(), split_of(array),
                  is_kept && !array.is_replicated() ? std::optional(array.layout()) : std::nullopt);
  // one box for each choice of segments
  std::vector<Box> boxes;
  std::vector<std::size_t> chosen(dimensions);
  for (bool is_left = true; is_left;) {
    Box box{.to_origin = std::vector<std::int64_t>(dimensions),
            .from_origin = std::vector<std::int64_t>(dimensions)};
    bool is_filled = false;
    for (std::size_t axis = 0; axis < dimensions; ++axis)
      is_filled = is_filled || segments[axis][chosen[axis]].from < 0;
    if (is_filled) {
      box.source = 1;
      box.from_origin.clear();
    }
    for (std::size_t axis = 0; axis < dimensions; ++axis) {
      const Segment& segment = segments[axis][chosen[axis]];
      box.to_origin[axis] = segment.to;
      if (!is_filled) box.from_origin[axis] = segment.from;
      box.loops.push_back(
          {.count = segment.count,
           .to_axis = static_cast<int>(axis),
           .to_step = segment.to_step,
           .from_axis = is_filled || segment.from_step == 0 ? -1 : static_cast<int>(axis),
           .from_step = segment.from_step});
    }
    boxes.push_back(std::move(box));
    is_left = false;
    for (std::size_t axis = dimensions; axis-- > 0 && !is_left;) {
      is_left = ++chosen[axis] < segments[axis].size();
      if (!is_left) chosen[axis] = 0;
    }
  }
  std::vector<Array> from{array};
  if (fill) from.push_back(*fill);
  copy_boxes(to, from, boxes, is_kept);
  return to;
}

Array assembled(const Array& array, int axis, std::int64_t extent, const Segments& segments) {
  std::vector<Segments> by_axis(static_cast<std::size_t>(array.shape().dimensions()));
  by_axis[static_cast<std::size_t>(axis)] = segments;
  return assembled(array, array.shape().with_extent(axis, extent), by_axis);
}

}  // namespace serried
