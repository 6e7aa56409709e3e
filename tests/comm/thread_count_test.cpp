// serial
#include "comm/thread_count.hpp"

#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <numeric>

#include "comm/host_cpus.hpp"
#include "comm/mpi_version.hpp"
#include "support/spmd.hpp"

namespace serried::comm {
namespace {

std::vector<int> range(int first, int last) {
  std::vector<int> cpus(static_cast<std::size_t>(last - first + 1));
  std::iota(cpus.begin(), cpus.end(), first);
  return cpus;
}

ThreadCountInputs ranks_with(std::vector<RankCpus> ranks, int rank = 0) {
  ThreadCountInputs inputs;
  inputs.node_ranks = std::move(ranks);
  inputs.node_rank = rank;
  return inputs;
}

TEST(ThreadCount, order_of_sources) {
  ThreadCountInputs inputs = ranks_with({{range(0, 15)}});
  inputs.option = 3;
  inputs.omp_num_threads = "4";
  inputs.slurm_cpus_per_task = "5";
  EXPECT_EQ(decide_thread_count(inputs).threads, 3);
  EXPECT_EQ(decide_thread_count(inputs).source, "option");
  inputs.option = 0;
  EXPECT_EQ(decide_thread_count(inputs).threads, 4);
  EXPECT_EQ(decide_thread_count(inputs).source, "OMP_NUM_THREADS");
  inputs.omp_num_threads.reset();
  EXPECT_EQ(decide_thread_count(inputs).threads, 5);
  EXPECT_EQ(decide_thread_count(inputs).source, "SLURM_CPUS_PER_TASK");
  inputs.slurm_cpus_per_task.reset();
  EXPECT_EQ(decide_thread_count(inputs).threads, 16);
  EXPECT_EQ(decide_thread_count(inputs).source, "16 CPUs");
}

TEST(ThreadCount, list_form_of_omp_num_threads) {
  ThreadCountInputs inputs = ranks_with({{range(0, 15)}});
  for (const char* text : {"4,2", " 4 , 2", "4", "4 "}) {
    inputs.omp_num_threads = text;
    EXPECT_EQ(decide_thread_count(inputs).threads, 4) << text;
    EXPECT_TRUE(decide_thread_count(inputs).warnings.empty()) << text;
  }
}

TEST(ThreadCount, invalid_values_are_ignored_with_a_warning) {
  for (const char* text : {"0", "-2", "four", "4x", ",2", "", "99999999999", "2.5", "5000"}) {
    ThreadCountInputs inputs = ranks_with({{range(0, 7)}});
    inputs.omp_num_threads = text;
    ThreadCount result = decide_thread_count(inputs);
    EXPECT_EQ(result.threads, 8) << text;
    ASSERT_EQ(result.warnings.size(), 1U) << text;
    EXPECT_NE(result.warnings[0].find("OMP_NUM_THREADS='" + std::string(text) + "'"),
              std::string::npos);
    inputs.slurm_cpus_per_task = text;
    EXPECT_EQ(decide_thread_count(inputs).warnings.size(), 2U);
    inputs.slurm_cpus_per_task = "6";
    result = decide_thread_count(inputs);
    EXPECT_EQ(result.threads, 6);
    EXPECT_EQ(result.source, "SLURM_CPUS_PER_TASK");
    EXPECT_EQ(result.warnings.size(), 1U);
  }
}

TEST(ThreadCount, slurm_promises_more_than_the_rank_is_bound_to) {
  ThreadCountInputs inputs = ranks_with({{{3}}, {{4, 5}}});
  inputs.slurm_cpus_per_task = "8";
  ThreadCount result = decide_thread_count(inputs);
  EXPECT_EQ(result.threads, 1);
  EXPECT_EQ(result.source, "bound to 1 CPU");
  ASSERT_EQ(result.warnings.size(), 1U);
  EXPECT_NE(result.warnings[0].find("SLURM_CPUS_PER_TASK is 8, but a rank is bound to 1 CPU"),
            std::string::npos)
      << result.warnings[0];
  inputs.node_rank = 1;
  result = decide_thread_count(inputs);
  EXPECT_EQ(result.threads, 2);
  EXPECT_EQ(result.source, "bound to 2 CPUs");
  for (const char* fitting : {"1", "2"}) {
    inputs.slurm_cpus_per_task = fitting;
    result = decide_thread_count(inputs);
    EXPECT_EQ(result.threads, fitting[0] - '0');
    EXPECT_EQ(result.source, "SLURM_CPUS_PER_TASK");
    EXPECT_TRUE(result.warnings.empty());
  }
  // Who says it himself is believed.
  inputs.slurm_cpus_per_task = "8";
  inputs.omp_num_threads = "6";
  EXPECT_EQ(decide_thread_count(inputs).threads, 6);
  EXPECT_TRUE(decide_thread_count(inputs).warnings.empty());
}

TEST(ThreadCount, more_ranks_than_cores) {
  const std::vector<RankCpus> four(4, RankCpus{{0, 1}});
  for (int rank = 0; rank < 4; ++rank) {
    const ThreadCount result = decide_thread_count(ranks_with(four, rank));
    EXPECT_EQ(result.threads, 1);
    EXPECT_EQ(result.source, "2 CPUs / 4 ranks");
  }
}

TEST(ThreadCount, unbound_ranks_share_the_node) {
  const std::vector<RankCpus> three(3, RankCpus{range(0, 15)});
  EXPECT_EQ(decide_thread_count(ranks_with(three, 2)).threads, 5);
  EXPECT_EQ(decide_thread_count(ranks_with(three, 2)).source, "16 CPUs / 3 ranks");
}

TEST(ThreadCount, bound_ranks_have_their_masks_alone) {
  const std::vector<RankCpus> ranks{{{0}}, {{1}}, {range(2, 9)}};
  EXPECT_EQ(decide_thread_count(ranks_with(ranks, 0)).threads, 1);
  EXPECT_EQ(decide_thread_count(ranks_with(ranks, 0)).source, "1 CPU");
  EXPECT_EQ(decide_thread_count(ranks_with(ranks, 2)).threads, 8);
  EXPECT_EQ(decide_thread_count(ranks_with(ranks, 2)).source, "8 CPUs");
}

TEST(ThreadCount, masks_that_overlap_in_part) {
  const std::vector<RankCpus> ranks{{range(0, 3)}, {range(2, 5)}, {range(5, 12)}};
  EXPECT_EQ(decide_thread_count(ranks_with(ranks, 0)).threads, 2);  // 4 CPUs / 2 ranks
  EXPECT_EQ(decide_thread_count(ranks_with(ranks, 1)).threads, 1);  // 4 CPUs / 3 ranks
  EXPECT_EQ(decide_thread_count(ranks_with(ranks, 2)).threads, 4);  // 8 CPUs / 2 ranks
}

TEST(ThreadCount, quota_is_shared_by_the_ranks_of_its_group) {
  const std::vector<RankCpus> both{{range(0, 7), 12, 1}, {range(8, 15), 12, 1}};
  EXPECT_EQ(decide_thread_count(ranks_with(both, 0)).threads, 6);
  EXPECT_EQ(decide_thread_count(ranks_with(both, 0)).source, "quota of 12 CPUs / 2 ranks");
  // Groups of their own, and a rank without a quota.
  const std::vector<RankCpus> apart{{range(0, 7), 3.5, 1}, {range(8, 15), 12, 2}, {range(16, 19)}};
  EXPECT_EQ(decide_thread_count(ranks_with(apart, 0)).threads, 3);
  EXPECT_EQ(decide_thread_count(ranks_with(apart, 0)).source, "quota of 3.5 CPUs");
  EXPECT_EQ(decide_thread_count(ranks_with(apart, 1)).threads, 8);
  EXPECT_EQ(decide_thread_count(ranks_with(apart, 2)).threads, 4);
}

TEST(ThreadCount, never_less_than_one) {
  EXPECT_EQ(decide_thread_count(ranks_with({{{}}})).threads, 1);
  EXPECT_EQ(decide_thread_count(ranks_with({{{0}, 0.2, 1}})).threads, 1);
}

TEST(ThreadCount, cpu_list_text) {
  EXPECT_EQ(cpu_list_text({}), "");
  EXPECT_EQ(cpu_list_text({3}), "3");
  EXPECT_EQ(cpu_list_text({0, 1}), "0-1");
  EXPECT_EQ(cpu_list_text({0, 1, 2, 5, 7, 8}), "0-2,5,7-8");
}

/// A made-up machine in a folder: /proc/self and the control groups.
class CpuQuotaTest : public testing::Test {
 protected:
  void SetUp() override {
    root_ =
        std::filesystem::path(testing::TempDir()) / ("serried_quota_" + std::to_string(getpid()));
  }
  void TearDown() override { std::filesystem::remove_all(root_); }
  void write(const std::string& path, const std::string& text) const {
    std::filesystem::create_directories((root_ / path).parent_path());
    std::ofstream(root_ / path) << text;
  }
  std::filesystem::path root_;
};

constexpr const char* version_2_mount =
    "22 1 0:20 / /proc rw - proc proc rw\n"
    "35 22 0:30 / /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 rw,nsdelegate\n";

TEST_F(CpuQuotaTest, nothing_known_limits_nothing) {
  EXPECT_EQ(read_cpu_quota(root_).cpus, RankCpus::no_quota);
}

TEST_F(CpuQuotaTest, version_2_takes_the_least_of_the_ancestors) {
  write("proc/self/mountinfo", version_2_mount);
  write("proc/self/cgroup", "0::/slurm/job_7/step_0\n");
  write("sys/fs/cgroup/slurm/cpu.max", "max 100000\n");
  write("sys/fs/cgroup/slurm/job_7/cpu.max", "250000 100000\n");
  write("sys/fs/cgroup/slurm/job_7/step_0/cpu.max", "400000 100000\n");
  const CpuQuota quota = read_cpu_quota(root_);
  EXPECT_EQ(quota.cpus, 2.5);
  EXPECT_TRUE(quota.group.ends_with("/slurm/job_7")) << quota.group;
}

TEST_F(CpuQuotaTest, version_2_without_a_limit) {
  write("proc/self/mountinfo", version_2_mount);
  write("proc/self/cgroup", "0::/user.slice\n");
  write("sys/fs/cgroup/user.slice/cpu.max", "max 100000\n");
  EXPECT_EQ(read_cpu_quota(root_).cpus, RankCpus::no_quota);
}

TEST_F(CpuQuotaTest, version_1_in_a_container) {
  // Docker: the group's name is the host's, while its own group is mounted as the root.
  write("proc/self/mountinfo",
        "31 23 0:28 / /sys/fs/cgroup rw - tmpfs tmpfs rw\n"
        "32 31 0:29 /docker/abc /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n"
        "33 31 0:30 /docker/abc /sys/fs/cgroup/cpuset rw - cgroup cgroup rw,cpuset\n");
  write("proc/self/cgroup", "4:cpuset:/docker/abc\n2:cpu,cpuacct:/docker/abc\n");
  write("sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us", "150000\n");
  write("sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us", "50000\n");
  EXPECT_EQ(read_cpu_quota(root_).cpus, 3.);
  write("sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us", "-1\n");
  EXPECT_EQ(read_cpu_quota(root_).cpus, RankCpus::no_quota);
}

TEST(MpiVersion, shortest_forms) {
  EXPECT_EQ(
      short_mpi_version("Open MPI v4.1.4, package: Debian OpenMPI, ident: 4.1.4, repo rev: v4.1.4"),
      "Open MPI 4.1.4");
  EXPECT_EQ(short_mpi_version("MPICH Version:\t4.0.2\nMPICH Release date:\tThu Apr  7\n"),
            "MPICH 4.0.2");
  EXPECT_EQ(short_mpi_version("MPI VERSION    : CRAY MPICH version 8.1.25.17 (ANL base 3.4a2)\n"),
            "Cray MPICH 8.1.25.17");
  EXPECT_EQ(short_mpi_version("Intel(R) MPI Library 2021.8 for Linux* OS\n"), "Intel MPI 2021.8");
  EXPECT_EQ(short_mpi_version("Some MPI of 1999\nmore"), "Some MPI of 1999");
}

}  // namespace
}  // namespace serried::comm
