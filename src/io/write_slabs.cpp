#include "io/write_slabs.hpp"

#include <algorithm>

namespace serried {

WriteSlabs::WriteSlabs(const Shape& shape, const std::vector<std::int64_t>& chunks)
    : elements_(shape.elements()), extent_(std::max<std::int64_t>(elements_, 1)) {
  if (chunks.empty()) return;
  const int last = shape.dimensions() - 1;
  int axis = 0;
  while (axis < last && chunks[static_cast<std::size_t>(axis)] == 1) ++axis;
  extent_ = shape[axis];
  chunk_ = chunks[static_cast<std::size_t>(axis)];
  inner_ = shape.elements(axis + 1, last + 1);
}

RowRange WriteSlabs::slab_of(std::int64_t element) const noexcept {
  const std::int64_t outer = element / (extent_ * inner_) * (extent_ * inner_);
  const std::int64_t index = (element - outer) / inner_ / chunk_ * chunk_;
  return {outer + index * inner_, outer + std::min(extent_, index + chunk_) * inner_};
}

}  // namespace serried
