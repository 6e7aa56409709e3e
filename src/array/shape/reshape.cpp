// Other shapes for the same elements, in their order or with other axes in front.
#include <algorithm>
#include <numeric>
#include <string>

#include "array/array_bytes.hpp"
#include "array/shape/arrange.hpp"
#include "serried/array/manipulation.hpp"
#include "serried/base/error.hpp"

namespace serried {
namespace {

std::string text_of(const std::vector<std::int64_t>& extents) {
  std::string text = "(";
  for (const std::int64_t extent : extents)
    text += std::to_string(extent) + (extents.size() == 1 ? "," : ", ");
  if (extents.size() > 1) text.resize(text.size() - 2);
  return text + ")";
}

/// With the extent that -1 stands for.
Shape resolved(const Shape& old, std::vector<std::int64_t> extents) {
  const auto wrong = [&] {
    return InvalidArgument("cannot reshape array of size " + std::to_string(old.elements()) +
                           " into shape " + text_of(extents));
  };
  const auto open = std::ranges::find(extents, -1);
  if (std::ranges::count(extents, -1) > 1)
    throw InvalidArgument("can only specify one unknown dimension");
  if (std::ranges::any_of(extents, [](std::int64_t extent) { return extent < -1; }))
    throw InvalidArgument("negative extents are not allowed, but one -1: " + text_of(extents));
  if (open != extents.end()) {
    *open = 1;
    const std::int64_t others = shape_of(extents).elements();
    *open = -1;
    if (others == 0 || old.elements() % others != 0) throw wrong();
    *open = old.elements() / others;
  }
  const Shape shape = shape_of(extents);
  if (shape.elements() != old.elements()) throw wrong();
  return shape;
}

/// The elements in C order as a series, of an array that lies in this order.
Place flat_place(const Array& array) {
  Place place{.data = array.local_data(),
              .strides = {static_cast<std::int64_t>(size_of(array.dtype()))},
              .split_axis = 0,
              .cuts = place_of(array).cuts};
  for (std::int64_t& cut : place.cuts) cut *= array.row_elements();
  return place;
}

/// Axis i of the result is axis order[i]; the split axis stays the split axis.
Array permuted(const Array& array, const std::vector<int>& order) {
  require_host(array);
  std::vector<std::int64_t> extents;
  Box box{.from_origin = std::vector<std::int64_t>(order.size())};
  box.to_origin = box.from_origin;
  std::vector<int> others;  // in the order in which they lie
  int split = 0;
  for (std::size_t i = 0; i < order.size(); ++i) {
    const std::int64_t extent = array.shape()[order[i]];
    extents.push_back(extent);
    box.loops.push_back({.count = extent, .to_axis = static_cast<int>(i), .from_axis = order[i]});
    if (!array.is_replicated() && order[i] == array.split_axis())
      split = static_cast<int>(i);
    else
      others.push_back(order[i]);
  }
  if (std::ranges::is_sorted(others)) return relabelled(array, shape_of(extents), split);
  Array to = empty_array(array.context(), shape_of(extents), array.dtype(),
                         array.is_replicated() ? std::nullopt : std::optional(split),
                         array.is_replicated() ? std::nullopt : std::optional(array.layout()));
  copy_boxes(to, {&array, 1}, {&box, 1}, true);
  return to;
}

void check_dimensions(std::size_t dimensions) {
  if (dimensions > max_dimensions)
    throw InvalidArgument("an array has at most " + std::to_string(max_dimensions) +
                          " dimensions, not " + std::to_string(dimensions));
}

}  // namespace

Array reshape(const Array& array, const std::vector<std::int64_t>& extents) {
  require_host(array);
  check_dimensions(extents.size());
  const Shape& old = array.shape();
  const Shape shape = resolved(old, extents);
  if (array.is_replicated()) return relabelled(array, shape, 0);
  const int old_split = array.split_axis();
  for (int axis = 0; axis < shape.dimensions(); ++axis)
    if (shape[axis] == old[old_split] && shape.elements(0, axis) == old.elements(0, old_split) &&
        shape.without(axis).elements() == array.row_elements())
      return relabelled(array, shape, axis);
  const Array from = old_split == 0 ? array : array.with_split_axis(0);
  Array to = empty_array(array.context(), shape, array.dtype(), 0);
  const Place places[] = {flat_place(from)};
  const Box box{
      .loops = {{.count = shape.elements(), .from_axis = 0}}, .to_origin = {0}, .from_origin = {0}};
  copy_boxes(array.context(), places[0].strides[0], memory_of(to), flat_place(to), places,
             {&box, 1});
  return to;
}

Array ravel(const Array& array) {
  return reshape(array, {-1});
}

Array transpose(const Array& array, const std::vector<int>& axes) {
  const int dimensions = array.shape().dimensions();
  std::vector<int> order = checked_axes(array.shape(), axes, true);
  if (static_cast<int>(order.size()) != dimensions)
    throw InvalidArgument("axes don't match array: " + std::to_string(axes.size()) +
                          " axes of an array of " + std::to_string(dimensions) + " dimensions");
  if (axes.empty()) std::ranges::reverse(order);
  return permuted(array, order);
}

Array moveaxis(const Array& array, int source, int destination) {
  const int from = checked_axis(array.shape(), source);
  const int to = checked_axis(array.shape(), destination);
  std::vector<int> order(static_cast<std::size_t>(array.shape().dimensions()));
  std::iota(order.begin(), order.end(), 0);
  order.erase(order.begin() + from);
  order.insert(order.begin() + to, from);
  return permuted(array, order);
}

Array swapaxes(const Array& array, int a, int b) {
  std::vector<int> order(static_cast<std::size_t>(array.shape().dimensions()));
  std::iota(order.begin(), order.end(), 0);
  std::swap(order[static_cast<std::size_t>(checked_axis(array.shape(), a))],
            order[static_cast<std::size_t>(checked_axis(array.shape(), b))]);
  return permuted(array, order);
}

Array expand_dims(const Array& array, int axis) {
  require_host(array);
  check_dimensions(array.shape().extents().size() + 1);
  const int at = checked_axis(array.shape().with_inserted(0, 1), axis);
  return relabelled(array, array.shape().with_inserted(at, 1),
                    array.split_axis() + (at <= array.split_axis() ? 1 : 0));
}

Array squeeze(const Array& array, const std::vector<int>& axes) {
  require_host(array);
  const Shape& old = array.shape();
  std::vector<int> dropped = checked_axes(old, axes);
  for (const int axis : dropped)
    if (old[axis] != 1)
      throw InvalidArgument("cannot squeeze axis " + std::to_string(axis) + " of shape " +
                            old.to_string() + ", whose extent is not 1");
  if (axes.empty())
    for (int axis = 0; axis < old.dimensions(); ++axis)
      if (old[axis] == 1) dropped.push_back(axis);
  std::vector<std::int64_t> extents;
  int split = 0;
  bool has_split = array.is_replicated();
  for (int axis = 0; axis < old.dimensions(); ++axis) {
    if (std::ranges::count(dropped, axis) > 0) continue;
    if (!array.is_replicated() && axis == array.split_axis()) {
      split = static_cast<int>(extents.size());
      has_split = true;
    }
    extents.push_back(old[axis]);
  }
  return has_split ? relabelled(array, shape_of(extents), split) : reshape(array, extents);
}

Array broadcast_to(const Array& array, const Shape& shape) {
  require_host(array);
  const Shape& old = array.shape();
  const int added = shape.dimensions() - old.dimensions();
  check_broadcast(old, shape);
  if (shape == old) return array;
  const bool is_kept =
      array.is_replicated() || old[array.split_axis()] == shape[array.split_axis() + added];
  Array to =
      empty_array(array.context(), shape, array.dtype(),
                  array.is_replicated() ? std::nullopt : std::optional(array.split_axis() + added),
                  is_kept && !array.is_replicated() ? std::optional(array.layout()) : std::nullopt);
  const Box box = broadcast_box(old, shape);
  copy_boxes(to, {&array, 1}, {&box, 1}, is_kept);
  return to;
}

std::vector<Array> meshgrid(const std::vector<Array>& coordinates, GridIndexing indexing) {
  check_dimensions(coordinates.size());
  const auto turned = [&](std::size_t i) {
    return indexing == GridIndexing::xy && i < 2 && coordinates.size() > 1 ? 1 - i : i;
  };
  std::vector<std::int64_t> extents(coordinates.size());
  for (std::size_t i = 0; i < coordinates.size(); ++i) {
    require_host(coordinates[i]);
    if (coordinates[i].shape().dimensions() > 1)
      throw InvalidArgument("coordinates of a grid have one dimension, not shape " +
                            coordinates[i].shape().to_string());
    extents[turned(i)] = coordinates[i].shape().elements();
  }
  const Shape shape = shape_of(extents);
  std::vector<Array> grids;
  for (std::size_t i = 0; i < coordinates.size(); ++i) {
    const Array& line = coordinates[i];
    grids.push_back(empty_array(line.context(), shape, line.dtype(), 0));
    Box box{.to_origin = std::vector<std::int64_t>(extents.size()),
            .from_origin = std::vector<std::int64_t>(line.shape().extents().size())};
    for (std::size_t axis = 0; axis < extents.size(); ++axis)
      box.loops.push_back(
          {.count = extents[axis],
           .to_axis = static_cast<int>(axis),
           .from_axis = axis == turned(i) && line.shape().dimensions() == 1 ? 0 : -1});
    copy_boxes(grids.back(), {&line, 1}, {&box, 1});
  }
  return grids;
}

}  // namespace serried
