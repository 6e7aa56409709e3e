#include "io/element_boxes.hpp"

#include <algorithm>

namespace serried {
namespace {

/// The longest box that starts at element `begin`: whole trailing axes as far as `begin` is aligned
/// to them, and a run along the axis before.
ElementBox longest_box(const Shape& shape, std::int64_t begin, std::int64_t limit) {
  ElementBox box;
  const int dimensions = shape.dimensions();
  std::int64_t rest = begin;
  for (int axis = dimensions - 1; axis >= 0; --axis) {
    const auto i = static_cast<std::size_t>(axis);
    box.start[i] = rest % shape[axis];
    box.extent[i] = 1;
    rest /= shape[axis];
  }
  std::int64_t inner = 1;  // elements of the whole trailing axes
  for (int axis = dimensions - 1; axis >= 0; --axis) {
    const auto i = static_cast<std::size_t>(axis);
    const std::int64_t run = std::min(shape[axis] - box.start[i], limit / inner);
    box.extent[i] = std::max<std::int64_t>(run, 1);
    box.elements = inner * box.extent[i];
    if (box.extent[i] < shape[axis]) break;
    inner *= shape[axis];
  }
  return box;
}

}  // namespace

std::vector<ElementBox> cut_into_boxes(const Shape& shape, RowRange elements,
                                       std::int64_t max_elements) {
  std::vector<ElementBox> boxes;
  for (std::int64_t begin = elements.begin; begin < elements.end;) {
    boxes.push_back(longest_box(shape, begin, std::min(elements.end - begin, max_elements)));
    begin += boxes.back().elements;
  }
  return boxes;
}

}  // namespace serried
