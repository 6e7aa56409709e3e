#include "serried/base/shape.hpp"

#include <algorithm>

#include "serried/base/error.hpp"

namespace serried {

Shape::Shape(std::initializer_list<std::int64_t> extents)
    : Shape(std::span<const std::int64_t>(extents.begin(), extents.size())) {}

Shape::Shape(std::span<const std::int64_t> extents) {
  if (extents.size() > static_cast<std::size_t>(max_dimensions))
    throw InvalidArgument("an array has at most 8 dimensions, not " +
                          std::to_string(extents.size()));
  for (const std::int64_t extent : extents) {
    if (extent < 0)
      throw InvalidArgument("an extent must not be negative: " + std::to_string(extent));
    extents_[static_cast<std::size_t>(dimensions_++)] = extent;
  }
}

std::int64_t Shape::elements() const {
  return elements(0, dimensions_);
}

std::int64_t Shape::elements(int first, int last) const {
  std::int64_t product = 1;
  bool is_overflowing = false;
  for (int axis = first; axis < last; ++axis) {
    if ((*this)[axis] == 0) return 0;
    is_overflowing = __builtin_mul_overflow(product, (*this)[axis], &product) || is_overflowing;
  }
  if (is_overflowing)
    throw InvalidArgument("shape " + to_string() + " has more than 2^63 - 1 elements");
  return product;
}

Shape Shape::slice(int first, int last) const {
  return Shape(
      extents().subspan(static_cast<std::size_t>(first), static_cast<std::size_t>(last - first)));
}

Shape Shape::with_inserted(int axis, std::int64_t extent) const {
  if (dimensions_ == max_dimensions)
    throw InvalidArgument("an array has at most 8 dimensions, not 9");
  Shape result;
  result.dimensions_ = dimensions_ + 1;
  for (int i = 0; i < result.dimensions_; ++i)
    result.extents_[static_cast<std::size_t>(i)] = i < axis    ? (*this)[i]
                                                   : i == axis ? extent
                                                               : (*this)[i - 1];
  return result;
}

Shape Shape::with_extent(int axis, std::int64_t extent) const {
  Shape result = *this;
  result.extents_[static_cast<std::size_t>(axis)] = extent;
  return result;
}

Shape Shape::without(int axis) const {
  Shape result;
  for (int i = 0; i < dimensions_; ++i)
    if (i != axis) result.extents_[static_cast<std::size_t>(result.dimensions_++)] = (*this)[i];
  return result;
}

std::string Shape::to_string() const {
  std::string text = "(";
  for (int axis = 0; axis < dimensions_; ++axis) {
    if (axis != 0) text += ", ";
    text += std::to_string((*this)[axis]);
  }
  return text + (dimensions_ == 1 ? ",)" : ")");
}

bool operator==(const Shape& a, const Shape& b) noexcept {
  return std::ranges::equal(a.extents(), b.extents());
}

}  // namespace serried
