#include "io/geometry.hpp"

#include <algorithm>

#include "serried/base/error.hpp"
#include "serried/base/row_axes.hpp"

namespace serried {
namespace {

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

}  // namespace

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
      for (int axis = 0; axis < flattened_row_axes(shape, static_cast<std::int64_t>(element_bytes));
           ++axis)
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
