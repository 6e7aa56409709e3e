// ranks: 1 2 3 4 7
// reduce_rows and map_rows: the bits of a serial evaluation of the tree at every number of ranks
// and threads, from a source that is read in batches and from memory; failures agreed on by all
// ranks.
#include <algorithm>
#include <cstring>
#include <random>
#include <vector>

#include "array/function_source.hpp"
#include "serried/array/map_rows.hpp"
#include "serried/array/reduce_rows.hpp"
#include "support/spmd.hpp"

namespace serried {
namespace {

using Index = std::int64_t;
using test::FunctionSource;
using test::noise;

struct Sums {
  double sum = 0;
  double weighted = 0;
  Index rows = 0;
  friend bool operator==(const Sums& a, const Sums& b) {
    return std::memcmp(&a, &b, sizeof(Sums)) == 0;
  }
};

// Plain sums in row order, so that every other cut into leaves gives other bits.
void add_rows(RowRange rows, Index columns, const FunctionSource::Function& value, Sums& sums) {
  for (Index row = rows.begin; row < rows.end; ++row)
    for (Index column = 0; column < columns; ++column) {
      sums.sum += value(row, column);
      sums.weighted += static_cast<double>(row) * value(row, column);
    }
  sums.rows += rows.size();
}

void add_view(const TileView& view, Sums& sums) {
  const auto values = view.as<double>();
  std::size_t at = 0;
  for (Index row = view.rows.begin; row < view.rows.end; ++row)
    for (Index column = 0; column < view.row_elements; ++column, ++at) {
      sums.sum += values[at];
      sums.weighted += static_cast<double>(row) * values[at];
    }
  sums.rows += view.rows.size();
}

void add_sums(Sums& left, const Sums& right) {
  left.sum = 0.999 * left.sum + right.sum;  // not associative: the tree's shape shows
  left.weighted += right.weighted;
  left.rows += right.rows;
}

// Serial oracle: leaves as the documentation says, and the tree by its definition.
class Oracle {
 public:
  Oracle(const Layout& layout, Index columns, FunctionSource::Function value, Index payload)
      : columns_(columns), value_(std::move(value)) {
    Index tiles_per_leaf = 1;
    const Index wanted = payload < (1 << 20) ? std::max<Index>(16384, 16 * payload) : payload;
    while (tiles_per_leaf * layout.tile_rows() * columns * 8 < wanted &&
           tiles_per_leaf < layout.tiles())
      tiles_per_leaf *= 2;
    for (Index tile = 0; tile < layout.tiles(); tile += tiles_per_leaf)
      begins_.push_back(layout.tile_begin(tile));
    begins_.push_back(layout.rows());
  }
  Sums result() {
    const Index leaves = static_cast<Index>(begins_.size()) - 1;
    if (leaves == 0 || begins_.back() == 0) return {};
    int level = 0;
    while ((Index{1} << level) < leaves) ++level;
    return node(level, 0, leaves);
  }

 private:
  Sums node(int level, Index index, Index leaves) {
    if (level == 0) {
      Sums sums;
      const auto at = static_cast<std::size_t>(index);
      add_rows({begins_[at], begins_[at + 1]}, columns_, value_, sums);
      return sums;
    }
    Sums left = node(level - 1, 2 * index, leaves);
    if (((2 * index + 1) << (level - 1)) < leaves)
      add_sums(left, node(level - 1, 2 * index + 1, leaves));
    return left;
  }
  Index columns_;
  FunctionSource::Function value_;
  std::vector<Index> begins_;
};

Array array_of(const Context& ctx, const Layout& layout, Index columns,
               const FunctionSource::Function& value) {
  const RowRange rows = layout.rows_of(ctx.rank());
  Buffer local(ctx.backend(), static_cast<std::size_t>(rows.size() * columns) * sizeof(double));
  auto values = local.as<double>(static_cast<std::size_t>(rows.size() * columns));
  for (Index row = rows.begin; row < rows.end; ++row)
    for (Index column = 0; column < columns; ++column)
      values[static_cast<std::size_t>((row - rows.begin) * columns + column)] = value(row, column);
  return Array::from_buffer(ctx, {layout.rows(), columns}, DType::f64, layout, std::move(local));
}

Layout random_layout(std::uint64_t seed, int ranks, Index mean_rows) {
  std::mt19937_64 random(seed);
  const auto draw = [&](Index below) {
    return static_cast<Index>(random() % static_cast<std::uint64_t>(below));
  };
  std::vector<Index> begins{0};
  const Index tiles = draw(60);
  for (Index tile = 0; tile < tiles; ++tile)
    begins.push_back(begins.back() + (draw(3) == 0 ? 0 : draw(2 * mean_rows)));
  std::vector<Index> owners{0, tiles};
  for (int rank = 1; rank < ranks; ++rank) owners.push_back(draw(tiles + 1));
  std::ranges::sort(owners);
  return Layout::from_tiles(begins, owners);
}

void check_all_ways(const Context& ctx, const Layout& layout, Index columns) {
  const Sums expected = Oracle(layout, columns, noise, sizeof(Sums)).result();
  const FunctionSource source(ctx, layout, columns, noise);
  const Array array = array_of(ctx, layout, columns, noise);
  for (const int threads : {1, 2}) {
    const Context with = test::with_threads(ctx, threads);
    EXPECT_EQ(reduce_rows(with, array, Sums{}, add_view, add_sums), expected);
    for (const Index bytes : {Index{1}, Index{100000}, Index{0}})
      EXPECT_EQ(reduce_rows(with, source, Sums{}, add_view, add_sums, {.batch_bytes = bytes}),
                expected)
          << layout.rows() << " rows, " << threads << " threads, batches of " << bytes;
  }
}

TEST(ReduceRows, uniform_layouts) {
  const Context ctx = test::context();
  for (const Index max_tiles : {Index{3}, Index{64}, Index{16384}})
    for (const Index rows : {Index{0}, Index{1}, Index{2}, Index{5}, Index{1000}, Index{40001}})
      check_all_ways(ctx, Layout::uniform(rows, ctx.size(), max_tiles), 3);
}

TEST(ReduceRows, more_than_600000_rows) {
  const Context ctx = test::context();
  check_all_ways(ctx, Layout::uniform(700001, ctx.size()), 1);
}

TEST(ReduceRows, random_layouts_with_empty_tiles_and_ranks) {
  const Context ctx = test::context();
  for (std::uint64_t seed = 0; seed < 12; ++seed)
    check_all_ways(ctx, random_layout(seed, ctx.size(), seed % 2 == 0 ? 40 : 400), 2);
}

TEST(ReduceRows, one_rank_holds_everything) {
  const Context ctx = test::context();
  const Layout uniform = Layout::uniform(9000, ctx.size());
  for (int owner = 0; owner < ctx.size(); ++owner) {
    std::vector<Index> first_tiles(static_cast<std::size_t>(ctx.size()) + 1, 0);
    for (int rank = owner; rank < ctx.size(); ++rank)
      first_tiles[static_cast<std::size_t>(rank) + 1] = uniform.tiles();
    check_all_ways(ctx, uniform.with_owners(first_tiles), 2);
  }
}

TEST(ReduceRows, parts_of_the_job_agree_with_the_whole) {
  const Context ctx = test::context();
  const Sums whole =
      reduce_rows(ctx, FunctionSource(ctx, Layout::uniform(5000, ctx.size()), 4, noise), Sums{},
                  add_view, add_sums);
  for (const int colors : {2, 3}) {
    const auto part = ctx.comm().split(ctx.rank() % colors, ctx.rank());
    const Context small(*part, ctx.backend(), part->recorder(), ctx.options());
    const FunctionSource source(small, Layout::uniform(5000, small.size()), 4, noise);
    EXPECT_EQ(reduce_rows(small, source, Sums{}, add_view, add_sums), whole);
  }
}

TEST(ReduceRows, numbers_elementwise_and_not) {
  const Context ctx = test::context();
  // a small payload, and one of more than 1 MiB, that is a thousand times a tile of 128 rows
  for (const std::size_t numbers : {std::size_t{3}, std::size_t{140000}}) {
    const Layout layout = Layout::uniform(ctx.size() == 1 ? 1200000 : 1200000, ctx.size());
    const FunctionSource source(
        ctx, layout, 1, [](Index row, Index) { return 1.0 / static_cast<double>(1 + row); });
    const auto per_leaf = [](const TileView& view, std::span<double> partial) {
      const auto values = view.as<double>();
      for (std::size_t i = 0; i < values.size(); ++i)
        partial[static_cast<std::size_t>(view.rows.begin + static_cast<Index>(i)) %
                partial.size()] += values[i];
    };
    const auto combine = [](std::span<double> left, std::span<const double> right) {
      for (std::size_t i = 0; i < left.size(); ++i) left[i] = 0.999 * left[i] + right[i];
    };
    const std::vector<double> init(numbers, 0.0);
    const auto whole = reduce_rows(ctx, source, init, per_leaf, combine);
    const auto sliced = reduce_rows(ctx, source, init, per_leaf, combine, {.is_elementwise = true});
    ASSERT_EQ(whole.size(), numbers);
    EXPECT_EQ(std::memcmp(whole.data(), sliced.data(), numbers * 8), 0);
    const auto alone = ctx.comm().split(ctx.rank(), 0);
    const Context serial(*alone, ctx.backend(), alone->recorder(), ctx.options());
    const FunctionSource serial_source(
        serial, Layout::uniform(1200000, 1), 1,
        [](Index row, Index) { return 1.0 / static_cast<double>(1 + row); });
    const auto expected = reduce_rows(serial, serial_source, init, per_leaf, combine);
    EXPECT_EQ(std::memcmp(whole.data(), expected.data(), numbers * 8), 0);
  }
}

TEST(ReduceRows, failures_are_agreed_on) {
  const Context ctx = test::context();
  const Layout layout = Layout::uniform(40000, ctx.size());
  for (int bad = 0; bad < ctx.size(); ++bad) {
    FunctionSource source(ctx, layout, 3, noise);
    const auto failing = [&](const TileView& view, Sums& sums) {
      if (ctx.rank() == bad)
        throw DataError("row " + std::to_string(view.rows.begin) + " is wrong");
      add_view(view, sums);
    };
    try {
      (void)reduce_rows(ctx, source, Sums{}, failing, add_sums, {.batch_bytes = 50000});
      ADD_FAILURE() << "no error";
    } catch (const RankError& error) {
      EXPECT_EQ(error.rank(), bad);
      EXPECT_EQ(error.kind(), ErrorKind::data);
    }
    source.failing_rank = bad;
    source.failing_batch = 1;
    EXPECT_THROW((void)reduce_rows(ctx, source, Sums{}, add_view, add_sums, {.batch_bytes = 50000}),
                 RankError);
  }
}

TEST(MapRows, result_lies_as_the_source_does) {
  const Context ctx = test::context();
  for (int trial = 0; trial < 6; ++trial) {
    const Layout layout = trial < 3
                              ? Layout::uniform(trial == 0 ? 0 : trial * 30001, ctx.size())
                              : random_layout(static_cast<std::uint64_t>(trial), ctx.size(), 90);
    const FunctionSource source(ctx, layout, 2, noise);
    const auto f = [](const TileView& rows, std::byte* result) {
      auto* out = reinterpret_cast<double*>(result);
      const auto values = rows.as<double>();
      for (Index i = 0; i < rows.rows.size(); ++i) {
        out[2 * i] =
            values[static_cast<std::size_t>(2 * i)] - values[static_cast<std::size_t>(2 * i + 1)];
        out[2 * i + 1] = static_cast<double>(rows.rows.begin + i);
      }
    };
    for (const int threads : {1, 2}) {
      const Array result = map_rows(test::with_threads(ctx, threads), source, {2}, DType::f64, f);
      EXPECT_EQ(result.layout(), layout);
      EXPECT_EQ(result.shape(), (Shape{layout.rows(), 2}));
      const RowRange mine = layout.rows_of(ctx.rank());
      EXPECT_EQ(result.local_rows(), mine);
      const auto values = result.local<double>();
      for (Index row = mine.begin; row < mine.end; ++row) {
        const auto at = static_cast<std::size_t>(2 * (row - mine.begin));
        ASSERT_EQ(values[at], noise(row, 0) - noise(row, 1));
        ASSERT_EQ(values[at + 1], static_cast<double>(row));
      }
    }
  }
}

TEST(MapRows, failure_is_agreed_on) {
  const Context ctx = test::context();
  const FunctionSource source(ctx, Layout::uniform(1000, ctx.size()), 1, noise);
  const int bad = ctx.size() - 1;
  EXPECT_THROW((void)map_rows(ctx, source, {}, DType::f64,
                              [&](const TileView&, std::byte*) {
                                if (ctx.rank() == bad) throw DataError("wrong");
                              }),
               RankError);
}

}  // namespace
}  // namespace serried
