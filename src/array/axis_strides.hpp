#pragma once

#include <cstdint>
#include <vector>

#include "serried/base/shape.hpp"

namespace serried {

/// Byte strides, by axis, of an array that lies in memory in C order with `first_axis` put first.
/// Example: (2, 3, 4) of 8 bytes with axis 1 first lies as (3, 2, 4): the strides are (32, 64, 8).
/// Local.
[[nodiscard]] std::vector<std::int64_t> axis_strides(const Shape& shape, int first_axis,
                                                     std::int64_t item_bytes);

}  // namespace serried
