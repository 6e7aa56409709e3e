#include "comm/host_cpus.hpp"

#include <sched.h>

#include <cerrno>
#include <fstream>
#include <sstream>

#include "comm/control_groups.hpp"

namespace serried::comm {
namespace {

namespace fs = std::filesystem;

double read_quota(const fs::path& group, bool is_version_2) {
  std::string quota;
  double period = 0;
  if (is_version_2) {
    std::ifstream(group / "cpu.max") >> quota >> period;
  } else {
    std::ifstream(group / "cpu.cfs_quota_us") >> quota;
    std::ifstream(group / "cpu.cfs_period_us") >> period;
  }
  double microseconds = 0;
  std::istringstream(quota) >> microseconds;  // "max" is no number, and -1 no limit
  return microseconds > 0 && period > 0 ? microseconds / period : RankCpus::no_quota;
}

}  // namespace

std::vector<int> cpus_of_this_process() {
  std::vector<int> cpus;
  for (int capacity = 1024; capacity <= (1 << 20); capacity *= 2) {
    cpu_set_t* const mask = CPU_ALLOC(static_cast<std::size_t>(capacity));
    if (mask == nullptr) break;
    const std::size_t bytes = CPU_ALLOC_SIZE(static_cast<std::size_t>(capacity));
    const bool is_known = sched_getaffinity(0, bytes, mask) == 0;
    const bool is_too_small = !is_known && errno == EINVAL;
    for (int cpu = 0; is_known && cpu < capacity; ++cpu)
      if (CPU_ISSET_S(static_cast<std::size_t>(cpu), bytes, mask)) cpus.push_back(cpu);
    CPU_FREE(mask);
    if (!is_too_small) break;
  }
  return cpus;
}

CpuQuota read_cpu_quota(const fs::path& root) {
  CpuQuota least;
  visit_control_groups(root, "cpu", [&](const fs::path& group, bool is_version_2) {
    const double cpus = read_quota(group, is_version_2);
    if (cpus < least.cpus) least = {cpus, group.string()};
  });
  return least;
}

}  // namespace serried::comm
