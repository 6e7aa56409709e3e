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
  /// Steps between two analyses of the fields in memory; 0: none.
  std::int64_t in_situ = 0;
  std::int64_t clusters = 4;  ///< of k-means in such an analysis
  std::int64_t bins = 20;     ///< of its histograms
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

/// A file that stands for all snapshots: the pattern without the number of the step and with
/// another ending: "run_%06d.h5", ".xmf" -> "run.xmf". Local.
[[nodiscard]] std::string series_path(const std::string& pattern, const std::string& ending);

}  // namespace gray_scott
