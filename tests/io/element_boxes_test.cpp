// serial
#include "io/element_boxes.hpp"

#include <vector>

#include "gtest/gtest.h"

namespace serried {
namespace {

/// The C-order element numbers of a box.
std::vector<std::int64_t> numbers(const Shape& shape, const ElementBox& box) {
  std::vector<std::int64_t> result;
  for (std::int64_t i = 0; i < box.elements; ++i) {
    std::int64_t rest = i;
    std::int64_t number = 0;
    std::int64_t stride = 1;
    for (int axis = shape.dimensions() - 1; axis >= 0; --axis) {
      const auto a = static_cast<std::size_t>(axis);
      number += (box.start[a] + rest % box.extent[a]) * stride;
      rest /= box.extent[a];
      stride *= shape[axis];
    }
    result.push_back(number);
  }
  return result;
}

TEST(ElementBoxes, cover_every_range_in_order) {
  const std::vector<Shape> shapes{{7}, {3, 4}, {2, 3, 5}, {1, 6, 1, 2}, {4, 1, 3}};
  for (const Shape& shape : shapes) {
    const std::int64_t n = shape.elements();
    for (std::int64_t begin = 0; begin <= n; ++begin)
      for (std::int64_t end = begin; end <= n; ++end)
        for (const std::int64_t most : {std::int64_t{1}, std::int64_t{4}, n}) {
          std::vector<std::int64_t> seen;
          for (const ElementBox& box : cut_into_boxes(shape, {begin, end}, most)) {
            EXPECT_LE(box.elements, most);
            const auto piece = numbers(shape, box);
            seen.insert(seen.end(), piece.begin(), piece.end());
          }
          std::vector<std::int64_t> expected;
          for (std::int64_t i = begin; i < end; ++i) expected.push_back(i);
          ASSERT_EQ(seen, expected)
              << shape.to_string() << ' ' << begin << ' ' << end << ' ' << most;
        }
  }
}

TEST(ElementBoxes, few_boxes_for_a_range) {
  // [3, 11) of (3, 4): the rest of row 0, then rows 1 and (part of) 2
  EXPECT_EQ(cut_into_boxes({3, 4}, {3, 11}, 100).size(), 3u);
  EXPECT_EQ(cut_into_boxes({1000, 4}, {0, 4000}, 1 << 20).size(), 1u);
  EXPECT_EQ(cut_into_boxes({}, {0, 1}, 1 << 20).size(), 1u);
  EXPECT_TRUE(cut_into_boxes({3, 0}, {0, 0}, 1 << 20).empty());
}

}  // namespace
}  // namespace serried
