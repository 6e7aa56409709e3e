#include "comm/host_cpus.hpp"

#include <sched.h>

#include <cerrno>
#include <fstream>
#include <sstream>
#include <string_view>

namespace serried::comm {
namespace {

namespace fs = std::filesystem;

/// One mounted control group hierarchy with a CPU controller.
struct Hierarchy {
  std::string mount_root;   ///< the group that is mounted
  std::string mount_point;  ///< where
  bool is_version_2 = false;
};

bool has_word(std::string_view list, std::string_view word) {
  while (!list.empty()) {
    const auto comma = list.find(',');
    if (list.substr(0, comma) == word) return true;
    if (comma == std::string_view::npos) break;
    list.remove_prefix(comma + 1);
  }
  return false;
}

/// Lines of mountinfo: "36 31 0:30 ROOT POINT OPTIONS ... - TYPE SOURCE SUPER_OPTIONS".
std::vector<Hierarchy> find_hierarchies(const fs::path& root) {
  std::vector<Hierarchy> found;
  std::ifstream file(root / "proc/self/mountinfo");
  for (std::string line; std::getline(file, line);) {
    std::istringstream fields(line);
    std::string skipped;
    Hierarchy hierarchy;
    fields >> skipped >> skipped >> skipped >> hierarchy.mount_root >> hierarchy.mount_point;
    while (fields >> skipped && skipped != "-") {
    }
    std::string type;
    std::string source;
    std::string super_options;
    fields >> type >> source >> super_options;
    hierarchy.is_version_2 = type == "cgroup2";
    if (hierarchy.is_version_2 || (type == "cgroup" && has_word(super_options, "cpu")))
      found.push_back(hierarchy);
  }
  return found;
}

/// This process's group in a hierarchy, from lines "ID:CONTROLLERS:PATH"; empty where there is
/// none.
std::string find_group(const fs::path& root, bool is_version_2) {
  std::ifstream file(root / "proc/self/cgroup");
  for (std::string line; std::getline(file, line);) {
    const auto first = line.find(':');
    const auto second = line.find(':', first + 1);
    if (first == std::string::npos || second == std::string::npos) continue;
    const std::string_view controllers =
        std::string_view(line).substr(first + 1, second - first - 1);
    if (is_version_2 ? controllers.empty() : has_word(controllers, "cpu"))
      return line.substr(second + 1);
  }
  return {};
}

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
  for (const Hierarchy& hierarchy : find_hierarchies(root)) {
    std::string group = find_group(root, hierarchy.is_version_2);
    // Inside a container the group may be named from outside: below what is mounted, or not visible
    // at all.
    if (hierarchy.mount_root != "/" && group.starts_with(hierarchy.mount_root))
      group.erase(0, hierarchy.mount_root.size());
    const fs::path mount = root / fs::path(hierarchy.mount_point).relative_path();
    fs::path relative = fs::path(group).relative_path();
    while (true) {
      const fs::path folder = mount / relative;
      const double cpus = read_quota(folder, hierarchy.is_version_2);
      if (cpus < least.cpus) least = {cpus, folder.string()};
      if (relative.empty()) break;
      relative = relative.has_parent_path() ? relative.parent_path() : fs::path();
    }
  }
  return least;
}

}  // namespace serried::comm
