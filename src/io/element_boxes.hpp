#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "serried/base/row_range.hpp"
#include "serried/base/shape.hpp"

namespace serried {

/// A block of an N-d dataset: `extent` elements from `start` along each axis.
struct ElementBox {
  std::array<std::int64_t, max_dimensions> start{};
  std::array<std::int64_t, max_dimensions> extent{};
  std::int64_t elements = 1;
};

/// Cuts the elements [begin, end) of a shape, numbered in C order, into boxes of at most
/// `max_elements`, in ascending order; each box is contiguous in C order within the range. A 0-d
/// shape gives one box. Example: the elements [3, 11) of (3, 4) are the boxes (0, 3) 1x1, (1, 0)
/// 1x4 and (2, 0) 1x3. Local.
[[nodiscard]] std::vector<ElementBox> cut_into_boxes(const Shape& shape, RowRange elements,
                                                     std::int64_t max_elements);

}  // namespace serried
