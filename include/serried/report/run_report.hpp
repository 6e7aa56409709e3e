#pragma once

#include <string>
#include <vector>

#include "serried/base/recorder.hpp"
#include "serried/comm/runtime.hpp"
#include "serried/context.hpp"

namespace serried {

/// One phase over all ranks.
struct PhaseReport {
  std::string name;
  double mean_s = 0;
  double max_s = 0;
  double imbalance = 0;  ///< max / mean - 1
  double communication_mean_s = 0;
  double file_mean_s = 0;
  std::int64_t communication_bytes = 0;  ///< sum over ranks
  std::int64_t file_bytes = 0;           ///< sum over ranks
};

struct RankReport {
  std::string host;
  std::string cores;
  int threads = 0;
  std::string threads_source;
  std::string instruction_level;
  std::string device;
  std::int64_t peak_memory_bytes = 0;
};

/// What a run did and what bound it; the same on every rank.
struct RunReport {
  std::string version;
  std::string commit;
  std::string mpi_library;
  std::string started_utc;
  double wall_s = 0;
  std::vector<PhaseReport> phases;
  std::vector<RankReport> ranks;
  std::vector<std::pair<std::string, std::string>> facts;
  std::vector<std::string> warnings;
  /// One sentence: communication, computation or files bound the run, and whether more ranks would help.
  std::string verdict;
};

/// Gathers the recorders of all ranks.
/// Collective.
[[nodiscard]] RunReport collect_run_report(const Runtime& runtime, const Context& ctx);

/// The report as text, 100 columns.
/// Local.
[[nodiscard]] std::string to_text(const RunReport& report);

}  // namespace serried
