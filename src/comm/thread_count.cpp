#include "comm/thread_count.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <string_view>

namespace serried::comm {
namespace {

constexpr int most_threads = 4096;

std::string_view trim(std::string_view text) {
  const auto first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

std::optional<int> positive_number(std::string_view text) {
  text = trim(text);
  int number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size() || number < 1 ||
      number > most_threads)
    return std::nullopt;
  return number;
}

bool is_overlapping(const std::vector<int>& a, const std::vector<int>& b) {
  return std::any_of(a.begin(), a.end(),
                     [&](int cpu) { return std::binary_search(b.begin(), b.end(), cpu); });
}

std::string ranks_text(int ranks) {
  return ranks == 1 ? std::string() : " / " + std::to_string(ranks) + " ranks";
}

std::string quota_text(double cpus) {
  char text[32];
  std::snprintf(text, sizeof(text), "%.4g", cpus);
  return text;
}

ThreadCount from_cpus(const ThreadCountInputs& inputs) {
  const RankCpus& own = inputs.node_ranks[static_cast<std::size_t>(inputs.node_rank)];
  int overlapping = 0;
  int sharing = 0;
  for (const RankCpus& other : inputs.node_ranks) {
    overlapping += is_overlapping(own.cpus, other.cpus) ? 1 : 0;
    sharing += std::isfinite(other.quota_cpus) && other.quota_group == own.quota_group ? 1 : 0;
  }
  overlapping = std::max(overlapping, 1);
  const auto cpus = static_cast<int>(own.cpus.size());
  ThreadCount result;
  result.threads = std::max(1, cpus / overlapping);
  result.source = std::to_string(cpus) + (cpus == 1 ? " CPU" : " CPUs") + ranks_text(overlapping);
  if (!std::isfinite(own.quota_cpus)) return result;
  const double share = own.quota_cpus / std::max(sharing, 1);
  if (share < result.threads) {
    result.threads = std::max(1, static_cast<int>(std::floor(share)));
    result.source =
        "quota of " + quota_text(own.quota_cpus) + " CPUs" + ranks_text(std::max(sharing, 1));
  }
  return result;
}

/// Since Slurm 22.05 srun does not take --cpus-per-task from the job, and mpirun never did: then a
/// rank is bound to one core, and the variable still has the job's number.
ThreadCount as_slurm_says(int number, const ThreadCountInputs& inputs,
                          std::vector<std::string> warnings) {
  const auto cpus =
      static_cast<int>(inputs.node_ranks[static_cast<std::size_t>(inputs.node_rank)].cpus.size());
  if (number <= cpus || cpus == 0) return {number, "SLURM_CPUS_PER_TASK", std::move(warnings)};
  const std::string given = std::to_string(number);
  const std::string bound = std::to_string(cpus) + (cpus == 1 ? " CPU" : " CPUs");
  warnings.push_back("SLURM_CPUS_PER_TASK is " + given + ", but a rank is bound to " + bound +
                     " and takes as many threads; srun --cpus-per-task=" + given +
                     ", or mpirun --map-by ...:PE=" + given + ", would give it all");
  return {cpus, "bound to " + bound, std::move(warnings)};
}

}  // namespace

ThreadCount decide_thread_count(const ThreadCountInputs& inputs) {
  if (inputs.option > 0) return {inputs.option, "option", {}};
  std::vector<std::string> warnings;
  const auto warn = [&](const char* name, const std::string& value) {
    warnings.push_back(std::string(name) + "='" + value +
                       "' is ignored: it is no number of threads from 1 to " +
                       std::to_string(most_threads));
  };
  if (inputs.omp_num_threads) {
    // A list such as "4,2" gives the numbers for nested regions; the first is the outermost.
    const std::string_view value = *inputs.omp_num_threads;
    if (const auto number = positive_number(value.substr(0, value.find(','))))
      return {*number, "OMP_NUM_THREADS", std::move(warnings)};
    warn("OMP_NUM_THREADS", *inputs.omp_num_threads);
  }
  if (inputs.slurm_cpus_per_task) {
    if (const auto number = positive_number(*inputs.slurm_cpus_per_task))
      return as_slurm_says(*number, inputs, std::move(warnings));
    warn("SLURM_CPUS_PER_TASK", *inputs.slurm_cpus_per_task);
  }
  ThreadCount result = from_cpus(inputs);
  result.warnings = std::move(warnings);
  return result;
}

std::string cpu_list_text(const std::vector<int>& cpus) {
  std::string text;
  for (std::size_t first = 0; first < cpus.size();) {
    std::size_t last = first;
    while (last + 1 < cpus.size() && cpus[last + 1] == cpus[last] + 1) ++last;
    if (!text.empty()) text += ',';
    text += std::to_string(cpus[first]);
    if (last > first) text += '-' + std::to_string(cpus[last]);
    first = last + 1;
  }
  return text;
}

}  // namespace serried::comm
