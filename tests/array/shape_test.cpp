// host
// Arrays arranged anew: where results lie, messages that say what is wrong, and what takes several
// messages or rounds. (tests/array/shape compares values of small arrays with NumPy's.)
#include <functional>
#include <numeric>
#include <string>
#include <vector>

#include "array/array_support.hpp"
#include "serried/array/indexing.hpp"
#include "serried/array/manipulation.hpp"

namespace serried::test {
namespace {

using Index = std::vector<std::int64_t>;

/// Each local element of `found` is that of the source of `shape` at from(index).
void expect_from(const Array& found, const Shape& shape, const std::function<Index(Index)>& from) {
  const std::vector<std::int64_t> numbers = local_numbers(found);
  const std::vector<double> values = local_values(found);
  ASSERT_EQ(numbers.size(), values.size());
  std::int64_t wrong = 0;
  for (std::size_t i = 0; i < numbers.size(); ++i)
    if (values[i] != element_value(number_of(shape, from(index_of(found.shape(), numbers[i])))))
      ++wrong;
  EXPECT_EQ(wrong, 0) << found.describe();
}

template <class F>
std::string error_of(const F& call) {
  try {
    call();
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

Layout uniform(const Context& ctx, std::int64_t rows) {
  return Layout::uniform(rows, ctx.size(), ctx.options().max_tiles);
}

TEST(Shape, many_messages) {
  const Context ctx = context();
  // 12 MB, above what is exchanged at once, and 0.8 MB
  const Shape shape{1101, 701};
  for (const DType dtype : {DType::c128, DType::u8}) {
    const Array x = numbered(ctx, shape, DType::u8).cast(dtype);
    const Array turned = x.with_split_axis(1);
    EXPECT_EQ(turned.layout(), uniform(ctx, shape[1]));
    expect_from(turned, shape, [](Index i) { return i; });
    expect_from(turned.with_split_axis(0), shape, [](Index i) { return i; });
    expect_from(flip(x), shape, [&](Index i) {
      return Index{shape[0] - 1 - i[0], shape[1] - 1 - i[1]};
    });
    expect_from(roll(x, {500}, {0}), shape, [&](Index i) {
      return Index{(i[0] + shape[0] - 500) % shape[0], i[1]};
    });
    expect_from(transpose(turned), shape, [](Index i) { return Index{i[1], i[0]}; });
    expect_from(ravel(turned), Shape{shape.elements()}, [](Index i) { return i; });
  }
  const Shape cube{130, 90, 101};
  const Array x = numbered(ctx, cube, DType::f64, 1);
  for (const int axis : {0, 2}) {
    expect_from(x.with_split_axis(axis), cube, [](Index i) { return i; });
    expect_from(x.with_split_axis(axis).with_split_axis(2 - axis), cube, [](Index i) { return i; });
  }
}

TEST(Shape, rows_that_stay_keep_their_tiles) {
  const Context ctx = tiled_context(5);
  const std::vector<Slice> middle{{.begin = 3, .end = 20}};
  const Array x = numbered(ctx, {23, 4}).slice(middle);
  ASSERT_NE(x.layout(), uniform(ctx, 17));
  for (const Array& kept :
       {transpose(x), expand_dims(x, 0), flip(x, {1}), pad(x, {{0, 0}, {2, 1}}), tile(x, {1, 2}),
        concatenate({x, x}, 1), stack({x, x}, 0), diff(x, 1, 1), take(x, 2, 1), roll(x, {1}, {1}),
        reshape(x, {17, 2, 2}), coarsen(x, Coarsening::sum, {1, 2})}) {
    EXPECT_EQ(kept.layout(), x.layout()) << kept.describe();
    EXPECT_EQ(kept.shape()[kept.split_axis()], 17);
  }
  for (const Array& moved :
       {flip(x, {0}), roll(x, {1}, {0}), pad(x, {{1, 0}, {0, 0}}), tile(x, {2, 1}), repeat(x, 2, 0),
        concatenate({x, x}, 0), diff(x, 1, 0), ravel(x), take(x, 2, 0),
        coarsen(x, Coarsening::sum, {2, 1}, {.trims_excess = true})})
    EXPECT_EQ(moved.layout(), uniform(ctx, moved.shape()[0])) << moved.describe();
}

TEST(Shape, memory_is_shared_where_nothing_is_moved) {
  const Context ctx = context();
  const Array x = numbered(ctx, {40, 6}).with_split_axis(1);
  for (const Array& view : {transpose(x), expand_dims(x, 1), reshape(x, {8, 5, 6}),
                            squeeze(expand_dims(x, 0)), swapaxes(x, 0, 1)})
    EXPECT_EQ(view.local_data(), x.local_data()) << view.describe();
  const Array other = reshape(x, {6, 40});
  if (x.local_rows().size() > 0) {
    EXPECT_NE(other.local_data(), x.local_data());
  }
}

TEST(Shape, filters_balance_where_it_pays) {
  const Context ctx = context();
  const Shape shape{40000, 2};
  const Array x = numbered(ctx, shape);
  const auto mask_of = [&](const std::function<bool(std::int64_t)>& is_kept) {
    return Array::from_function(ctx, Shape{shape[0]}, DType::b8,
                                [&](auto i) { return is_kept(i[0]) ? 1. : 0.; });
  };
  const auto every_third = [](std::int64_t i) { return i % 3 == 0; };
  const Array even = compress(x, mask_of(every_third), 0);
  EXPECT_NE(even.layout(), uniform(ctx, even.shape()[0]));
  expect_from(even, shape, [](Index i) { return Index{3 * i[0], i[1]}; });
  const RowRange before = x.local_rows();
  EXPECT_EQ(even.local_rows().begin, (before.begin + 2) / 3);  // no row has moved
  const auto in_front = [](std::int64_t i) { return i < 9000; };
  for (const Balance balance : {Balance::automatic, Balance::always, Balance::never}) {
    const Array front = compress(x, mask_of(in_front), 0, balance);
    EXPECT_EQ(front.layout() == uniform(ctx, 9000), balance != Balance::never);
    expect_from(front, shape, [](Index i) { return i; });
  }
  // the same mask leaves the same tiles, whatever else a row has
  const Array y = numbered(ctx, Shape{shape[0]}, DType::u8);
  EXPECT_EQ(compress(y, mask_of(in_front), 0).layout(), compress(x, mask_of(in_front), 0).layout());
  EXPECT_EQ(compress(y, mask_of(every_third), 0).layout(), even.layout());
}

TEST(Shape, take_and_put_in_rounds) {
  const Context ctx = context();
  // rows of 240 kB: in parts
  const Shape wide{23, 30011};
  const Array x = numbered(ctx, wide);
  const auto row_of = [](std::int64_t i) { return (i * 17 + 5) % 23; };
  const Array rows = Array::from_function(ctx, Shape{41}, DType::i32, [&](auto i) {
    return static_cast<double>(row_of(i[0]) - (i[0] % 2 == 0 ? 0 : 23));
  });
  const Array taken = take(x, rows);
  expect_from(taken, wide, [&](Index i) { return Index{row_of(i[0]), i[1]}; });
  // every row is put back where it was, the last one of several with another value
  const Array zeros = Array::zeros(ctx, wide, DType::f64);
  expect_from(put(zeros, rows, taken), wide, [](Index i) { return i; });
  // single numbers: in several rounds of requests
  const Shape series{600011};
  const Array y = numbered(ctx, series, DType::f32);
  const auto at = [](std::int64_t i) { return i * 7919 % 600011; };
  const std::int64_t count = 1'500'000;
  const Array wanted = Array::from_function(ctx, Shape{count}, DType::i64,
                                            [&](auto i) { return static_cast<double>(at(i[0])); });
  const Array found = take(y, wanted);
  EXPECT_EQ(found.layout(), wanted.layout());
  expect_from(found, series, [&](Index i) { return Index{at(i[0])}; });
  // of repeated indices the last one counts
  const Array numbers = Array::arange(ctx, 0, static_cast<double>(count), 1, DType::i64);
  const Array last = put(Array::zeros(ctx, series, DType::i64), wanted, numbers);
  const std::vector<double> values = local_values(last);
  std::vector<double> expected(static_cast<std::size_t>(series[0]));
  for (std::int64_t i = 0; i < count; ++i)
    expected[static_cast<std::size_t>(at(i))] = static_cast<double>(i);
  for (std::size_t i = 0; i < values.size(); ++i)
    ASSERT_EQ(values[i], expected[static_cast<std::size_t>(last.local_rows().begin) + i]) << i;
}

TEST(Shape, put_leaves_its_array_alone) {
  const Context ctx = context();
  const Array x = numbered(ctx, {30});
  const Array at = Array::arange(ctx, 0, 30, 3, DType::i64);
  const Array changed = put(x, at, Array::full(ctx, Shape{}, DType::f64, -1));
  expect_from(x, {30}, [](Index i) { return i; });
  const std::vector<double> values = all_values(changed);
  for (std::int64_t i = 0; i < 30; ++i)
    EXPECT_EQ(values[static_cast<std::size_t>(i)], i % 3 == 0 ? -1 : element_value(i));
}

TEST(Shape, messages) {
  const Context ctx = context();
  const Array x = numbered(ctx, {5, 3});
  const auto indices = [&](DType dtype, std::vector<double> values) {
    return Array::from_function(ctx, Shape{static_cast<std::int64_t>(values.size())}, dtype,
                                [&](auto i) { return values[static_cast<std::size_t>(i[0])]; });
  };
  EXPECT_EQ(error_of([&] {
              (void)take(x, indices(DType::i64, {4, -6, 5, 9}));
            }),
            "index -6, element 1 of the indices, is out of bounds for axis 0 with size 5");
  EXPECT_EQ(error_of([&] {
              (void)take(x, indices(DType::u8, {1, 0, 3}), -1);
            }),
            "index 3, element 2 of the indices, is out of bounds for axis 1 with size 3");
  EXPECT_EQ(error_of([&] { (void)take(x, indices(DType::f32, {1})); }),
            "arrays used as indices must be of integer dtype, not f32");
  EXPECT_EQ(error_of([&] { (void)take(x, 5, 0); }),
            "index 5 is out of bounds for axis 0 with size 5");
  EXPECT_EQ(error_of([&] {
              (void)compress(x, indices(DType::b8, {1, 0, 1, 0}), 0);
            }),
            "boolean index did not match indexed array along axis 0; size of axis is 5 but size of "
            "corresponding boolean axis is 4");
  EXPECT_EQ(error_of([&] {
              (void)reshape(x, {4, -1});
            }),
            "cannot reshape array of size 15 into shape (4, -1)");
  EXPECT_EQ(error_of([&] {
              (void)concatenate({x, transpose(x)});
            }),
            "all extents but that of the axis to be concatenated along must be equal, but along "
            "axis 1 array 0 has 3 and array 1 has 5");
  EXPECT_EQ(error_of([&] { (void)flip(x, {2}); }),
            "axis 2 is out of bounds for an array of 2 dimensions");
  EXPECT_EQ(error_of([&] { (void)transpose(x, {1, -1}); }), "axis -1 is given twice");
  EXPECT_EQ(error_of([&] {
              (void)coarsen(x, Coarsening::mean, {2, 1});
            }),
            "axis 0 has 5 indices, which blocks of 2 do not divide; trims_excess leaves the rest "
            "out");
  EXPECT_THROW((void)pad(x.cast(DType::u8), {{1, 1}}, {.value = -1}), InvalidArgument);
}

}  // namespace
}  // namespace serried::test
