// serial
#include "comm/memory_share.hpp"

#include <unistd.h>

#include <fstream>

#include "base/memory_text.hpp"
#include "support/spmd.hpp"

namespace serried::comm {
namespace {

constexpr std::int64_t gib = std::int64_t{1} << 30;

TEST(MemoryShare, option_is_divided_by_ranks) {
  const MemoryShare share = decide_memory_share({.bytes = 4 * gib}, {.available_bytes = gib}, 4);
  EXPECT_EQ(share.bytes, gib);
  EXPECT_EQ(share.source, "option: 4 GiB / 4 ranks");
}

TEST(MemoryShare, the_smallest_limit_counts) {
  NodeMemory node{.available_bytes = 20 * gib};
  EXPECT_EQ(decide_memory_share({}, node, 2).bytes, 6 * gib);
  EXPECT_EQ(decide_memory_share({}, node, 2).source, "60 % of 20 GiB (available) / 2 ranks");
  node.group_bytes = 10 * gib;
  EXPECT_EQ(decide_memory_share({}, node, 1).bytes, 6 * gib);
  EXPECT_EQ(decide_memory_share({}, node, 1).source, "60 % of 10 GiB (the control group's limit)");
  node.slurm_mem_per_node = "5120";
  EXPECT_EQ(decide_memory_share({.share = 0.5}, node, 1).bytes, 5 * gib / 2);
  EXPECT_EQ(decide_memory_share({.share = 0.5}, node, 1).source,
            "50 % of 5 GiB (SLURM_MEM_PER_NODE)");
  node.slurm_mem_per_node.reset();
  node.slurm_mem_per_cpu = "1024";
  EXPECT_EQ(decide_memory_share({}, node, 1).bytes, 6 * gib) << "without the CPUs it says nothing";
  node.slurm_cpus_on_node = "4";
  EXPECT_EQ(decide_memory_share({.share = 1}, node, 2).bytes, 2 * gib);
  EXPECT_EQ(decide_memory_share({.share = 1}, node, 2).source,
            "100 % of 4 GiB (SLURM_MEM_PER_CPU x 4) / 2 ranks");
}

TEST(MemoryShare, zero_of_slurm_means_all_and_nonsense_is_told) {
  NodeMemory node{.available_bytes = 10 * gib, .slurm_mem_per_node = "0"};
  EXPECT_EQ(decide_memory_share({}, node, 1).bytes, 6 * gib);
  EXPECT_TRUE(decide_memory_share({}, node, 1).warnings.empty());
  node.slurm_mem_per_node = "12G";
  const MemoryShare share = decide_memory_share({}, node, 1);
  EXPECT_EQ(share.bytes, 6 * gib);
  ASSERT_EQ(share.warnings.size(), 1U);
  EXPECT_EQ(share.warnings[0], "SLURM_MEM_PER_NODE='12G' is ignored: it is no number");
}

TEST(MemoryShare, nothing_known_limits_nothing) {
  EXPECT_EQ(decide_memory_share({}, {}, 3).bytes, NodeMemory::no_limit);
}

class Mounted : public ::testing::Test {
 protected:
  Mounted() {
    std::string pattern = (std::filesystem::temp_directory_path() / "serried-mem-XXXXXX").string();
    root_ = ::mkdtemp(pattern.data());
  }
  ~Mounted() override { std::filesystem::remove_all(root_); }
  void write(const std::string& path, const std::string& text) const {
    std::filesystem::create_directories((root_ / path).parent_path());
    std::ofstream(root_ / path) << text;
  }
  std::filesystem::path root_;
};

TEST_F(Mounted, version_2_takes_the_least_of_group_and_ancestors) {
  write("proc/meminfo", "MemTotal: 100 kB\nMemAvailable:   2048 kB\n");
  write("proc/self/mountinfo", "31 1 0:27 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n");
  write("proc/self/cgroup", "0::/job/step\n");
  write("sys/fs/cgroup/job/step/memory.max", "max\n");
  write("sys/fs/cgroup/job/memory.max", "1000000\n");
  const NodeMemory node = read_node_memory(root_);
  EXPECT_EQ(node.available_bytes, 2048 * 1024);
  EXPECT_EQ(node.group_bytes, 1000000);
}

TEST_F(Mounted, version_1) {
  write("proc/self/mountinfo",
        "33 1 0:29 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n"
        "34 1 0:30 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu\n");
  write("proc/self/cgroup", "4:memory:/a\n3:cpu:/b\n");
  write("sys/fs/cgroup/memory/a/memory.limit_in_bytes", "7777\n");
  write("sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n");
  write("sys/fs/cgroup/cpu/b/memory.limit_in_bytes", "5\n");
  const NodeMemory node = read_node_memory(root_);
  EXPECT_EQ(node.group_bytes, 7777);
  EXPECT_EQ(node.available_bytes, NodeMemory::no_limit);
}

TEST_F(Mounted, nothing_there) {
  EXPECT_EQ(read_node_memory(root_).group_bytes, NodeMemory::no_limit);
}

TEST(MemoryText, four_digits_in_powers_of_1024) {
  EXPECT_EQ(memory_text(0), "0 B");
  EXPECT_EQ(memory_text(1023), "1023 B");
  EXPECT_EQ(memory_text(1536), "1.5 KiB");
  EXPECT_EQ(memory_text(gib * 4), "4 GiB");
}

}  // namespace
}  // namespace serried::comm
