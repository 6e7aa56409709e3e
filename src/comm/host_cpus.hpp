#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "comm/thread_count.hpp"

namespace serried::comm {

/// The CPUs that this process may run on, ascending.
/// Local.
[[nodiscard]] std::vector<int> cpus_of_this_process();

/// The smallest CPU quota among this process's control group and its ancestors, and where it
/// stands.
struct CpuQuota {
  double cpus = RankCpus::no_quota;
  std::string group;
};

/// Reads cpu.max (cgroup v2) and cpu.cfs_quota_us (v1). What cannot be read limits nothing.
/// Local.
/// @param root where proc and the control groups are mounted; "/" but in tests
[[nodiscard]] CpuQuota read_cpu_quota(const std::filesystem::path& root = "/");

}  // namespace serried::comm
