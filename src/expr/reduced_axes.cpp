#include "expr/reduced_axes.hpp"

#include <string>

#include "base/checked_axis.hpp"
#include "serried/base/error.hpp"

namespace serried::detail {

std::uint32_t reduced_axes(const Shape& shape, const std::vector<int>& axes) {
  if (axes.empty()) return (1u << shape.dimensions()) - 1;
  std::uint32_t reduced = 0;
  for (const int axis : axes) {
    const std::uint32_t bit = 1u << checked_axis(shape, axis);
    if ((reduced & bit) != 0)
      throw InvalidArgument("axis " + std::to_string(axis) + " stands twice");
    reduced |= bit;
  }
  return reduced;
}

Shape reduced_shape(const Shape& shape, std::uint32_t reduced, bool keeps_axes) {
  std::vector<std::int64_t> extents;
  for (int axis = 0; axis < shape.dimensions(); ++axis) {
    if ((reduced >> axis & 1u) == 0)
      extents.push_back(shape[axis]);
    else if (keeps_axes)
      extents.push_back(1);
  }
  return Shape(extents);
}

}  // namespace serried::detail
