// ranks: 1 2 3 4 7
// timeout: 300
// How often chunks are decompressed, counted by a filter of the test's own.
#include <algorithm>
#include <cstring>

#include "counted_chunks.hpp"
#include "serried/array/statistics.hpp"
#include "serried/io/held_rows.hpp"

namespace serried::test {
namespace {

class ChunksOnce : public ::testing::TestWithParam<IoMode> {
 protected:
  ChunksOnce() { register_counting_filter(); }

  [[nodiscard]] Context with(std::int64_t memory_bytes = 0) const {
    return context({.io_mode = GetParam(), .memory_bytes = memory_bytes});
  }
  /// What the run report says of the last reading.
  [[nodiscard]] static std::string told(const Context& ctx) {
    std::string text;
    for (const auto& [key, value] : ctx.recorder().facts())
      if (key.starts_with("chunks of")) text = value;
    return text;
  }

  Folder folder_;
  std::string path_ = folder_ / "chunks.h5";
};

/// All elements of this rank's part of an array are those that were written.
void expect_values(const Array& array,
                   const std::function<float(std::int64_t, std::int64_t)>& value) {
  const auto values = array.local<float>();
  const RowRange rows = array.layout().rows_of(array.context().rank());
  const std::int64_t columns = array.row_elements();
  std::int64_t wrong = 0;
  for (std::int64_t row = rows.begin; row < rows.end; ++row)
    for (std::int64_t column = 0; column < columns; ++column)
      wrong += values[static_cast<std::size_t>((row - rows.begin) * columns + column)] !=
               value(row, column);
  EXPECT_EQ(wrong, 0);
}

TEST_P(ChunksOnce, statistics_decompress_each_chunk_once) {
  // chunks that no rank's cut meets
  write(path_, {3000, 50}, {77, 50});
  const Context ctx = with();
  const Dataset data =
      Dataset::open(ctx, parse_address(path_ + ":/x"),
                    {.samples = {.kind = SampleAxes::Kind::flattened, .axes = {0}}});
  static_cast<void>(counted());
  const auto result = compute_statistics(ctx, data);
  EXPECT_DOUBLE_EQ(result.front().mean, 149999.0 / 2);
  EXPECT_EQ(counted(), 39);
  EXPECT_TRUE(told(ctx).starts_with("decompressed 1.00 times on average (39 of 39)")) << told(ctx);
}

TEST_P(ChunksOnce, cubes_of_chunks_are_decompressed_once) {
  write(path_, {50, 60, 40}, {8, 32, 16});
  const Context ctx = with();
  const Dataset data =
      Dataset::open(ctx, parse_address(path_ + ":/x"),
                    {.samples = {.kind = SampleAxes::Kind::flattened, .axes = {0}}});
  static_cast<void>(counted());
  EXPECT_DOUBLE_EQ(compute_statistics(ctx, data).front().mean, 119999.0 / 2);
  EXPECT_EQ(counted(), 7 * 2 * 3);
}

TEST_P(ChunksOnce, rows_in_memory) {
  write(path_, {1000, 30}, {300, 7});
  const Context ctx = with();
  const Dataset data = Dataset::open(ctx, parse_address(path_ + ":/x"));
  static_cast<void>(counted());
  const Array array = data.to_array();
  EXPECT_EQ(counted(), 4 * 5);
  EXPECT_TRUE(told(ctx).starts_with("decompressed 1.00 times on average (20 of 20)")) << told(ctx);
  expect_values(array, [](auto row, auto column) { return static_cast<float>(row * 30 + column); });
}

TEST_P(ChunksOnce, samples_across_the_chunks_in_memory) {
  write(path_, {12, 30, 40}, {1, 30, 40});
  const Context ctx = with();
  DatasetOptions options;
  options.samples.axes = {1, 2};
  const Dataset data = Dataset::open(ctx, parse_address(path_ + ":/x"), options);
  static_cast<void>(counted());
  const Array array = data.to_array();
  EXPECT_EQ(counted(), 12);
  expect_values(array,
                [](auto row, auto column) { return static_cast<float>(column * 1200 + row); });
}

TEST_P(ChunksOnce, samples_across_with_steps_and_two_addresses) {
  write(path_, {12, 30, 40}, {2, 16, 24});
  const Context ctx = with();
  DatasetOptions options;
  options.samples.axes = {-1, 0};
  const Dataset data = Dataset::open(ctx,
                                     {parse_address(path_ + ":/x[3,1:30:4,5:39:3]"),
                                      parse_address(path_ + ":/x[7,0:30:4,0:36:3]")},
                                     options);
  const Array array = data.to_array();
  ASSERT_EQ(data.rows(), 12 * 8);
  expect_values(array, [](std::int64_t row, std::int64_t column) {
    const std::int64_t x = row / 8;
    const std::int64_t y = row % 8;
    return static_cast<float>(column == 0 ? (90 + 1 + 4 * y) * 40 + 5 + 3 * x
                                          : (210 + 4 * y) * 40 + 3 * x);
  });
}

TEST_P(ChunksOnce, out_of_core_as_often_as_predicted) {
  // chunks above the least cache of HDF5 that Serried sets
  write(path_, {24, 1500, 200}, {1, 1500, 200});
  const Context ctx = with();
  DatasetOptions options;
  options.samples.axes = {1, 2};
  const Dataset data = Dataset::open(ctx, parse_address(path_ + ":/x"), options);
  const std::int64_t most_rows =
      ctx.comm().allreduce(data.layout().rows_of(ctx.rank()).size(), ReduceOp::max);
  const auto source = hold_what_fits(ctx, data, most_rows * 96 / 2);
  if (!data.is_read_together()) GTEST_SKIP() << "one rank's cache holds all chunks";
  std::string predicted;
  for (const auto& [key, value] : ctx.recorder().facts())
    if (key == "rows in memory") predicted = value;
  EXPECT_NE(predicted.find(": 4 batches in each pass"), std::string::npos) << predicted;
  const ReadPlan plan = source->plan(Leaves::single_tiles(source->layout()), 100, ctx.rank());
  Buffer scratch;
  static_cast<void>(counted());
  read_batches(ctx.comm(), *source, plan, scratch, [&](std::size_t, const TileView& view) {
    const auto values = view.as<float>();
    for (std::int64_t row = view.rows.begin; row < view.rows.end; ++row)
      for (std::int64_t column = 0; column < 24; ++column)
        ASSERT_EQ(values[static_cast<std::size_t>((row - view.rows.begin) * 24 + column)],
                  static_cast<float>(column * 300000 + row));
  });
  const double times = static_cast<double>(counted()) / 24;
  EXPECT_GE(times, 3) << "a rank's last chunk may be in its cache when the next batch begins";
  EXPECT_LE(times, 5) << "cuts at tiles may need one batch more";
}

TEST_P(ChunksOnce, a_series_of_files) {
  for (int number = 0; number < 3; ++number)
    write(folder_ / ("part" + std::to_string(number) + ".h5"), {400, 20}, {90, 20});
  const Context ctx = with();
  const Dataset data =
      Dataset::open(ctx, parse_address(folder_ / "part*.h5" + ":/x"),
                    {.samples = {.kind = SampleAxes::Kind::flattened, .axes = {0}}});
  static_cast<void>(counted());
  EXPECT_DOUBLE_EQ(compute_statistics(ctx, data).front().mean, 7999.0 / 2);
  EXPECT_EQ(counted(), 3 * 5);
}

INSTANTIATE_TEST_SUITE_P(Modes, ChunksOnce,
                         ::testing::Values(IoMode::independent, IoMode::collective),
                         [](const auto& mode) {
                           return mode.param == IoMode::independent ? "independent" : "collective";
                         });

}  // namespace
}  // namespace serried::test
