// serial
#include "io/temporary_name.hpp"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <string>
#include <vector>

#include "io/mpi_io_path.hpp"
#include "process_start.hpp"

namespace serried {
namespace {

TemporaryOwner example() {
  return {.job = 4711,
          .attempt = 1,
          .host_name = "node-17",
          .host = 0x8c01d2,
          .boot = 0x55aa0f,
          .pid = 2301,
          .start = 0x1d4f3a};
}

/// The entry of the folder `path` is in.
std::string entry_of(const std::string& path, const TemporaryOwner& owner) {
  return split_path(temporary_name(path, owner)).second;
}

bool is_same(const TemporaryOwner& a, const TemporaryOwner& b) {
  return a.job == b.job && a.attempt == b.attempt && a.host == b.host && a.boot == b.boot &&
         a.pid == b.pid && a.start == b.start;
}

TEST(TemporaryName, parts_are_read_back) {
  EXPECT_EQ(temporary_name("out/labels.h5", example()),
            "out/.labels.h5.tmp.4711.1.node-17-8c01d2.55aa0f.2301.1d4f3a");
  const auto owner =
      owner_of("out/labels.h5", ".labels.h5.tmp.4711.1.node-17-8c01d2.55aa0f.2301.1d4f3a");
  ASSERT_TRUE(owner.has_value());
  EXPECT_TRUE(is_same(*owner, example()));
  EXPECT_EQ(owner->host_name, "node-17");
  EXPECT_EQ(owner->to_string(), "process 2301 on host node-17, Slurm job 4711");
}

TEST(TemporaryName, names_of_other_outputs_are_none) {
  const std::vector<std::string> names = {"a",
                                          "a.b",
                                          "a.tmp",
                                          "a.tmp.1.0",
                                          "b.a",
                                          ".a",
                                          "a~",
                                          "~a",
                                          "~",
                                          "a\nb",
                                          "a b",
                                          "\xff",
                                          "a.tmp.0.0.x-8c01d2.55aa0f.2301.1d4f3a",
                                          std::string(150, 'a'),
                                          std::string(151, 'a'),
                                          std::string(149, 'a') + "b",
                                          std::string(255, 'a')};
  for (const std::string& written : names)
    for (const std::string& asked : names)
      for (const std::string& folder : {std::string(), std::string(100, 'd') + "/"}) {
        const std::string entry = entry_of(folder + written, example());
        EXPECT_EQ(owner_of("elsewhere/" + asked, entry).has_value(), written == asked)
            << written << " and " << asked;
      }
  // one that has the short form's prefix for a name
  const std::string entry = entry_of(std::string(200, 'a'), example());
  const std::string hash = entry.substr(1, entry.find(".tmp.") - 1);
  EXPECT_FALSE(owner_of(hash, entry).has_value());
}

TEST(TemporaryName, what_is_no_temporary_name) {
  const std::string begin = ".a.tmp.";
  ASSERT_TRUE(owner_of("a", begin + "0.0.h-8c01d2.55aa0f.2301.1d").has_value());
  ASSERT_TRUE(owner_of("a", begin + "0.0.8c01d2.55aa0f.2301.1d").has_value());
  for (const char* rest :
       {"", "0.0", "host-123.0", "0.0.h-8c01d2.55aa0f.2301", "0.0.h-8c01d2.55aa0f.2301.1d.0",
        "x.0.h-8c01d2.55aa0f.2301.1d", "0.-1.h-8c01d2.55aa0f.2301.1d", "0.0.h-8c01d.55aa0f.2301.1d",
        "0.0.h-8C01D2.55aa0f.2301.1d", "0.0.h-8c01d2.55aa0g.2301.1d", "0.0.h-8c01d2.55aa0f.0.1d",
        "0.0.h-8c01d2.55aa0f.4294967297.1d", "0.0.h-8c01d2.55aa0f.2301.",
        "0.0.h-8c01d2.55aa0f.2301.1d4f3a1d4f3a1d4f3a",
        "0.0.h-8c01d2.55aa0f.99999999999999999999.1d"})
    EXPECT_FALSE(owner_of("a", begin + rest).has_value()) << rest;
}

TEST(TemporaryName, fits_mpi_io_and_the_file_system) {
  TemporaryOwner longest = example();
  longest.job = 999'999'999;
  longest.attempt = 99;
  longest.host_name = std::string(16, 'h');
  longest.pid = 4'194'304;
  longest.start = 0xfffffffff;
  for (std::size_t length = 1; length <= 255; ++length) {
    const std::string name(length, 'n');
    EXPECT_LE(entry_of(name, longest).size(), 255U);
    for (const std::size_t folder : {1U, 50U, 100U, 150U}) {
      const std::string path = std::string(folder, 'd') + "/" + name;
      EXPECT_LE(temporary_name(path, longest).size(), max_mpi_io_path) << length;
      EXPECT_TRUE(owner_of(path, entry_of(path, longest)).has_value());
    }
  }
}

TEST(TemporaryName, this_owner_is_alive) {
  ::unsetenv("SLURM_JOB_ID");
  const TemporaryOwner self = this_owner();
  EXPECT_EQ(self.job, 0);
  EXPECT_EQ(self.pid, ::getpid());
  EXPECT_GT(self.start, 0U);
  const auto read = owner_of("a", entry_of("a", self));
  ASSERT_TRUE(read.has_value());
  EXPECT_TRUE(is_same(*read, self));
  EXPECT_EQ(standing_of(self, self), Standing::alive);
}

TEST(TemporaryName, standing_of_processes_that_are_gone) {
  const TemporaryOwner self = this_owner();
  TemporaryOwner other = self;
  other.start += 1;  // the number has been given again
  EXPECT_EQ(standing_of(other, self), Standing::gone);
  other = self;
  other.boot ^= 1U;
  EXPECT_EQ(standing_of(other, self), Standing::gone);
  other = self;
  const pid_t child = ::fork();
  if (child == 0) {
    ::pause();
    ::_exit(0);
  }
  ASSERT_GT(child, 0);
  other.pid = child;
  other.start = test::start_of(child);
  EXPECT_EQ(standing_of(other, self), Standing::alive);
  ::kill(child, SIGKILL);
  siginfo_t info{};
  ASSERT_EQ(::waitid(P_PID, static_cast<id_t>(child), &info, WEXITED | WNOWAIT), 0);
  EXPECT_EQ(standing_of(other, self), Standing::gone);  // dead, but its parent does not know
  ASSERT_EQ(::waitpid(child, nullptr, 0), child);
  EXPECT_EQ(standing_of(other, self), Standing::gone);
}

TEST(TemporaryName, standing_of_what_cannot_be_known) {
  const TemporaryOwner self = this_owner();
  TemporaryOwner other = self;
  other.host ^= 1U;
  EXPECT_EQ(standing_of(other, self), Standing::unknown);
  other.boot ^= 1U;
  other.pid = 1;
  EXPECT_EQ(standing_of(other, self), Standing::unknown);
  other = self;
  other.start = 0;
  EXPECT_EQ(standing_of(other, self), Standing::unknown);
}

TEST(TemporaryName, standing_of_attempts_of_a_job) {
  ::setenv("SLURM_JOB_ID", "4711", 1);
  ::unsetenv("SLURM_RESTART_COUNT");
  const TemporaryOwner first = this_owner();
  ::setenv("SLURM_RESTART_COUNT", "1", 1);
  const TemporaryOwner second = this_owner();
  ::setenv("SLURM_JOB_ID", "4712", 1);
  const TemporaryOwner of_other_job = this_owner();
  ::setenv("SLURM_JOB_ID", "47 11", 1);
  EXPECT_EQ(this_owner().job, 0);
  ::unsetenv("SLURM_JOB_ID");
  EXPECT_EQ(this_owner().attempt, 0);
  ::unsetenv("SLURM_RESTART_COUNT");
  EXPECT_EQ(first.job, 4711);
  EXPECT_EQ(first.attempt, 0);
  EXPECT_EQ(second.attempt, 1);
  TemporaryOwner elsewhere = first;
  elsewhere.host ^= 1U;
  EXPECT_EQ(standing_of(elsewhere, second), Standing::earlier_attempt);
  EXPECT_EQ(standing_of(first, second), Standing::earlier_attempt);
  EXPECT_EQ(standing_of(second, first), Standing::later_attempt);
  EXPECT_EQ(standing_of(elsewhere, of_other_job), Standing::unknown);
  EXPECT_EQ(standing_of(elsewhere, first), Standing::unknown);
}

}  // namespace
}  // namespace serried
