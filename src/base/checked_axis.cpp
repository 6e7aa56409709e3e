#include "base/checked_axis.hpp"

#include <string>

#include "serried/base/error.hpp"

namespace serried {

int checked_axis(const Shape& shape, int axis) {
  const int dimensions = shape.dimensions();
  if (axis < -dimensions || axis >= dimensions)
    throw InvalidArgument("axis " + std::to_string(axis) + " is out of bounds for an array of " +
                          std::to_string(dimensions) + " dimensions");
  return axis < 0 ? axis + dimensions : axis;
}

}  // namespace serried
