// Variables of the environment that decide on threads, memory and the instruction level. Lines are
// their values.
#include <sstream>

#include "backend/host/simd_target.hpp"
#include "comm/memory_share.hpp"
#include "comm/thread_count.hpp"
#include "fuzz_target.hpp"
#include "serried/base/error.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace serried;
  std::istringstream lines{std::string(fuzz::text_of(data, size))};
  const auto next = [&lines]() -> std::optional<std::string> {
    std::string line;
    if (!std::getline(lines, line)) return std::nullopt;
    return line;
  };
  comm::ThreadCountInputs inputs;
  inputs.omp_num_threads = next();
  inputs.slurm_cpus_per_task = next();
  inputs.node_ranks = {{{0, 1, 2, 5}, 1.5, 7}, {{1, 2}, comm::RankCpus::no_quota, 0}};
  const comm::ThreadCount threads = comm::decide_thread_count(inputs);
  fuzz::require(threads.threads >= 1 && threads.threads <= 4096, "threads");

  comm::NodeMemory node;
  node.slurm_mem_per_node = next();
  node.slurm_mem_per_cpu = next();
  node.slurm_cpus_on_node = next();
  for (const std::int64_t available : {comm::NodeMemory::no_limit, std::int64_t{1} << 34}) {
    node.available_bytes = available;
    const comm::MemoryShare share = comm::decide_memory_share({}, node, 3);
    fuzz::require(share.bytes >= 1, "memory");
  }
  const auto level = next();
  if (!level || level->find('\0') != std::string::npos) return 0;
  ::setenv("SERRIED_TARGET", level->c_str(), 1);
  try {
    host::choose_simd_target();
  } catch (const InvalidArgument&) {
    // no such level
  }
  return 0;
}
