#pragma once

#include "serried/base/shape.hpp"

namespace serried {

/// The axis that a number means, counted from the front; negative numbers count from the end.
/// Local. @throws InvalidArgument, in NumPy's words, where the shape has no such axis.
[[nodiscard]] int checked_axis(const Shape& shape, int axis);

}  // namespace serried
