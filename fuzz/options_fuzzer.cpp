// The values of the command's options: numbers, memory sizes, ranges, axes, outputs. The first byte
// says which: '0' is the first case, ':' the last.
#include <cmath>

#include "command_options.hpp"
#include "fuzz_target.hpp"
#include "serried/base/error.hpp"

namespace {

using namespace serried;
using namespace serried::app;

constexpr int kinds = 11;

void parse(int kind, const std::string& text) {
  switch (kind) {
    case 0: {
      const MemoryLimit limit = parse_memory("--memory", text);
      fuzz::require(limit.bytes >= 0 && limit.share > 0 && limit.share <= 1, "memory");
      return;
    }
    case 1:
      return fuzz::require(parse_count("--bins", text, 1) >= 1, "count");
    case 2:
      return static_cast<void>(parse_seed("--seed", text));
    case 3:
      return fuzz::require(parse_non_negative("--tolerance", text) >= 0, "tolerance");
    case 4: {
      const auto [low, high] = parse_range("--range", text);
      return fuzz::require(std::isfinite(low) && std::isfinite(high) && low <= high, "range");
    }
    case 5: {
      const auto range = parse_cluster_range("--clusters", text);
      return fuzz::require(
          !range || (range->lowest >= 1 && range->lowest <= range->highest && range->step >= 1),
          "range of clusters");
    }
    case 6: {
      const SampleAxes samples = parse_sample_axes("--sample-axes", text);
      return fuzz::require(samples.kind == SampleAxes::Kind::all ||
                               (!samples.axes.empty() && samples.axes.size() <= 16),
                           "axes");
    }
    case 7: {
      const OutputAddress output = parse_output("--labels", text);
      return fuzz::require(
          !output.path.empty() && output.object.size() > 1 && output.object.front() == '/',
          "output");
    }
    case 8:
      return static_cast<void>(parse_init_name("--init", text));
    case 9:
      return static_cast<void>(parse_file_check("--untrusted", text));
    default: {
      CheckpointWishes wishes;
      parse_every("--checkpoint-every", text, wishes);
      fuzz::require((wishes.every_iterations > 0) != (wishes.every_s > 0), "how often");
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  try {
    parse((data[0] + 5 * kinds - '0') % kinds, std::string(fuzz::text_of(data + 1, size - 1)));
  } catch (const InvalidArgument&) {
    // what is wrong usage to a person
  }
  return 0;
}
