#include "io/geometry.hpp"

#include <algorithm>

#include "serried/base/error.hpp"

namespace serried {
namespace {

constexpr std::int64_t enough_rows = 1024;
constexpr std::int64_t max_row_bytes = std::int64_t{64} << 20;

class BoxCutter {
 public:
  BoxCutter(const Shape& shape, std::int64_t base) : shape_(shape), base_(base) {}

  /// Cuts the elements [begin, end) below the axes that `prefix_` has fixed; numbers count from
  /// there.
  void cut(int axis, std::int64_t begin, std::int64_t end, std::int64_t offset) {
    if (begin >= end) return;
    if (axis == shape_.dimensions()) {
      push(axis, 0, 1, offset);
      return;
    }
    const std::int64_t stride = shape_.elements(axis + 1, shape_.dimensions());
    const std::int64_t first = begin / stride;
    const std::int64_t last = (end - 1) / stride;
    if (first == last && end - begin < stride) {
      prefix_[static_cast<std::size_t>(axis)] = first;
      cut(axis + 1, begin - first * stride, end - first * stride, offset + first * stride);
      return;
    }
    const std::int64_t whole_begin = (begin + stride - 1) / stride;
    const std::int64_t whole_end = end / stride;
    if (begin < whole_begin * stride) cut(axis, begin, whole_begin * stride, offset);
    if (whole_begin < whole_end)
      push(axis, whole_begin, whole_end - whole_begin, offset + whole_begin * stride);
    if (whole_end * stride < end) cut(axis, whole_end * stride, end, offset);
  }

  std::vector<Box> boxes;

 private:
  void push(int axis, std::int64_t begin, std::int64_t count, std::int64_t number) {
    Box box;
    for (int a = 0; a < shape_.dimensions(); ++a) {
      const auto i = static_cast<std::size_t>(a);
      box.begin[i] = a < axis ? prefix_[i] : a == axis ? begin : 0;
      box.count[i] = a < axis ? 1 : a == axis ? count : shape_[a];
    }
    box.first = number - base_;
    boxes.push_back(box);
  }

  const Shape& shape_;
  std::int64_t base_;
  std::array<std::int64_t, max_dimensions> prefix_{};
};

std::vector<int> checked_axes(const std::vector<int>& given, const Shape& shape,
                              const std::string& name) {
  std::vector<int> axes;
  for (const int axis : given) {
    if (axis < -shape.dimensions() || axis >= shape.dimensions())
      throw InvalidArgument(name + ": sample axis " + std::to_string(axis) +
                            " does not exist; the shape is " + shape.to_string());
    axes.push_back(axis < 0 ? axis + shape.dimensions() : axis);
    if (std::count(axes.begin(), axes.end(), axes.back()) > 1)
      throw InvalidArgument(name + ": sample axis " + std::to_string(axis) + " is named twice");
  }
  return axes;
}

int flattened_axes(const Shape& shape, std::size_t element_bytes) {
  const auto bytes = static_cast<std::int64_t>(element_bytes);
  int axes = std::min(1, shape.dimensions());
  while (axes < shape.dimensions() &&
         (shape.elements(0, axes) < enough_rows ||
          shape.elements(axes, shape.dimensions()) > max_row_bytes / bytes))
    ++axes;
  return axes;
}

}  // namespace

std::vector<Box> boxes_of(const Shape& shape, RowRange elements) {
  BoxCutter cutter(shape, elements.begin);
  cutter.cut(0, elements.begin, elements.end, 0);
  return std::move(cutter.boxes);
}

AxisRoles resolve_roles(const SampleAxes& samples, const Shape& shape, std::size_t element_bytes,
                        const std::string& name) {
  AxisRoles roles;
  switch (samples.kind) {
    case SampleAxes::Kind::axes:
      roles.samples = checked_axes(samples.axes, shape, name);
      break;
    case SampleAxes::Kind::all:
      for (int axis = 0; axis < shape.dimensions(); ++axis) roles.samples.push_back(axis);
      break;
    case SampleAxes::Kind::flattened:
      for (int axis = 0; axis < flattened_axes(shape, element_bytes); ++axis)
        roles.samples.push_back(axis);
      break;
  }
  for (int axis = 0; axis < shape.dimensions(); ++axis)
    if (std::find(roles.samples.begin(), roles.samples.end(), axis) == roles.samples.end())
      roles.features.push_back(axis);
  return roles;
}

Shape extents_of(const Shape& shape, std::span<const int> axes) {
  std::vector<std::int64_t> extents;
  for (const int axis : axes) extents.push_back(shape[axis]);
  return Shape(std::span<const std::int64_t>(extents));
}

std::vector<std::int64_t> c_strides(std::span<const std::int64_t> extents) {
  std::vector<std::int64_t> strides(extents.size(), 1);
  for (std::size_t i = extents.size(); i > 1; --i) strides[i - 2] = strides[i - 1] * extents[i - 1];
  return strides;
}

}  // namespace serried
