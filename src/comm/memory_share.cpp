#include "comm/memory_share.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdio>
#include <fstream>
#include <string_view>

#include "base/memory_text.hpp"
#include "comm/control_groups.hpp"

namespace serried::comm {
namespace {

namespace fs = std::filesystem;

constexpr std::int64_t mebibyte = std::int64_t{1} << 20;

std::optional<std::int64_t> whole_number(std::string_view text) {
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size() || number < 0 || number > INT32_MAX)
    return std::nullopt;
  return number;
}

/// The node's memory as Slurm has given it to the job, and by which variable.
struct SlurmMemory {
  std::int64_t bytes = NodeMemory::no_limit;
  std::string name;
};

SlurmMemory read_slurm(const NodeMemory& node, std::vector<std::string>& warnings) {
  const auto read = [&](const char* name, const std::optional<std::string>& value) {
    const auto number = value ? whole_number(*value) : std::nullopt;
    if (value && !number)
      warnings.push_back(std::string(name) + "='" + *value + "' is ignored: it is no number");
    return number.value_or(0);
  };
  if (const auto each = read("SLURM_MEM_PER_NODE", node.slurm_mem_per_node); each > 0)
    return {each * mebibyte, "SLURM_MEM_PER_NODE"};
  const auto of_cpu = read("SLURM_MEM_PER_CPU", node.slurm_mem_per_cpu);
  const auto cpus = read("SLURM_CPUS_ON_NODE", node.slurm_cpus_on_node);
  if (of_cpu > 0 && cpus > 0 && of_cpu < NodeMemory::no_limit / mebibyte / cpus)
    return {of_cpu * mebibyte * cpus, "SLURM_MEM_PER_CPU x " + std::to_string(cpus)};
  return {};
}

std::int64_t read_limit(const fs::path& group, bool is_version_2) {
  std::ifstream file(group / (is_version_2 ? "memory.max" : "memory.limit_in_bytes"));
  std::int64_t bytes = 0;  // "max" is no number
  return file >> bytes && bytes > 0 ? bytes : NodeMemory::no_limit;
}

}  // namespace

MemoryShare decide_memory_share(const MemoryLimit& limit, const NodeMemory& node, int ranks) {
  MemoryShare result;
  const std::string of_ranks = ranks > 1 ? " / " + std::to_string(ranks) + " ranks" : "";
  if (limit.bytes > 0) {
    result.bytes = std::max<std::int64_t>(1, limit.bytes / ranks);
    result.source = "option: " + memory_text(limit.bytes) + of_ranks;
    return result;
  }
  const SlurmMemory slurm = read_slurm(node, result.warnings);
  std::int64_t bytes = node.available_bytes;
  std::string name = "available";
  if (node.group_bytes < bytes) bytes = node.group_bytes, name = "the control group's limit";
  if (slurm.bytes < bytes) bytes = slurm.bytes, name = slurm.name;
  if (bytes == NodeMemory::no_limit) {
    result.bytes = bytes;
    result.source = "no limit is known";
    return result;
  }
  const auto share = static_cast<std::int64_t>(static_cast<double>(bytes) * limit.share);
  result.bytes = std::max<std::int64_t>(1, share / ranks);
  std::array<char, 32> percent{};
  std::snprintf(percent.data(), percent.size(), "%.3g %% of ", 100 * limit.share);
  result.source = percent.data() + memory_text(bytes) + " (" + name + ")" + of_ranks;
  return result;
}

NodeMemory read_node_memory(const fs::path& root) {
  NodeMemory node;
  std::ifstream meminfo(root / "proc/meminfo");
  std::string word;
  while (meminfo >> word)
    if (word == "MemAvailable:") {
      std::int64_t kibibytes = 0;
      if (meminfo >> kibibytes) node.available_bytes = kibibytes * 1024;
      break;
    }
  visit_control_groups(root, "memory", [&](const fs::path& group, bool is_version_2) {
    node.group_bytes = std::min(node.group_bytes, read_limit(group, is_version_2));
  });
  return node;
}

}  // namespace serried::comm
