// Checkpoints: the same bits on other numbers of ranks; what is no checkpoint, or another's.
#include "serried/io/checkpoint.hpp"

#include <unistd.h>

#include <bit>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <limits>

#include "serried/io/checkpoint_file.hpp"
#include "support/spmd.hpp"

namespace serried {
namespace {

namespace fs = std::filesystem;

class CheckpointTest : public testing::Test {
 protected:
  CheckpointTest() {
    std::string name = (fs::temp_directory_path() / "serried_checkpoint_XXXXXX").string();
    if (ctx_.rank() == 0 && ::mkdtemp(name.data()) == nullptr) name.clear();
    folder_ = ctx_.comm().broadcast_text(name, 0);
  }
  ~CheckpointTest() override {
    ctx_.comm().barrier();
    if (ctx_.rank() == 0) fs::remove_all(folder_);
  }
  [[nodiscard]] std::string path(const std::string& name) const { return folder_ + "/" + name; }
  /// This rank alone.
  [[nodiscard]] Context alone() const {
    return ctx_.with_communicator(*ctx_.comm().split(ctx_.rank(), 0));
  }
  /// On rank 0, between two barriers.
  void on_root(const std::function<void()>& act) const {
    ctx_.comm().barrier();
    if (ctx_.rank() == 0) act();
    ctx_.comm().barrier();
  }
  void expect_io_error(const std::string& file, const std::string& text) const {
    try {
      static_cast<void>(load_checkpoint(ctx_, file));
      ADD_FAILURE() << file << " was taken";
    } catch (const RankError& error) {
      EXPECT_EQ(error.kind(), ErrorKind::io) << error.what();
      EXPECT_NE(std::string(error.what()).find(text), std::string::npos) << error.what();
    }
  }

  Context ctx_ = test::context().on_host();
  std::string folder_;
};

Array rows_of(const Context& ctx, std::int64_t rows) {
  return Array::from_function(ctx, Shape{rows, 3}, DType::f32,
                              [](std::span<const std::int64_t> index) {
                                return 0.1 * static_cast<double>(index[0] * 3 + index[1]);
                              });
}

Checkpoint make_checkpoint() {
  Checkpoint checkpoint;
  checkpoint.kind = "a test";
  checkpoint.format = 7;
  checkpoint.belongs_to = {{"clusters", "8"}, {"a path", "/with blanks/and: colons"}, {"none", ""}};
  checkpoint.numbers["centers"] = {0.1, -0., std::numeric_limits<double>::infinity(),
                                   std::bit_cast<double>(0x7ff8000000000123ULL), 5e-324};
  checkpoint.numbers["empty"] = {};
  checkpoint.counts["counts"] = {std::numeric_limits<std::int64_t>::min(), 0, 1};
  checkpoint.counts["no_counts"] = {};
  return checkpoint;
}

void expect_same_bits(const Checkpoint& a, const Checkpoint& b) {
  EXPECT_EQ(a.kind, b.kind);
  EXPECT_EQ(a.format, b.format);
  EXPECT_EQ(a.version, b.version);
  EXPECT_EQ(a.belongs_to, b.belongs_to);
  EXPECT_EQ(a.counts, b.counts);
  ASSERT_EQ(a.numbers.size(), b.numbers.size());
  for (const auto& [name, values] : a.numbers) {
    const auto& others = b.numbers.at(name);
    ASSERT_EQ(values.size(), others.size()) << name;
    for (std::size_t i = 0; i < values.size(); ++i)
      EXPECT_EQ(std::bit_cast<std::uint64_t>(values[i]), std::bit_cast<std::uint64_t>(others[i]));
  }
}

TEST_F(CheckpointTest, is_read_with_the_same_bits_on_any_number_of_ranks) {
  for (const std::int64_t rows : {0, 1, 20'000}) {
    Checkpoint checkpoint = make_checkpoint();
    checkpoint.rows.emplace("table", rows_of(ctx_, rows));
    const std::string wide = path("wide" + std::to_string(rows));
    save_checkpoint(ctx_, wide, checkpoint);
    ctx_.comm().barrier();
    const Context lone = alone();
    const std::string own = path("own" + std::to_string(ctx_.rank()) + "_" + std::to_string(rows));
    Checkpoint again = load_checkpoint(lone, wide);
    expect_same_bits(checkpoint, again);
    const Array expected = rows_of(lone, rows);
    const auto same = [](std::span<const float> a, std::span<const float> b) {
      return std::ranges::equal(a, b);
    };
    EXPECT_TRUE(same(again.rows.at("table").local<float>(), expected.local<float>()));
    // From one rank to all.
    save_checkpoint(lone, own, again);
    ctx_.comm().barrier();
    const Checkpoint back = load_checkpoint(ctx_, path("own0_" + std::to_string(rows)));
    expect_same_bits(checkpoint, back);
    EXPECT_TRUE(
        same(back.rows.at("table").local<float>(), checkpoint.rows.at("table").local<float>()));
  }
}

TEST_F(CheckpointTest, what_is_missing_cut_off_or_foreign_is_an_io_error) {
  expect_io_error(path("none.h5"), "none.h5");
  const std::string file = path("c.h5");
  Checkpoint checkpoint = make_checkpoint();
  checkpoint.numbers["many"] = std::vector<double>(5000, 1.5);
  save_checkpoint(ctx_, file, checkpoint);
  on_root([&] {
    fs::copy_file(file, path("cut.h5"));
    fs::resize_file(path("cut.h5"), fs::file_size(file) / 2);
    std::ofstream(path("text.h5")) << "no HDF5 at all";
    std::ofstream(path("empty.h5")).flush();
  });
  for (const char* name : {"cut.h5", "text.h5", "empty.h5"}) expect_io_error(path(name), name);
  {
    FileWriter writer(ctx_, path("foreign.h5"));
    writer.write("/x", Shape{2}, std::vector<double>{1, 2});
    writer.commit();
  }
  expect_io_error(path("foreign.h5"), "is no checkpoint");
}

/// Wherever a byte of the values is changed, the hash tells.
TEST_F(CheckpointTest, a_changed_byte_is_an_io_error) {
  const std::string file = path("c.h5");
  Checkpoint checkpoint = make_checkpoint();
  checkpoint.numbers["many"] = std::vector<double>(5000, 1.5);
  checkpoint.rows.emplace("table", rows_of(ctx_, 1000));
  save_checkpoint(ctx_, file, checkpoint);
  const auto change = [&](const std::string& pattern) {
    on_root([&] {
      std::fstream stream(file, std::ios::in | std::ios::out | std::ios::binary);
      std::string bytes((std::istreambuf_iterator<char>(stream)), {});
      const std::size_t at = bytes.find(pattern);
      ASSERT_NE(at, std::string::npos);
      bytes[at] = static_cast<char>(bytes[at] ^ 1);
      stream.clear();
      stream.seekp(0);
      stream.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
    });
  };
  const auto bytes_of = [](auto value) {
    return std::string(reinterpret_cast<const char*>(&value), sizeof(value));
  };
  change(bytes_of(1.5) + bytes_of(1.5));
  expect_io_error(file, "is damaged");
  save_checkpoint(ctx_, file, checkpoint);
  change(bytes_of(0.1F * 7) + bytes_of(0.1F * 8));
  expect_io_error(file, "is damaged");
  save_checkpoint(ctx_, file, checkpoint);
  change("with blanks");
  expect_io_error(file, "is damaged");
}

/// Lists that promise more than the file has, with any hash: an error before memory is taken.
TEST_F(CheckpointTest, a_list_of_arrays_that_lies_is_an_io_error) {
  for (const char* state : {"n\t99999999999\tx\n", "n\t3\tx\n", "n\t-2\tx\n", "n\tx\n", "q\t2\tx\n",
                            "n\t2\tx", "n\t2\t../x\n", "n\t2\ty\n", "r\t2\ty\n", "c\t\tx\n"}) {
    const std::string file = path("lie.h5");
    FileWriter writer(ctx_, file);
    writer.write("/state/x", Shape{2}, std::vector<double>{1, 2});
    writer.set_attribute("/", "checkpoint_of", std::string("a test"));
    writer.set_attribute("/", "checkpoint_format", std::int64_t{1});
    writer.set_attribute("/", "state_format", std::int64_t{1});
    writer.set_attribute("/", "checkpoint_version", std::string("0"));
    writer.set_attribute("/", "belongs_to", std::string("a\tb\n"));
    writer.set_attribute("/", "hash", std::string("0123456789abcdef"));
    writer.set_attribute("/", "state", std::string(state));
    writer.commit();
    EXPECT_THROW(static_cast<void>(load_checkpoint(ctx_, file)), RankError) << state;
  }
}

TEST_F(CheckpointTest, names_all_that_differs) {
  const Checkpoint checkpoint = make_checkpoint();
  require_same(checkpoint, "a test", 7, {{"clusters", "8"}, {"none", ""}});
  const auto refusal = [&](const Checkpoint& given, const std::string& kind, std::int64_t format,
                           const Checkpoint::Facts& facts) -> std::string {
    try {
      require_same(given, kind, format, facts);
    } catch (const InvalidArgument& error) {
      return error.what();
    }
    return "";
  };
  const std::string text =
      refusal(checkpoint, "a test", 8, {{"clusters", "9"}, {"seed", "4"}, {"none", ""}});
  EXPECT_NE(text.find("clusters: 8 there, 9 here"), std::string::npos) << text;
  EXPECT_NE(text.find("seed: none there, 4 here"), std::string::npos) << text;
  EXPECT_NE(text.find("format of the state: 7 there, 8 here"), std::string::npos) << text;
  EXPECT_NE(refusal(checkpoint, "another", 7, {}).find("a test there, another here"),
            std::string::npos);
  Checkpoint old = checkpoint;
  old.version = "0.0.1";
  EXPECT_NE(refusal(old, "a test", 7, {}).find("version of Serried: 0.0.1 there"),
            std::string::npos);
}

TEST_F(CheckpointTest, refuses_names_that_it_could_not_read_back) {
  for (const char* name : {"", "a/b", "a b", "a\n"}) {
    Checkpoint checkpoint = make_checkpoint();
    checkpoint.numbers[name] = {1};
    EXPECT_THROW(save_checkpoint(ctx_, path("c.h5"), checkpoint), InvalidArgument);
  }
  Checkpoint checkpoint = make_checkpoint();
  checkpoint.belongs_to.emplace_back("two\nlines", "");
  EXPECT_THROW(save_checkpoint(ctx_, path("c.h5"), checkpoint), InvalidArgument);
  checkpoint = make_checkpoint();
  checkpoint.counts["centers"] = {1};
  EXPECT_THROW(save_checkpoint(ctx_, path("c.h5"), checkpoint), InvalidArgument);
}

TEST_F(CheckpointTest, fingerprints_follow_content_and_order_and_not_ranks) {
  const auto make = [](const Context& ctx, std::int64_t rows, double first) {
    return Array::from_function(ctx, Shape{rows, 2}, DType::f64,
                                [&](std::span<const std::int64_t> index) {
                                  return index[0] == 0 ? first : static_cast<double>(index[0]);
                                });
  };
  const Context lone = alone();
  for (const std::int64_t rows : {0, 1, 2, 63, 64, 100'000})
    EXPECT_EQ(fingerprint_rows(ctx_, make(ctx_, rows, 7)),
              fingerprint_rows(lone, make(lone, rows, 7)));
  const std::string text = fingerprint_rows(ctx_, make(ctx_, 1000, 7));
  EXPECT_NE(text, fingerprint_rows(ctx_, make(ctx_, 1000, 8)));
  EXPECT_NE(text, fingerprint_rows(ctx_, make(ctx_, 1001, 7)));
}

TEST_F(CheckpointTest, a_file_that_cannot_be_written_leaves_the_one_before) {
  const std::string file = path("c.h5");
  CheckpointFile hook(ctx_, {.path = file, .resume = file, .every_iterations = 3});
  EXPECT_EQ(hook.former(), nullptr);  // none yet: afresh
  EXPECT_FALSE(hook.should_save(2));
  EXPECT_TRUE(hook.should_save(3));
  EXPECT_FALSE(hook.should_stop());
  const Checkpoint checkpoint = make_checkpoint();
  hook.save(checkpoint, false);
  const CheckpointFile next(ctx_, {.path = path("other.h5"), .resume = file});
  ASSERT_NE(next.former(), nullptr);
  expect_same_bits(*next.former(), checkpoint);
  EXPECT_THROW(CheckpointFile(ctx_, {.path = path("other.h5"), .resume = path("none.h5")}),
               RankError);
  // A folder that is gone: a warning while the computation goes on, an error at its end.
  EXPECT_THROW(CheckpointFile(ctx_, {.path = path("no_folder/c.h5")}), RankError);
  const std::string folder = path("folder");
  if (ctx_.rank() == 0) std::filesystem::create_directory(folder);
  ctx_.comm().barrier();
  CheckpointFile lost(ctx_, {.path = folder + "/c.h5"});
  ctx_.comm().barrier();
  if (ctx_.rank() == 0) std::filesystem::remove_all(folder);
  ctx_.comm().barrier();
  lost.save(checkpoint, false);
  EXPECT_FALSE(ctx_.recorder().messages().empty());
  EXPECT_THROW(lost.save(checkpoint, true), RankError);
  expect_same_bits(load_checkpoint(ctx_, file), checkpoint);
}

}  // namespace
}  // namespace serried
