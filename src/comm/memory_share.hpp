#pragma once

#include <cstdint>
#include <filesystem>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "serried/comm/memory_limit.hpp"

namespace serried::comm {

/// What a node offers; unset variables are absent.
struct NodeMemory {
  static constexpr std::int64_t no_limit = std::numeric_limits<std::int64_t>::max();
  std::int64_t available_bytes = no_limit;  ///< MemAvailable
  std::int64_t group_bytes = no_limit;      ///< the least limit of the control groups
  std::optional<std::string> slurm_mem_per_node;
  std::optional<std::string> slurm_mem_per_cpu;
  std::optional<std::string> slurm_cpus_on_node;
};

struct MemoryShare {
  std::int64_t bytes = 0;             ///< of one rank
  std::string source;                 ///< e.g. "60 % of 23.1 GiB available / 2 ranks"
  std::vector<std::string> warnings;  ///< about values that were ignored
};

/// The share of one of `ranks` ranks of a node. Slurm's numbers are MiB, and 0 means all of the
/// node. Worked example: 60 % of a control group of 8 GiB on a node with 20 GiB available, 4 ranks:
/// 1.2 GiB each. Local.
[[nodiscard]] MemoryShare decide_memory_share(const MemoryLimit& limit, const NodeMemory& node,
                                              int ranks);

/// MemAvailable of /proc/meminfo, and memory.max (control groups version 2) and
/// memory.limit_in_bytes (version 1). What cannot be read limits nothing. Local.
/// @param root where proc and the control groups are mounted; "/" but in tests
[[nodiscard]] NodeMemory read_node_memory(const std::filesystem::path& root = "/");

}  // namespace serried::comm
