#include "serried/io/output_claim.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cerrno>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <set>
#include <string>

#include "h5_files.hpp"
#include "io/file_space.hpp"
#include "io/temporary_name.hpp"
#include "process_start.hpp"
#include "serried/base/temporary_files.hpp"
#include "serried/io/file_writer.hpp"
#include "serried/io/output_set.hpp"
#include "serried/io/table_file.hpp"
#include "serried/io/text_file.hpp"

namespace serried::test {
namespace {

namespace fs = std::filesystem;

class OutputClaims : public testing::Test {
 protected:
  /// Names in the folder, when all ranks have come so far.
  [[nodiscard]] std::set<std::string> entries() const {
    std::set<std::string> names;
    ctx_.comm().barrier();
    for (const auto& entry : fs::directory_iterator(folder_.path()))
      names.insert(entry.path().filename().string());
    ctx_.comm().barrier();
    return names;
  }

  /// As a process leaves it whose owner differs from this one by what `change` does.
  std::string leave(const std::function<void(TemporaryOwner&)>& change,
                    const std::string& name = "x.h5") const {
    std::string file;
    on_root([&] {
      TemporaryOwner owner = this_owner();
      change(owner);
      file = temporary_name(folder_ / name, owner);
      std::ofstream(file) << "unfinished";
    });
    return fs::path(ctx_.comm().broadcast_text(file, 0)).filename().string();
  }

  [[nodiscard]] std::string error_of(const std::function<void()>& f) const {
    try {
      f();
    } catch (const RankError& error) {
      EXPECT_EQ(error.kind(), ErrorKind::io);
      for (const std::string& text : ctx_.comm().allgather_text(error.what()))
        EXPECT_EQ(text, error.what());
      return error.what();
    }
    return "";
  }

  void write(const std::string& name) const {
    FileWriter writer(ctx_, folder_ / name);
    writer.write("/x", Shape{1}, std::vector<double>{3});
    writer.commit();
  }

  [[nodiscard]] std::size_t messages() const { return ctx_.recorder().messages().size(); }

  Folder folder_;
  Context ctx_ = context();
};

TEST_F(OutputClaims, claim_holds_one_file_until_it_is_written) {
  {
    const OutputClaim claim(ctx_, folder_ / "x.h5");
    EXPECT_EQ(entries().size(), 1U);
    EXPECT_TRUE(entries().begin()->starts_with(".x.h5.tmp."));
    {
      FileWriter writer(ctx_, folder_ / "x.h5");
      EXPECT_EQ(entries().size(), 1U);
      writer.write("/x", Shape{1}, std::vector<double>{3});
      writer.commit();
    }
    EXPECT_EQ(entries(), std::set<std::string>{"x.h5"});
    write("x.h5");  // and once more
    EXPECT_EQ(entries(), std::set<std::string>{"x.h5"});
  }
  EXPECT_EQ(entries(), std::set<std::string>{"x.h5"});
  EXPECT_EQ(TableFile(folder_ / "x.h5").read_f64("/x").values, std::vector<double>{3});
}

TEST_F(OutputClaims, claim_that_is_not_used_goes) {
  { const OutputClaim claim(ctx_, folder_ / "x.h5"); }
  EXPECT_TRUE(entries().empty());
  {
    const OutputClaim claim(ctx_, folder_ / "x.h5");
    const FileWriter writer(ctx_, folder_ / "x.h5");  // not committed
  }
  EXPECT_TRUE(entries().empty());
  write("x.h5");
}

TEST_F(OutputClaims, every_rank_can_remove_what_is_unfinished) {
  for (int rank = 0; rank < ctx_.size(); ++rank) {
    const OutputClaim claim(ctx_, folder_ / "x.h5");
    FileWriter writer(ctx_, folder_ / "y.h5");
    EXPECT_EQ(entries().size(), 2U);
    if (ctx_.rank() == rank) remove_temporary_files();
    EXPECT_TRUE(entries().empty());
    EXPECT_NE(error_of([&] { writer.commit(); }), "");
    EXPECT_TRUE(entries().empty());
  }
}

TEST_F(OutputClaims, claim_that_is_kept_holds_the_next_one) {
  {
    OutputClaim claim(ctx_, folder_ / "x.h5");
    claim.keep();
    for (int i = 0; i < 3; ++i) {
      write("x.h5");
      const std::set<std::string> names = entries();
      ASSERT_EQ(names.size(), 2U);
      EXPECT_TRUE(names.begin()->starts_with(".x.h5.tmp."));
      EXPECT_EQ(*names.rbegin(), "x.h5");
    }
    EXPECT_EQ(TableFile(folder_ / "x.h5").read_f64("/x").values, std::vector<double>{3});
  }
  EXPECT_EQ(entries(), std::set<std::string>{"x.h5"});
  const std::string longest = std::string(240, 'n') + ".h5";  // one temporary name only
  {
    OutputClaim claim(ctx_, folder_ / longest);
    claim.keep();
    write(longest);
    EXPECT_EQ(entries().size(), 3U);
  }
  EXPECT_EQ(entries(), (std::set<std::string>{longest, "x.h5"}));
}

TEST_F(OutputClaims, set_gets_its_names_together) {
  OutputSet outputs;
  for (const char* name : {"x.h5", "y.txt", "never.h5"})
    outputs.add(OutputClaim(ctx_, folder_ / name));
  write("x.h5");
  write_text_file(ctx_, folder_ / "y.txt", "text");
  EXPECT_EQ(entries().size(), 3U);
  for (const std::string& name : entries()) EXPECT_EQ(name.front(), '.');
  outputs.publish(ctx_);
  EXPECT_EQ(entries(), (std::set<std::string>{"x.h5", "y.txt"}));
  EXPECT_EQ(TableFile(folder_ / "x.h5").read_f64("/x").values, std::vector<double>{3});
  outputs.publish(ctx_);  // of nothing more
  ctx_.comm().barrier();
  remove_temporary_files();
  EXPECT_EQ(entries(), (std::set<std::string>{"x.h5", "y.txt"}));
}

TEST_F(OutputClaims, set_that_fails_at_one_name_leaves_none) {
  {
    OutputSet outputs;
    for (const char* name : {"x.h5", "y.h5", "z.h5"}) {
      outputs.add(OutputClaim(ctx_, folder_ / name));
      write(name);
    }
    on_root([&] { fs::create_directory(folder_ / "y.h5"); });
    EXPECT_THAT(error_of([&] { outputs.publish(ctx_); }), testing::HasSubstr("y.h5"));
  }
  EXPECT_EQ(entries(), std::set<std::string>{"y.h5"});
}

TEST_F(OutputClaims, set_that_is_given_up_leaves_nothing) {
  {
    OutputSet outputs;
    outputs.add(OutputClaim(ctx_, folder_ / "x.h5"));
    write("x.h5");
    write("x.h5");  // once more before it has its name
    EXPECT_EQ(entries().size(), 1U);
  }
  EXPECT_TRUE(entries().empty());
  OutputSet outputs;
  OutputClaim late(ctx_, folder_ / "x.h5");
  write("x.h5");
  EXPECT_THROW(outputs.add(std::move(late)), InvalidArgument);
}

TEST_F(OutputClaims, what_is_finished_is_not_removed) {
  const OutputClaim claim(ctx_, folder_ / "x.h5");
  write("x.h5");
  remove_temporary_files();
  EXPECT_EQ(entries(), std::set<std::string>{"x.h5"});
}

TEST_F(OutputClaims, file_that_was_removed_is_made_again) {
  const OutputClaim claim(ctx_, folder_ / "x.h5");
  ctx_.comm().barrier();
  remove_temporary_files();
  write("x.h5");
  EXPECT_EQ(entries(), std::set<std::string>{"x.h5"});
}

TEST_F(OutputClaims, one_writer_at_a_time) {
  FileWriter writer(ctx_, folder_ / "x.h5");
  const std::string text = error_of([&] { write("x.h5"); });
  EXPECT_NE(text.find("writing it already"), std::string::npos) << text;
  writer.write("/y", Shape{1}, std::vector<double>{4});
  writer.commit();
  EXPECT_EQ(TableFile(folder_ / "x.h5").read_f64("/y").values, std::vector<double>{4});
}

TEST_F(OutputClaims, one_writer_whatever_the_folder_is_called) {
  on_root([&] { fs::create_directory_symlink(folder_.path(), folder_ / "link"); });
  FileWriter writer(ctx_, folder_ / "x.h5");
  const std::string text = error_of([&] { write("link/x.h5"); });
  EXPECT_NE(text.find("another name of its folder"), std::string::npos) << text;
  EXPECT_EQ(entries().size(), 2U);
  writer.commit();
  EXPECT_EQ(entries(), (std::set<std::string>{"link", "x.h5"}));
  write("link/x.h5");
}

TEST_F(OutputClaims, leftovers_of_what_is_gone_are_removed) {
  leave([](TemporaryOwner& owner) { owner.start ^= 1U; });
  leave([](TemporaryOwner& owner) { owner.boot ^= 1U; });
  leave([](TemporaryOwner& owner) { owner.start ^= 3U; }, "x.h5");
  const std::string other = leave([](TemporaryOwner& owner) { owner.boot ^= 1U; }, "x.h5.b");
  const std::string another = leave([](TemporaryOwner& owner) { owner.boot ^= 1U; }, "x");
  const std::size_t said = messages();
  write("x.h5");
  EXPECT_EQ(entries(), (std::set<std::string>{"x.h5", other, another}));
  EXPECT_EQ(messages(), said);
}

TEST_F(OutputClaims, what_may_be_alive_is_named_and_stays) {
  const std::string other = leave([](TemporaryOwner& owner) { owner.host ^= 1U; });
  const std::size_t said = messages();
  write("x.h5");
  EXPECT_EQ(entries(), (std::set<std::string>{"x.h5", other}));
  ASSERT_EQ(messages(), said + (ctx_.rank() == 0 ? 1 : 0));
  if (ctx_.rank() != 0) return;
  const auto [severity, text] = ctx_.recorder().messages().back();
  EXPECT_EQ(severity, Severity::warning);
  EXPECT_NE(text.find(other), std::string::npos) << text;
}

TEST_F(OutputClaims, output_of_a_process_that_runs_is_refused) {
  std::string pid;
  std::string file;
  on_root([&] {
    // the parent runs, and this process can say when it started
    TemporaryOwner owner = this_owner();
    owner.pid = ::getppid();
    owner.start = start_of(::getppid());
    pid = std::to_string(owner.pid);
    file = temporary_name(folder_ / "x.h5", owner);
    std::ofstream(file).flush();
  });
  pid = ctx_.comm().broadcast_text(pid, 0);
  const std::string text = error_of([&] { const OutputClaim claim(ctx_, folder_ / "x.h5"); });
  EXPECT_NE(text.find("process " + pid), std::string::npos) << text;
  EXPECT_NE(error_of([&] { write("x.h5"); }).find("process " + pid), std::string::npos);
  EXPECT_EQ(entries().size(), 1U);
  // through a link to the folder too
  on_root([&] { fs::create_directory_symlink(folder_.path(), folder_ / "link"); });
  EXPECT_NE(error_of([&] { write("link/x.h5"); }).find("process " + pid), std::string::npos);
  write("y.h5");
  EXPECT_EQ(entries().size(), 3U);
}

TEST_F(OutputClaims, link_is_replaced_and_what_it_led_to_stays) {
  on_root([&] {
    std::ofstream(folder_ / "old.h5") << "old";
    fs::create_symlink("old.h5", folder_ / "x.h5");
  });
  write("x.h5");
  EXPECT_FALSE(fs::is_symlink(folder_ / "x.h5"));
  EXPECT_EQ(fs::file_size(folder_ / "old.h5"), 3U);
}

TEST_F(OutputClaims, errors_of_the_system_are_plain) {
  EXPECT_EQ(write_cause(ENOSPC), "no space left on the file system");
  EXPECT_EQ(write_cause(EDQUOT), "the quota on this file system is used up");
  EXPECT_EQ(write_cause(EROFS), "the file system is mounted read-only");
  const std::string text =
      error_of([&] { const OutputClaim claim(ctx_, folder_ / "x.h5", std::int64_t{1} << 50); });
  EXPECT_TRUE(text.find("no space left") != text.npos || text.find("too large") != text.npos)
      << text;
  EXPECT_TRUE(entries().empty());
}

TEST_F(OutputClaims, limit_on_the_size_of_files) {
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
  const rlimit small{1 << 20, before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &small), 0);
  const std::string text = error_of([&] {
    FileWriter writer(ctx_, folder_ / "x.h5");
    writer.write("/x", Array::zeros(ctx_, {1 << 18}, DType::f64));
  });
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &before), 0);
  EXPECT_NE(text.find("ulimit -f"), std::string::npos) << text;
  EXPECT_TRUE(entries().empty());
}

TEST(StoredBytes, bounds_what_hdf5_allocates) {
  // 1000 values of 8 bytes as they are
  EXPECT_EQ(stored_bytes({1000}, DType::f64, {}).at_creation, 8000);
  EXPECT_EQ(stored_bytes({1000}, DType::f64, {}).at_write, 0);
  EXPECT_EQ(stored_bytes({1000}, DType::f64, {}).least, 8000);
  // 3 x 3 chunks of 4 x 4 values, those at the ends whole
  const StoredBytes chunked = stored_bytes({10, 9}, DType::f32, {.chunks = {4, 4}});
  EXPECT_EQ(chunked.least, 9 * 16 * 4);
  EXPECT_GT(chunked.at_creation, chunked.least);
  const StoredBytes packed = stored_bytes({10, 9}, DType::f32, {.deflate = 1, .chunks = {4, 4}});
  EXPECT_GE(packed.at_write, 9 * 16 * 4);
  EXPECT_EQ(3 * packed.of_slab, packed.at_write);
  EXPECT_LE(packed.least, 9);
}

TEST_F(OutputClaims, noise_takes_no_more_than_was_set_aside) {
  // what deflate cannot make smaller, in chunks of many sizes
  for (const std::int64_t chunk : {1, 3, 16, 1000}) {
    const Shape shape{3000};
    const WriteOptions options{.deflate = 9, .chunks = {chunk}};
    const Array noise = Array::from_function(ctx_, shape, DType::f64, [](auto index) {
      return std::sin(1e9 * static_cast<double>(index[0] + 1));
    });
    {
      FileWriter writer(ctx_, folder_ / "x.h5");
      writer.write("/x", noise, options);
      writer.commit();
    }
    const StoredBytes most = stored_bytes(shape, DType::f64, options);
    EXPECT_LE(static_cast<std::int64_t>(fs::file_size(folder_ / "x.h5")),
              most.at_creation + most.at_write + (16 << 10))
        << chunk;
  }
}

}  // namespace
}  // namespace serried::test
