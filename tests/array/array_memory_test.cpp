// The caller's memory as an array: no copy where the cuts lie on tiles, else the pieces find their
// owner.
#include <algorithm>
#include <cstring>

#include "array/array_support.hpp"

namespace serried {
namespace {

using Index = std::int64_t;
using test::element_value;

// This rank's rows [begin, end) of a (rows, columns) array of element_value.
std::vector<double> rows_of(RowRange rows, Index columns) {
  std::vector<double> values;
  for (Index number = rows.begin * columns; number < rows.end * columns; ++number)
    values.push_back(element_value(number));
  return values;
}

std::size_t notes(const Context& ctx) {
  return ctx.recorder().messages().size();
}

TEST(ArrayMemory, cuts_on_tiles_are_not_copied) {
  const Context ctx = test::tiled_context(64);
  const Layout layout = Layout::uniform(5000, ctx.size(), 64);
  const std::vector<double> mine = rows_of(layout.rows_of(ctx.rank()), 3);
  const std::size_t before = notes(ctx);
  Array array =
      Array::from_memory(ctx, mine.data(), DType::f64, {layout.rows_of(ctx.rank()).size(), 3});
  EXPECT_EQ(array.shape(), (Shape{5000, 3}));
  EXPECT_EQ(array.layout(), layout);
  EXPECT_EQ(array.local_data(), reinterpret_cast<const std::byte*>(mine.data()));
  EXPECT_EQ(notes(ctx), before);
  EXPECT_THROW((void)array.local_mutable<double>(), InvalidArgument);
  EXPECT_EQ(test::all_values(array), rows_of({0, 5000}, 3));
}

TEST(ArrayMemory, own_cuts_on_tile_boundaries_keep_their_owners) {
  const Context ctx = test::tiled_context(8);  // tiles of 4 rows
  const Index rows = ctx.rank() == 0 ? 32 - 4 * (ctx.size() - 1) : 4;
  const Index begin = ctx.rank() == 0 ? 0 : 32 - 4 * (ctx.size() - ctx.rank());
  const std::vector<double> mine = rows_of({begin, begin + rows}, 2);
  const Array array = Array::from_memory(ctx, mine.data(), DType::f64, {rows, 2});
  EXPECT_EQ(array.local_rows(), (RowRange{begin, begin + rows}));
  EXPECT_EQ(array.local_data(), reinterpret_cast<const std::byte*>(mine.data()));
}

TEST(ArrayMemory, cut_tiles_go_to_the_rank_of_their_first_row) {
  for (const Index max_tiles : {Index{3}, Index{64}, Index{16384}}) {
    const Context ctx = test::tiled_context(max_tiles);
    // 13 + 10 r rows on rank r, none on the last but one
    std::vector<Index> begins{0};
    for (int rank = 0; rank < ctx.size(); ++rank)
      begins.push_back(begins.back() + (rank + 2 == ctx.size() ? 0 : 13 + 10 * rank));
    const auto at = static_cast<std::size_t>(ctx.rank());
    const RowRange held{begins[at], begins[at + 1]};
    const std::vector<double> mine = rows_of(held, 5);
    const std::size_t before = notes(ctx);
    const Array array = Array::from_memory(ctx, mine.data(), DType::f64, {held.size(), 5});
    const Layout uniform = Layout::uniform(begins.back(), ctx.size(), max_tiles);
    bool is_cut = false;
    for (const Index begin : begins)
      is_cut = is_cut || (begin % uniform.tile_rows() != 0 && begin != begins.back());
    EXPECT_EQ(notes(ctx), before + (is_cut && ctx.rank() == 0 ? 1 : 0));
    for (Index tile = 0; tile < uniform.tiles(); ++tile) {
      const auto holder =
          std::ranges::upper_bound(begins, uniform.tile_begin(tile)) - begins.begin() - 1;
      EXPECT_EQ(array.layout().owner_of_tile(tile), holder);
      EXPECT_EQ(array.layout().tile_begin(tile), uniform.tile_begin(tile));
    }
    const auto local = array.local<double>();
    EXPECT_EQ(std::vector<double>(local.begin(), local.end()), rows_of(array.local_rows(), 5));
    EXPECT_EQ(test::all_values(array), rows_of({0, begins.back()}, 5));
  }
}

TEST(ArrayMemory, ghost_cells_and_other_strides) {
  const Context ctx = test::context();
  const Index rows = 6 + ctx.rank();
  Index begin = 0;
  for (int rank = 0; rank < ctx.rank(); ++rank) begin += 6 + rank;
  Index total = 0;
  for (int rank = 0; rank < ctx.size(); ++rank) total += 6 + rank;
  // (rows, 4) inside (rows + 2, 6), a border of -1
  std::vector<double> block(static_cast<std::size_t>((rows + 2) * 6), -1);
  for (Index row = 0; row < rows; ++row)
    for (Index column = 0; column < 4; ++column)
      block[static_cast<std::size_t>((row + 1) * 6 + column + 1)] =
          element_value((begin + row) * 4 + column);
  const Index strides[] = {48, 8};
  const Array array = Array::from_memory(ctx, block.data() + 7, DType::f64, {rows, 4}, strides);
  EXPECT_EQ(test::all_values(array), rows_of({0, total}, 4));

  // the same rows from the last to the first: a negative stride
  const Index backward[] = {-48, 8};
  const Array turned =
      Array::from_memory(ctx, block.data() + 7 + (rows - 1) * 6, DType::f64, {rows, 4}, backward);
  const auto all = test::all_values(turned);
  Index at = 0;
  for (int rank = 0; rank < ctx.size(); ++rank) {
    const Index count = 6 + rank;
    for (Index row = 0; row < count; ++row)
      for (Index column = 0; column < 4; ++column)
        ASSERT_EQ(all[static_cast<std::size_t>((at + row) * 4 + column)],
                  element_value((at + count - 1 - row) * 4 + column));
    at += count;
  }
}

TEST(ArrayMemory, split_along_the_second_axis) {
  const Context ctx = test::context();
  const Index columns = 5, total = 5 * ctx.size();
  std::vector<float> mine;  // (3, 5) in C order: columns 5 r .. 5 r + 4
  for (Index row = 0; row < 3; ++row)
    for (Index column = 0; column < columns; ++column)
      mine.push_back(
          static_cast<float>(element_value(row * total + ctx.rank() * columns + column)));
  const Array array = Array::from_memory(ctx, mine.data(), DType::f32, {3, columns}, {}, 1);
  EXPECT_EQ(array.shape(), (Shape{3, total}));
  EXPECT_EQ(test::all_values(array), rows_of({0, 3}, total));
  // Fortran order is what lies as an array split along its last axis does: no copy
  const Index strides[] = {4, 12};
  std::vector<float> turned;
  for (Index column = 0; column < columns; ++column)
    for (Index row = 0; row < 3; ++row)
      turned.push_back(
          static_cast<float>(element_value(row * total + ctx.rank() * columns + column)));
  const Array view = Array::from_memory(ctx, turned.data(), DType::f32, {3, columns}, strides, 1);
  EXPECT_EQ(view.local_data(), reinterpret_cast<const std::byte*>(turned.data()));
  EXPECT_EQ(test::all_values(view), rows_of({0, 3}, total));
}

TEST(ArrayMemory, no_rows_and_misaligned) {
  const Context ctx = test::context();
  const Array empty = Array::from_memory(ctx, nullptr, DType::f64, {0, 3});
  EXPECT_EQ(empty.shape(), (Shape{0, 3}));
  std::vector<std::byte> bytes(8 * 4 + 1);
  const std::vector<double> values{1, 2, 3, 4};
  std::memcpy(bytes.data() + 1, values.data(), 32);
  const Array array = Array::from_memory(ctx, bytes.data() + 1, DType::f64, {4});
  EXPECT_NE(array.local_data(), bytes.data() + 1);
  const auto local = array.local<double>();
  EXPECT_EQ(std::vector<double>(local.begin(), local.end()), values);
}

TEST(ArrayMemory, errors_are_the_same_on_all_ranks) {
  const Context ctx = test::context();
  const std::vector<double> data(100);
  const bool is_last = ctx.rank() == ctx.size() - 1;
  const auto text_of = [&](auto&& make) -> std::string {
    try {
      (void)make();
    } catch (const InvalidArgument& error) {
      return error.what();
    }
    return "";
  };
  const Index one_stride[] = {8};
  const std::string texts[] = {
      text_of([&] {
        return Array::from_memory(ctx, is_last ? nullptr : data.data(), DType::f64, {5});
      }),
      text_of([&] {
        return Array::from_memory(
            ctx, data.data(), DType::f64, {5, 2},
            is_last ? std::span<const Index>(one_stride) : std::span<const Index>());
      }),
      text_of([&] { return Array::from_memory(ctx, data.data(), DType::f64, {5}, {}, 1); }),
      text_of([&] { return Array::from_memory(ctx, data.data(), DType::f64, {}); })};
  for (const std::string& text : texts) {
    EXPECT_NE(text, "");
    for (const std::string& other : ctx.comm().allgather_text(text)) EXPECT_EQ(other, text);
  }
  if (ctx.size() > 1) {
    EXPECT_NE(text_of([&] {
                return Array::from_memory(ctx, data.data(), DType::f64, {5, is_last ? 3 : 2});
              }),
              "");
    EXPECT_NE(text_of([&] {
                return Array::from_memory(ctx, data.data(), is_last ? DType::f32 : DType::f64, {5});
              }),
              "");
  }
  EXPECT_THROW((void)Array::from_buffer(ctx, {1000}, DType::f64, Layout::uniform(1000, ctx.size()),
                                        Buffer()),
               InvalidArgument);
  EXPECT_THROW(
      (void)Array::from_buffer(ctx, {1000}, DType::f64, Layout::uniform(999, ctx.size()), Buffer()),
      InvalidArgument);
}

}  // namespace
}  // namespace serried
