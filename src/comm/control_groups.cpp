#include "comm/control_groups.hpp"

#include <fstream>
#include <sstream>
#include <string>
#include <vector>

namespace serried::comm {
namespace {

namespace fs = std::filesystem;

/// One mounted control group hierarchy.
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
std::vector<Hierarchy> find_hierarchies(const fs::path& root, std::string_view controller) {
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
    if (hierarchy.is_version_2 || (type == "cgroup" && has_word(super_options, controller)))
      found.push_back(hierarchy);
  }
  return found;
}

/// This process's group in a hierarchy, from lines "ID:CONTROLLERS:PATH"; empty where there is
/// none.
std::string find_group(const fs::path& root, std::string_view controller, bool is_version_2) {
  std::ifstream file(root / "proc/self/cgroup");
  for (std::string line; std::getline(file, line);) {
    const auto first = line.find(':');
    const auto second = line.find(':', first + 1);
    if (first == std::string::npos || second == std::string::npos) continue;
    const std::string_view controllers =
        std::string_view(line).substr(first + 1, second - first - 1);
    if (is_version_2 ? controllers.empty() : has_word(controllers, controller))
      return line.substr(second + 1);
  }
  return {};
}

}  // namespace

void visit_control_groups(const fs::path& root, std::string_view controller,
                          const std::function<void(const fs::path&, bool)>& visit) {
  for (const Hierarchy& hierarchy : find_hierarchies(root, controller)) {
    std::string group = find_group(root, controller, hierarchy.is_version_2);
    // Inside a container the group may be named from outside: below what is mounted, or not visible
    // at all.
    if (hierarchy.mount_root != "/" && group.starts_with(hierarchy.mount_root))
      group.erase(0, hierarchy.mount_root.size());
    const fs::path mount = root / fs::path(hierarchy.mount_point).relative_path();
    fs::path relative = fs::path(group).relative_path();
    while (true) {
      visit(mount / relative, hierarchy.is_version_2);
      if (relative.empty()) break;
      relative = relative.has_parent_path() ? relative.parent_path() : fs::path();
    }
  }
}

}  // namespace serried::comm
