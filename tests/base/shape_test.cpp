// serial
#include "serried/base/shape.hpp"

#include <limits>
#include <vector>

#include "gtest/gtest.h"
#include "serried/base/error.hpp"
#include "serried/base/row_range.hpp"

namespace serried {
namespace {

TEST(Shape, extents_and_elements) {
  const Shape shape{128, 89, 180};
  EXPECT_EQ(shape.dimensions(), 3);
  EXPECT_EQ(shape[1], 89);
  EXPECT_EQ(shape.elements(), 128 * 89 * 180);
  EXPECT_EQ(shape.elements(1, 3), 89 * 180);
  EXPECT_EQ(shape.elements(1, 1), 1);
  EXPECT_EQ(Shape().elements(), 1);  // a 0-d array has one element
  EXPECT_EQ((Shape{5, 0, 7}).elements(), 0);
}

TEST(Shape, elements_beyond_int64_are_refused) {
  constexpr std::int64_t most = std::numeric_limits<std::int64_t>::max();
  EXPECT_EQ((Shape{most, 1}).elements(), most);
  EXPECT_THROW((void)(Shape{std::int64_t{1} << 32, std::int64_t{1} << 31}).elements(),
               InvalidArgument);
  // Nothing overflows where there is nothing, whatever the order.
  EXPECT_EQ((Shape{most, most, 0}).elements(), 0);
  EXPECT_EQ((Shape{0, most, most}).elements(), 0);
}

TEST(Shape, wrong_extents_are_refused) {
  EXPECT_THROW((Shape{3, -1}), InvalidArgument);
  EXPECT_THROW((Shape{1, 1, 1, 1, 1, 1, 1, 1, 1}), InvalidArgument);
  EXPECT_EQ((Shape{1, 1, 1, 1, 1, 1, 1, 1}).dimensions(), max_dimensions);
  EXPECT_THROW((void)(Shape{1, 1, 1, 1, 1, 1, 1, 1}).with_inserted(0, 2), InvalidArgument);
}

TEST(Shape, derived_shapes) {
  const Shape shape{4, 5, 6};
  EXPECT_EQ(shape.slice(1, 3), (Shape{5, 6}));
  EXPECT_EQ(shape.slice(2, 2), Shape());
  EXPECT_EQ(shape.with_inserted(0, 9), (Shape{9, 4, 5, 6}));
  EXPECT_EQ(shape.with_inserted(3, 9), (Shape{4, 5, 6, 9}));
  EXPECT_EQ(shape.with_extent(1, 9), (Shape{4, 9, 6}));
  EXPECT_EQ(shape.without(0), (Shape{5, 6}));
  EXPECT_EQ(shape.without(2), (Shape{4, 5}));
  EXPECT_FALSE(shape == (Shape{4, 5}));
  EXPECT_FALSE(shape == (Shape{4, 5, 7}));
  const std::vector<std::int64_t> extents{4, 5, 6};
  EXPECT_EQ(Shape(std::span<const std::int64_t>(extents)), shape);
}

TEST(Shape, text_as_in_python) {
  EXPECT_EQ(Shape().to_string(), "()");
  EXPECT_EQ((Shape{5}).to_string(), "(5,)");
  EXPECT_EQ((Shape{128, 89, 180}).to_string(), "(128, 89, 180)");
}

TEST(RowRange, size_membership_and_intersection) {
  constexpr RowRange range{3, 7};
  EXPECT_EQ(range.size(), 4);
  EXPECT_TRUE(range.contains(3));
  EXPECT_FALSE(range.contains(7));
  EXPECT_TRUE((RowRange{5, 5}).is_empty());
  EXPECT_EQ(intersect(range, {5, 9}), (RowRange{5, 7}));
  EXPECT_EQ(intersect({5, 9}, range), (RowRange{5, 7}));
  EXPECT_TRUE(intersect(range, {7, 9}).is_empty());
  EXPECT_TRUE(intersect(range, {10, 12}).is_empty());
  EXPECT_EQ(intersect(range, {10, 12}).size(), 0);
}

}  // namespace
}  // namespace serried
