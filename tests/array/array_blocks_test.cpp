// host
// Blocks that are cut along several axes, as one array.
#include <bit>

#include "array_support.hpp"

namespace serried {
namespace {

using Index = std::int64_t;
using test::element_value;

struct Box {
  std::vector<Index> origin;
  std::vector<Index> extents;
};

// Halves, quarters, ... of a box: cut along one axis after the other, unevenly; ranks beyond the
// blocks that there are have none.
Box box_of(const Shape& shape, int rank, int ranks) {
  Box box{std::vector<Index>(shape.extents().size(), 0),
          {shape.extents().begin(), shape.extents().end()}};
  const int blocks = static_cast<int>(std::bit_floor(static_cast<unsigned>(ranks)));
  if (rank >= blocks) {
    box.extents.back() = 0;
    return box;
  }
  std::size_t axis = box.extents.size() - 1;
  for (int bit = 1; bit < blocks; bit *= 2, axis = (axis + 1) % box.extents.size()) {
    const Index low = box.extents[axis] / 3 + 1;
    if ((rank & bit) != 0) {
      box.origin[axis] += low;
      box.extents[axis] -= low;
    } else {
      box.extents[axis] = low;
    }
  }
  return box;
}

template <class T>
void expect_whole(const Shape& shape, Index ghosts) {
  const Context ctx = test::tiled_context(8);
  const Box box = box_of(shape, ctx.rank(), ctx.size());
  const Shape extents{std::span<const Index>(box.extents)};
  std::vector<Index> strides(box.extents.size());
  Index stride = sizeof(T), first = 0;
  for (std::size_t axis = strides.size(); axis-- > 0;) {
    strides[axis] = stride;
    first += ghosts * stride;
    stride *= box.extents[axis] + 2 * ghosts;
  }
  std::vector<T> cells(static_cast<std::size_t>(stride) / sizeof(T), T{77});
  for (Index number = 0; number < extents.elements(); ++number) {
    auto index = test::index_of(extents, number);
    Index at = first;
    for (std::size_t axis = 0; axis < index.size(); ++axis) {
      at += index[axis] * strides[axis];
      index[axis] += box.origin[axis];
    }
    cells[static_cast<std::size_t>(at) / sizeof(T)] =
        static_cast<T>(element_value(test::number_of(shape, index)));
  }
  const Array array = Array::redistribute(
      ctx, reinterpret_cast<const std::byte*>(cells.data()) + first, dtype_of<T>, box.origin,
      extents, ghosts == 0 ? std::span<const Index>() : std::span<const Index>(strides));
  EXPECT_EQ(array.shape(), shape);
  EXPECT_EQ(array.layout(), Layout::uniform(shape[0], ctx.size(), 8));
  EXPECT_EQ(test::all_values(array), test::all_values(test::numbered(ctx, shape, dtype_of<T>)));
}

TEST(ArrayBlocks, cover_an_array) {
  expect_whole<double>({40, 31}, 0);
  expect_whole<double>({40, 31}, 2);
  expect_whole<float>({13, 9, 11}, 1);
  expect_whole<std::int16_t>({101}, 0);
  expect_whole<double>({5, 4, 6, 7}, 1);
}

TEST(ArrayBlocks, without_elements) {
  const Context ctx = test::context();
  const Index origin[] = {0, 0};
  const Array array = Array::redistribute(ctx, nullptr, DType::f64, origin, {0, 3});
  EXPECT_EQ(array.shape(), (Shape{0, 3}));
}

TEST(ArrayBlocks, errors_are_the_same_on_all_ranks) {
  const Context ctx = test::context();
  const std::vector<double> data(100);
  const bool is_last = ctx.rank() == ctx.size() - 1;
  const auto text_of = [&](std::vector<Index> origin, const Shape& shape, const void* cells,
                           std::vector<Index> strides = {}) -> std::string {
    try {
      (void)Array::redistribute(ctx, cells, DType::f64, origin, shape, strides);
    } catch (const InvalidArgument& error) {
      return error.what();
    }
    return "";
  };
  const Index rank = ctx.rank();
  std::vector<std::string> texts = {
      text_of({3 * rank + (is_last ? 1 : 0), 0}, {3, 2}, data.data()),  // a gap before the last
      text_of({3 * rank}, {3, 2}, data.data()),
      text_of({3 * rank, 0}, {3, 2}, data.data(), {8}),
      text_of({3 * rank, 0}, {3, 2}, is_last ? nullptr : data.data()),
      text_of({3 * rank, -1}, {3, 2}, data.data()),
      text_of({}, {}, data.data())};
  if (ctx.size() > 1) {
    texts.push_back(text_of({2 * rank, 0}, {3, 2}, data.data()));
    EXPECT_NE(texts.back().find("overlaps"), std::string::npos);
  }
  for (const std::string& text : texts) {
    EXPECT_NE(text, "");
    for (const std::string& other : ctx.comm().allgather_text(text)) EXPECT_EQ(other, text);
  }
  EXPECT_NE(texts.front().find("in no rank's block"), std::string::npos);
}

}  // namespace
}  // namespace serried
