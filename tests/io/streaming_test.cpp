// ranks: 1 2 3 4 7
// Reading ahead and holding rows: the same values as without, in both modes of transfers.
#include <algorithm>
#include <cstring>
#include <fstream>
#include <numeric>

#include "h5_files.hpp"
#include "serried/io/held_rows.hpp"

namespace serried::test {
namespace {

constexpr std::int64_t rows = 5003;
constexpr std::int64_t columns = 7;

std::vector<float> numbers() {
  std::vector<float> values(static_cast<std::size_t>(rows * columns));
  std::iota(values.begin(), values.end(), 1.f);
  return values;
}

class Streaming : public ::testing::TestWithParam<IoMode> {
 protected:
  Streaming() {
    on_root([&] {
      H5File file(path_);
      file.write<float>("/plain", {rows, columns}, numbers());
      file.write<float>("/packed", {rows, columns}, numbers(), -1,
                        {.chunks = {500, columns}, .deflate = 1});
    });
  }
  [[nodiscard]] Context with(std::int64_t memory_bytes = 0) const {
    return context({.max_tiles = 64, .io_mode = GetParam(), .memory_bytes = memory_bytes});
  }
  [[nodiscard]] Dataset open(const Context& ctx, const std::string& name) const {
    return Dataset::open(ctx, parse_address(path_ + ":" + name));
  }

  Folder folder_;
  std::string path_ = folder_ / "numbers.h5";
};

bool is_right(const TileView& view) {
  const auto values = view.as<float>();
  auto expected = static_cast<float>(view.rows.begin * columns + 1);
  return std::ranges::all_of(values, [&](float value) { return value == expected++; });
}

/// Reads all batches, one ahead, and says whether every element of this rank was right.
bool is_read_right(const Context& ctx, const TileSource& source, std::int64_t payload_bytes,
                   std::int64_t batch_bytes) {
  const Leaves leaves(source.layout(), source.row_bytes(), payload_bytes);
  const ReadPlan plan = source.plan(leaves, batch_bytes, ctx.rank());
  Buffer scratch;
  bool is_good = true;
  std::int64_t seen = 0;
  read_batches(ctx.comm(), source, plan, scratch, [&](std::size_t, const TileView& view) {
    is_good = is_good && is_right(view);
    seen += view.rows.size();
  });
  return is_good && ctx.comm().allreduce(seen, ReduceOp::sum) == rows;
}

TEST_P(Streaming, batches_are_read_ahead) {
  const Context ctx = with();
  for (const char* name : {"/plain", "/packed"})
    for (const std::int64_t bytes : {500, 4000, 1 << 20}) {
      const Dataset data = open(ctx, name);
      EXPECT_TRUE(is_read_right(ctx, data, 8, bytes)) << name << ' ' << bytes;
      EXPECT_TRUE(is_read_right(ctx, data, 8, bytes)) << name << ", a second pass";
    }
}

TEST_P(Streaming, what_was_read_ahead_need_not_be_wanted) {
  const Context ctx = with();
  const Dataset data = open(ctx, "/packed");
  const ReadPlan plan = data.plan(Leaves::single_tiles(data.layout()), 1000, ctx.rank());
  const ReadPlan other = data.plan(Leaves::single_tiles(data.layout()), 5000, ctx.rank());
  Buffer first;
  Buffer second;
  const auto last = static_cast<std::int64_t>(plan.batches.size()) - 1;
  for (std::int64_t batch = 0; batch <= last; ++batch) {
    EXPECT_TRUE(is_right(data.read(plan, batch, first)));
    data.prefetch(plan, std::min(batch + 1, last));
    if (batch % 3 == 1) data.prefetch(plan, 0);
    if (batch % 3 == 2) {
      const TileView before = data.read(plan, batch, second);
      EXPECT_TRUE(is_right(data.read(other, 0, first)));
      EXPECT_TRUE(is_right(before)) << "another buffer's rows stay";
      data.prefetch(other, 0);
    }
  }
  data.prefetch(plan, 0);  // and is never read
}

TEST_P(Streaming, batches_that_nobody_wants_are_left_out) {
  const Context ctx = with();
  const Dataset data = open(ctx, "/packed");
  const ReadPlan plan = data.plan(Leaves::single_tiles(data.layout()), 1000, ctx.rank());
  std::vector<std::uint8_t> wanted(plan.batches.size(), 0);
  for (std::size_t i = 0; i < wanted.size(); i += 3) wanted[i] = 1;
  Buffer scratch;
  std::vector<std::size_t> seen;
  read_batches(
      ctx.comm(), data, plan, scratch,
      [&](std::size_t batch, const TileView& view) {
        EXPECT_TRUE(is_right(view));
        seen.push_back(batch);
      },
      wanted);
  for (const std::size_t batch : seen) EXPECT_EQ(batch % 3, 0U);
  EXPECT_LE(seen.size(), (plan.batches.size() + 2) / 3);
}

TEST_P(Streaming, a_failure_of_one_rank_is_thrown_by_all) {
  const Context ctx = with();
  const Dataset data = open(ctx, "/packed");
  const ReadPlan plan = data.plan(Leaves::single_tiles(data.layout()), 1000, ctx.rank());
  Buffer scratch;
  EXPECT_THROW(read_batches(ctx.comm(), data, plan, scratch,
                            [&](std::size_t, const TileView&) {
                              if (ctx.rank() == ctx.size() - 1) throw DataError("no good");
                            }),
               RankError);
  EXPECT_TRUE(is_read_right(ctx, data, 8, 1000));
}

TEST_P(Streaming, a_damaged_chunk_is_an_error_on_all_ranks) {
  const Context ctx = with();
  on_root([&] {
    // the last chunk's bytes, near the end of the file
    H5File(path_, 0, false)
        .write<float>("/checked", {rows, columns}, numbers(), -1,
                      {.chunks = {500, columns}, .deflate = 1});
    std::fstream file(path_, std::ios::in | std::ios::out | std::ios::binary | std::ios::ate);
    const std::int64_t end = file.tellg();
    file.seekp(end - 6000);
    const std::vector<char> rubbish(5000, '\xff');
    file.write(rubbish.data(), static_cast<std::streamsize>(rubbish.size()));
  });
  try {
    const Dataset data = open(ctx, "/checked");
    static_cast<void>(is_read_right(ctx, data, 8, 1000));
    ADD_FAILURE() << "no error";
  } catch (const RankError& error) {
    EXPECT_EQ(error.kind(), ErrorKind::io);
    const std::string text = error.what();
    EXPECT_EQ(text.find("rank", text.find("rank") + 4), std::string::npos) << text;
  }
}

TEST_P(Streaming, held_rows_are_not_read_again) {
  const Context ctx = with();
  for (const std::int64_t held : {0, 100, 20000, 1 << 30}) {
    Dataset data = open(ctx, "/packed");
    data.hold(held);
    EXPECT_TRUE(is_read_right(ctx, data, 8, 1000)) << held;
    EXPECT_TRUE(is_read_right(ctx, data, 4000, 3000)) << "leaves of another size, " << held;
  }
}

std::int64_t bytes_read(const Context& ctx) {
  std::int64_t bytes = 0;
  for (const auto& phase : ctx.recorder().phases()) bytes += phase.second.file_bytes;
  return bytes;
}

TEST_P(Streaming, passes_over_held_rows_read_no_file) {
  const Context ctx = with();
  Dataset data = open(ctx, "/plain");
  data.hold(1 << 30);
  const ReadPlan plan = data.plan(Leaves::single_tiles(data.layout()), 1000, ctx.rank());
  const std::int64_t before = bytes_read(ctx);
  Buffer scratch;
  read_batches(ctx.comm(), data, plan, scratch,
               [&](std::size_t, const TileView& view) { EXPECT_TRUE(is_right(view)); });
  EXPECT_EQ(bytes_read(ctx), before);
  data.hold(0);
  EXPECT_TRUE(is_read_right(ctx, data, 8, 1000));
  EXPECT_GT(ctx.comm().allreduce(bytes_read(ctx) - before, ReduceOp::sum), 0);
}

TEST_P(Streaming, what_fits_is_held) {
  const Context ctx = with();
  const auto fits = hold_what_fits(ctx, open(ctx, "/packed"), 1 << 30);
  EXPECT_NE(dynamic_cast<const Array*>(fits.get()), nullptr);
  EXPECT_TRUE(is_read_right(ctx, *fits, 8, 1000));
  const auto streams = hold_what_fits(ctx, open(ctx, "/packed"), 10000);
  EXPECT_NE(dynamic_cast<const Dataset*>(streams.get()), nullptr);
  EXPECT_TRUE(is_read_right(ctx, *streams, 8, 1000));
}

TEST_P(Streaming, least_memory_is_named) {
  const Context ctx = with(1000);
  EXPECT_NO_THROW(require_memory(ctx, 1000, "this"));
  try {
    require_memory(ctx, 5 << 20, "this");
    ADD_FAILURE() << "no error";
  } catch (const InvalidArgument& error) {
    EXPECT_NE(std::string(error.what()).find("this needs at least 5.0"), std::string::npos)
        << error.what();
  }
}

INSTANTIATE_TEST_SUITE_P(Modes, Streaming,
                         ::testing::Values(IoMode::independent, IoMode::collective),
                         [](const auto& mode) {
                           return mode.param == IoMode::independent ? "independent" : "collective";
                         });

}  // namespace
}  // namespace serried::test
