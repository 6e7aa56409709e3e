#include "io/selection.hpp"

#include <algorithm>
#include <cstdlib>

#include "array/shape/index_range.hpp"
#include "serried/base/error.hpp"

namespace serried {
namespace {

SelectedAxis select_index(std::int64_t index, std::int64_t extent, int axis, const Shape& shape,
                          const std::string& name) {
  if (index < -extent || index >= extent)
    throw InvalidArgument(name + ": index " + std::to_string(index) + " lies outside axis " +
                          std::to_string(axis) + " of shape " + shape.to_string());
  return {index < 0 ? index + extent : index, 1, 1, true};
}

SelectedAxis select_range(const Slice& range, std::int64_t extent) {
  const IndexRange indices = indices_of(range, extent);
  const bool is_reversed = indices.step < 0;
  return {.start = is_reversed ? indices.begin + (indices.count - 1) * indices.step : indices.begin,
          .step = std::abs(indices.step),
          .count = indices.count,
          .is_dropped = false,
          .is_reversed = is_reversed};
}

}  // namespace

SelectedAxis select_within(const SelectedAxis& first, const SelectedAxis& second) {
  if (second.count == 0) return second;
  const std::int64_t extent = (second.count - 1) * second.step + 1;
  return {.start = first.start + first.step * first.in_file_order(second.start, extent),
          .step = second.count > 1 ? first.step * second.step : 1,
          .count = second.count,
          .is_dropped = second.is_dropped,
          .is_reversed = first.is_reversed != second.is_reversed && second.count > 1};
}

std::vector<SelectedAxis> apply_selection(std::span<const AxisSelection> selection,
                                          const Shape& shape, const std::string& name) {
  const int given = static_cast<int>(std::count_if(selection.begin(), selection.end(),
                                                   [](const auto& s) { return !s.is_ellipsis; }));
  if (given > shape.dimensions())
    throw InvalidArgument(name + ": the selection has " + std::to_string(given) +
                          " entries, but the shape is " + shape.to_string());
  std::vector<SelectedAxis> axes;
  const auto take_whole = [&](int count) {
    for (int i = 0; i < count; ++i)
      axes.push_back({0, 1, shape[static_cast<int>(axes.size())], false});
  };
  for (const AxisSelection& entry : selection) {
    const int axis = static_cast<int>(axes.size());
    if (entry.is_ellipsis)
      take_whole(shape.dimensions() - given);
    else if (entry.is_index)
      axes.push_back(select_index(entry.range.begin.value_or(0), shape[axis], axis, shape, name));
    else
      axes.push_back(select_range(entry.range, shape[axis]));
  }
  take_whole(shape.dimensions() - static_cast<int>(axes.size()));
  return axes;
}

Shape selected_shape(std::span<const SelectedAxis> axes) {
  std::vector<std::int64_t> extents;
  for (const SelectedAxis& axis : axes)
    if (!axis.is_dropped) extents.push_back(axis.count);
  return Shape(std::span<const std::int64_t>(extents));
}

}  // namespace serried
