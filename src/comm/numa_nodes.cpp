#include "comm/numa_nodes.hpp"

#include <algorithm>
#include <fstream>
#include <sstream>
#include <system_error>

namespace serried::comm {

std::vector<int> parse_cpu_list(const std::string& text) {
  std::vector<int> cpus;
  std::istringstream in(text);
  constexpr int most_cpus = 1 << 20;
  for (int first = 0; in >> first;) {
    int last = first;
    if (in.peek() == '-') {
      in.get();
      if (!(in >> last)) break;
    }
    if (first < 0 || last >= most_cpus) break;
    for (int cpu = first; cpu <= last; ++cpu) cpus.push_back(cpu);
    if (in.peek() != ',') break;
    in.get();
  }
  return cpus;
}

std::vector<int> numa_nodes_of(const std::vector<int>& cpus, const std::filesystem::path& root) {
  std::vector<int> nodes;
  std::error_code error;
  const std::string prefix = "node";
  for (const auto& entry :
       std::filesystem::directory_iterator(root / "sys/devices/system/node", error)) {
    const std::string name = entry.path().filename().string();
    if (name.compare(0, prefix.size(), prefix) != 0) continue;
    int node = -1;
    if (!(std::istringstream(name.substr(prefix.size())) >> node)) continue;
    std::string text;
    std::getline(std::ifstream(entry.path() / "cpulist"), text);
    const std::vector<int> its = parse_cpu_list(text);
    if (std::ranges::any_of(cpus, [&](int cpu) { return std::ranges::binary_search(its, cpu); }))
      nodes.push_back(node);
  }
  std::ranges::sort(nodes);
  return nodes;
}

}  // namespace serried::comm
