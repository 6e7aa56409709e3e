#include "array/axis_strides.hpp"

#include <algorithm>

namespace serried {

std::vector<std::int64_t> axis_strides(const Shape& shape, int first_axis,
                                       std::int64_t item_bytes) {
  std::vector<std::int64_t> strides(static_cast<std::size_t>(shape.dimensions()));
  std::int64_t stride = item_bytes;
  for (int axis = shape.dimensions() - 1; axis >= 0; --axis) {
    if (axis == first_axis) continue;
    strides[static_cast<std::size_t>(axis)] = stride;
    stride *= std::max<std::int64_t>(shape[axis], 1);
  }
  if (shape.dimensions() > 0) strides[static_cast<std::size_t>(first_axis)] = stride;
  return strides;
}

}  // namespace serried
