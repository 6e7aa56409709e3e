#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <vector>

namespace serried::comm {

/// What one rank knows of the CPUs that it may use.
struct RankCpus {
  static constexpr double no_quota = std::numeric_limits<double>::infinity();
  std::vector<int> cpus;          ///< the CPUs in its mask, ascending
  double quota_cpus = no_quota;   ///< CPU time per time that its control group allows
  std::uint64_t quota_group = 0;  ///< equal for ranks that share the quota
};

/// Where a number of threads can come from; unset variables are absent.
struct ThreadCountInputs {
  int option = 0;  ///< 0: not given
  std::optional<std::string> omp_num_threads;
  std::optional<std::string> slurm_cpus_per_task;
  std::vector<RankCpus> node_ranks;  ///< of all ranks on the node; at least this rank
  int node_rank = 0;                 ///< this rank's place in `node_ranks`
};

struct ThreadCount {
  int threads = 1;
  std::string source;                 ///< e.g. "OMP_NUM_THREADS" or "2 CPUs / 4 ranks"
  std::vector<std::string> warnings;  ///< about values that were ignored
};

/// The threads of this rank: the option, else the first number of OMP_NUM_THREADS, else
/// SLURM_CPUS_PER_TASK (but not more than the mask has CPUs), else the smaller of (CPUs of the mask
/// / ranks whose masks overlap with it) and (CPUs of the quota / ranks that share it), rounded
/// down, at least 1. Worked example: 4 ranks whose masks are all {0, 1}: 2 / 4 -> 1 thread. Two
/// ranks bound to {0 .. 7} and {8 .. 15} under one quota of 12 CPUs: min(8 / 1, 12 / 2) -> 6
/// threads each. Local.
[[nodiscard]] ThreadCount decide_thread_count(const ThreadCountInputs& inputs);

/// CPUs as a list: {0, 1, 2, 5} -> "0-2,5"; ascending numbers.
/// Local.
[[nodiscard]] std::string cpu_list_text(const std::vector<int>& cpus);

}  // namespace serried::comm
