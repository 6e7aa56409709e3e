#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace serried::comm {

/// The NUMA nodes that the CPUs belong to, ascending; empty where the system does not say.
/// Local.
/// @param root where sys is mounted; "/" but in tests
[[nodiscard]] std::vector<int> numa_nodes_of(const std::vector<int>& cpus,
                                             const std::filesystem::path& root = "/");

/// A list of CPUs as Linux writes it: "0-2,5" -> {0, 1, 2, 5}; what is no number ends it. Local.
[[nodiscard]] std::vector<int> parse_cpu_list(const std::string& text);

}  // namespace serried::comm
