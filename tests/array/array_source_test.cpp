// ranks: 1 2 3 4 7
// Array as a TileSource: whole leaves though ranks are cut at tiles, fresh in every pass.
#include <algorithm>
#include <cstring>

#include "array/array_support.hpp"
#include "array/function_source.hpp"
#include "serried/array/reduce_rows.hpp"

namespace serried {
namespace {

using Index = std::int64_t;
using test::element_value;

// Reads all batches and checks each value; `value(row, column)` is what must be there.
template <class F>
void expect_rows(const Array& array, const Leaves& leaves, F value) {
  const Context& ctx = array.context();
  const ReadPlan plan = array.plan(leaves, 1, ctx.rank());
  Index row = leaves.rows_of(ctx.rank()).begin;
  Buffer scratch;
  for (std::size_t batch = 0; batch < plan.batches.size(); ++batch) {
    const TileView view = array.read(plan, static_cast<Index>(batch), scratch);
    ASSERT_EQ(view.rows, plan.batches[batch]);
    ASSERT_EQ(view.dtype, DType::f64);
    const auto values = view.as<double>();
    std::size_t at = 0;
    for (Index r = view.rows.begin; r < view.rows.end; ++r, ++row) {
      ASSERT_EQ(r, row);
      for (Index column = 0; column < view.row_elements; ++column)
        ASSERT_EQ(values[at++], value(r, column)) << "row " << r << " column " << column;
    }
    // what lies in this rank's memory is not copied
    if (!view.rows.is_empty() && view.rows.end <= array.local_rows().end) {
      const Index offset = (view.rows.begin - array.local_rows().begin) * array.row_bytes();
      ASSERT_EQ(view.data, array.local_data() + offset);
    }
  }
  ASSERT_EQ(row, leaves.rows_of(ctx.rank()).end);
}

TEST(ArraySource, whole_leaves_for_every_cut) {
  for (const Index max_tiles : {Index{3}, Index{64}, Index{16384}}) {
    const Context ctx = test::tiled_context(max_tiles);
    for (const Index rows : {Index{0}, Index{1}, Index{2}, Index{37}, Index{1000}}) {
      const Array array = test::numbered(ctx, {rows, 3});
      for (Index tiles = 1; tiles <= 256; tiles *= 4)
        expect_rows(array, Leaves::of_tiles(array.layout(), tiles),
                    [](Index row, Index column) { return element_value(3 * row + column); });
    }
  }
}

TEST(ArraySource, sliced_rows_and_another_split_axis) {
  const Context ctx = test::tiled_context(16);
  const Array array = test::numbered(ctx, {200, 4});
  const Slice slices[] = {{-150, 190, 7}};
  const Array part = array.slice(slices);
  ASSERT_EQ(part.rows(), 20);
  EXPECT_FALSE(part.layout().is_uniform());
  const Array columns = test::numbered(ctx, {4, 50}, DType::f64, 1);
  for (const Index tiles : {Index{1}, Index{4}, Index{32}}) {
    expect_rows(part, Leaves::of_tiles(part.layout(), tiles),
                [](Index row, Index column) { return element_value((50 + 7 * row) * 4 + column); });
    expect_rows(columns, Leaves::of_tiles(columns.layout(), tiles),
                [](Index row, Index column) { return element_value(column * 50 + row); });
  }
}

TEST(ArraySource, what_is_written_between_passes_is_seen) {
  const Context ctx = test::tiled_context(64);
  Array array = test::numbered(ctx, {500, 2});
  const Leaves leaves = Leaves::of_tiles(array.layout(), 16);
  const std::span<double> memory = array.local_mutable<double>();
  for (int pass = 0; pass < 4; ++pass) {
    Index number = 2 * array.local_rows().begin;
    for (double& value : memory) value = element_value(number++) + 1000 * pass;
    expect_rows(array, leaves, [pass](Index row, Index column) {
      return element_value(2 * row + column) + 1000 * pass;
    });
  }
}

TEST(ArraySource, replicated_and_split_give_the_same_bits) {
  const Context ctx = test::tiled_context(64);
  const Array split = Array::random_normal(ctx, {5000, 3}, DType::f64, 5);
  const Array whole = split.replicate();
  const auto sum = [&](const Array& array) {
    return reduce_rows(
        ctx, array, 0.0,
        [](const TileView& leaf, double& partial) {
          for (const double value : leaf.as<double>()) partial += value;
        },
        [](double& left, const double& right) { left += right; });
  };
  EXPECT_EQ(sum(split), sum(whole));
  EXPECT_EQ(sum(split), sum(split.with_split_axis(1).with_split_axis(0)));
}

TEST(ArraySource, rows_without_elements) {
  const Context ctx = test::context();
  const Array array = Array::zeros(ctx, {100, 0}, DType::f64);
  const auto rows = reduce_rows(
      ctx, array, Index{0},
      [](const TileView& leaf, Index& partial) { partial += leaf.rows.size(); },
      [](Index& left, const Index& right) { left += right; });
  EXPECT_EQ(rows, 100);
}

TEST(ArraySource, leaves_of_another_layout_are_refused) {
  const Context ctx = test::context();
  const Array array = Array::zeros(ctx, {100}, DType::f64);
  const Leaves other(Layout::uniform(101, ctx.size()), 8, 8);
  EXPECT_THROW((void)array.plan(other, 1000, ctx.rank()), InvalidArgument);
  // a plan of rows that this rank does not have
  ReadPlan plan;
  plan.batches = {{0, 101}, {101, 101}};
  plan.first_leaves = {0, 1, 1};
  Buffer scratch;
  EXPECT_THROW((void)array.read(plan, 0, scratch), InvalidArgument);
}

}  // namespace
}  // namespace serried
