// Verbs that select and move, against a serial copy of the whole array.
#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "serried/array/array.hpp"
#include "support/spmd.hpp"

namespace serried {
namespace {

double value_at(std::span<const std::int64_t> index) {
  double value = 1;
  for (const std::int64_t i : index) value = value * 13 + static_cast<double>(i);
  return std::fmod(value, 120);
}

template <class F>
void for_each_index(const Shape& shape, F f) {
  std::vector<std::int64_t> index(static_cast<std::size_t>(shape.dimensions()));
  for (std::int64_t i = 0; i < shape.elements(); ++i) {
    std::int64_t rest = i;
    for (int axis = shape.dimensions() - 1; axis >= 0; --axis) {
      index[static_cast<std::size_t>(axis)] = rest % shape[axis];
      rest /= shape[axis];
    }
    f(index);
  }
}

/// Gathers and compares with value(index) in C order, on every rank as root in turn.
template <class T, class F>
void expect_values(const Array& array, const Shape& shape, F value) {
  ASSERT_EQ(array.shape(), shape);
  for (int root = 0; root < array.context().size(); root += 2) {
    const auto whole = array.gather<T>(root);
    if (array.context().rank() != root) {
      EXPECT_TRUE(whole.empty());
      continue;
    }
    ASSERT_EQ(static_cast<std::int64_t>(whole.size()), shape.elements());
    std::size_t i = 0;
    for_each_index(shape, [&](const std::vector<std::int64_t>& index) {
      EXPECT_EQ(static_cast<double>(whole[i++]), value(index)) << shape.to_string() << ' ' << i - 1;
    });
  }
}

const std::vector<Shape> shapes{{17}, {5, 7}, {1, 9}, {0, 3}, {3, 0}, {4, 3, 5}, {2, 1, 3, 4}};

TEST(ArrayVerbs, gather_and_replicate_are_in_c_order) {
  for (const std::int64_t max_tiles : {std::int64_t{16384}, std::int64_t{3}}) {
    const Context ctx = test::context({.max_tiles = max_tiles});
    for (const Shape& shape : shapes)
      for (int axis = 0; axis < shape.dimensions(); ++axis) {
        const Array array = Array::from_function(ctx, shape, DType::f64, value_at, axis);
        expect_values<double>(array, shape, value_at);
        const Array whole = array.replicate();
        EXPECT_TRUE(whole.is_replicated());
        std::size_t i = 0;
        for_each_index(shape, [&](const std::vector<std::int64_t>& index) {
          EXPECT_EQ(whole.local<double>()[i++], value_at(index));
        });
        expect_values<double>(whole, shape, value_at);
      }
  }
}

TEST(ArrayVerbs, with_split_axis_keeps_the_values) {
  const Context ctx = test::context();
  for (const Shape& shape : shapes)
    for (int from = 0; from < shape.dimensions(); ++from)
      for (int to = 0; to < shape.dimensions(); ++to) {
        const Array array = Array::from_function(ctx, shape, DType::i16, value_at, from);
        const Array moved = array.with_split_axis(to);
        EXPECT_EQ(moved.split_axis(), to);
        EXPECT_EQ(moved.layout(), Layout::uniform(shape[to], ctx.size()));
        expect_values<std::int16_t>(moved, shape, value_at);
        const Array split = array.replicate().with_split_axis(to);
        EXPECT_FALSE(split.is_replicated());
        expect_values<std::int16_t>(split, shape, value_at);
      }
  EXPECT_THROW((void)Array::zeros(ctx, {2, 2}, DType::f64).with_split_axis(2), InvalidArgument);
}

/// Python's range(extent)[slice], index by index.
std::vector<std::int64_t> indices_of(const Slice& slice, std::int64_t extent) {
  std::vector<std::int64_t> indices;
  const auto from_front = [&](std::int64_t bound) { return bound < 0 ? bound + extent : bound; };
  if (slice.step > 0) {
    const std::int64_t end = from_front(slice.end.value_or(extent));
    for (std::int64_t i = std::max<std::int64_t>(0, from_front(slice.begin.value_or(0)));
         i < std::min(end, extent); i += slice.step)
      indices.push_back(i);
  } else {
    const std::int64_t end = slice.end ? from_front(*slice.end) : -1;
    for (std::int64_t i = std::min(extent - 1, from_front(slice.begin.value_or(extent - 1)));
         i > std::max<std::int64_t>(-1, end); i += slice.step)
      indices.push_back(i);
  }
  return indices;
}

TEST(ArrayVerbs, slice_is_pythons) {
  const Context ctx = test::context({.max_tiles = 7});
  const std::vector<Slice> choices{{},
                                   {1, 4, 1},
                                   {0, INT64_MAX, 3},
                                   {-3, -1, 1},
                                   {2, 2, 1},
                                   {-100, 100, 2},
                                   {4, 1, 1},
                                   {.step = -1},
                                   {10, 2, -3},
                                   {.end = 1, .step = -2},
                                   {-2, -100, -1},
                                   {1, 4, -1}};
  const Shape shape{11, 6};
  for (int axis = 0; axis < 2; ++axis)
    for (std::size_t i = 0; i < choices.size(); ++i)
      for (std::size_t j = i % 2; j < choices.size(); j += 3) {
        const Slice& first = choices[i];
        const Slice& second = choices[j];
        const Array array = Array::from_function(ctx, shape, DType::f32, value_at, axis);
        const std::vector<Slice> slices{first, second};
        const auto rows = indices_of(first, shape[0]);
        const auto columns = indices_of(second, shape[1]);
        const Shape expected{static_cast<std::int64_t>(rows.size()),
                             static_cast<std::int64_t>(columns.size())};
        const auto value = [&](std::span<const std::int64_t> index) {
          const std::vector<std::int64_t> old{rows[static_cast<std::size_t>(index[0])],
                                              columns[static_cast<std::size_t>(index[1])]};
          return value_at(old);
        };
        const Array part = array.slice(slices);
        expect_values<float>(part, expected, value);
        expect_values<float>(array.replicate().slice(slices), expected, value);
        const Array balanced = part.balance();
        EXPECT_EQ(balanced.layout(), Layout::uniform(expected[axis], ctx.size(), 7));
        expect_values<float>(balanced, expected, value);
      }
  const Array array = Array::zeros(ctx, shape, DType::f64);
  EXPECT_THROW((void)array.slice(std::vector<Slice>{{0, 5, 0}}), InvalidArgument);
  EXPECT_THROW((void)array.slice(std::vector<Slice>(3)), InvalidArgument);
}

TEST(ArrayVerbs, cast_converts_and_names_the_row_that_cannot) {
  const Context ctx = test::context();
  const Shape shape{9, 2};
  const Array array = Array::from_function(ctx, shape, DType::f64, value_at);
  expect_values<std::uint8_t>(array.cast(DType::u8), shape, value_at);
  expect_values<float>(array.cast(DType::i64).cast(DType::f32), shape, value_at);
  const auto bad = [](std::span<const std::int64_t> index) {
    return index[0] >= 5 ? std::numeric_limits<double>::quiet_NaN() : -1.5;
  };
  const Array with_nan = Array::from_function(ctx, shape, DType::f64, bad);
  try {
    (void)with_nan.cast(DType::i32);
    FAIL() << "NaN became an integer";
  } catch (const DataError& error) {
    EXPECT_EQ(
        std::string(error.what()),
        "row 5 of the f64 array of shape (9, 2): element (5, 0) is NaN, which i32 cannot hold");
  }
  EXPECT_THROW((void)with_nan.cast(DType::u8), DataError);
  EXPECT_THROW((void)with_nan.cast(DType::string), Error);
}

TEST(ArrayVerbs, from_memory_wraps_or_copies) {
  const Context ctx = test::context();
  const std::int64_t n = 23;
  const Layout uniform = Layout::uniform(n, ctx.size());
  // the uniform cuts: no copy
  const RowRange mine = uniform.rows_of(ctx.rank());
  std::vector<double> memory;
  for (std::int64_t row = mine.begin; row < mine.end; ++row)
    for (std::int64_t j = 0; j < 3; ++j)
      memory.push_back(value_at(std::vector<std::int64_t>{row, j}));
  const Array wrapped = Array::from_memory(ctx, memory.data(), DType::f64, {mine.size(), 3});
  EXPECT_EQ(reinterpret_cast<const double*>(wrapped.local_data()), memory.data());
  expect_values<double>(wrapped, {n, 3}, value_at);
  // all rows on the last rank: no tile is cut, so they stay there
  const bool is_last = ctx.rank() + 1 == ctx.size();
  const RowRange held = is_last ? RowRange{0, n} : RowRange{0, 0};
  std::vector<float> ghosted;  // one ghost row before and after, one ghost column at the end
  for (std::int64_t row = held.begin - 1; row <= held.end; ++row)
    for (std::int64_t j = 0; j < 4; ++j)
      ghosted.push_back(static_cast<float>(value_at(std::vector<std::int64_t>{row, j})));
  const std::vector<std::int64_t> strides{16, 4};
  const Array copied =
      Array::from_memory(ctx, ghosted.data() + 4, DType::f32, {held.size(), 3}, strides);
  EXPECT_EQ(copied.local_rows(), held);
  EXPECT_EQ(copied.balance().layout(), uniform);
  expect_values<float>(copied.balance(), {n, 3}, value_at);
  expect_values<float>(copied, {n, 3}, value_at);
  // split along the second axis
  const RowRange columns = Layout::uniform(8, ctx.size()).rows_of(ctx.rank());
  std::vector<double> block;
  for (std::int64_t i = 0; i < 5; ++i)
    for (std::int64_t j = columns.begin; j < columns.end; ++j)
      block.push_back(value_at(std::vector<std::int64_t>{i, j}));
  expect_values<double>(
      Array::from_memory(ctx, block.data(), DType::f64, {5, columns.size()}, {}, 1), {5, 8},
      value_at);
  if (ctx.size() > 1) {
    EXPECT_THROW(
        (void)Array::from_memory(ctx, memory.data(), DType::f64, {1, ctx.rank() == 0 ? 1 : 2}),
        InvalidArgument);
  }
}

}  // namespace
}  // namespace serried
