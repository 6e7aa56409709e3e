#include "serried/base/row_axes.hpp"

#include <algorithm>

namespace serried {
namespace {

constexpr std::int64_t enough_rows = 1024;
constexpr std::int64_t max_row_bytes = std::int64_t{64} << 20;

}  // namespace

int flattened_row_axes(const Shape& shape, std::int64_t item_bytes) {
  int axes = std::min(1, shape.dimensions());
  while (axes < shape.dimensions() &&
         (shape.elements(0, axes) < enough_rows ||
          shape.elements(axes, shape.dimensions()) > max_row_bytes / item_bytes))
    ++axes;
  return axes;
}

}  // namespace serried
