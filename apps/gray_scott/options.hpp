#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "parameters.hpp"

namespace gray_scott {

struct Options {
  Parameters parameters;
  std::int64_t steps = 2000;
  /// Steps between two snapshots; 0: only the last state is written.
  std::int64_t every = 0;
  /// Name of the snapshots; `%d` (or `%06d`) stands for the number of the step. With `every`, a
  /// name without it gets `_%06d` before its extension.
  std::string output = "gray_scott.h5";
};

/// What the command line asks for; or the exit code, where it asks for help or is wrong: then the
/// text has been printed if `is_printing`. Local.
struct ParsedOptions {
  std::optional<Options> options;
  int exit_code = 0;
};
[[nodiscard]] ParsedOptions parse_options(int argc, char** argv, bool is_printing);

/// The file of the snapshot at a step.
/// Local.
[[nodiscard]] std::string snapshot_path(const std::string& pattern, std::int64_t step);

}  // namespace gray_scott
