#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "serried/base/api.hpp"
#include "serried/comm/runtime.hpp"
#include "serried/context.hpp"

namespace SERRIED_API serried {

/// One phase over all ranks. The critical path runs through the rank that worked longest outside
/// MPI; what the other ranks spend in MPI meanwhile is waiting.
struct PhaseReport {
  std::string name;
  double mean_s = 0;                ///< wall time, mean over ranks
  double max_s = 0;                 ///< wall time of the slowest rank
  double imbalance = 0;             ///< max / mean - 1 of the time outside MPI; 0: all ranks alike
  double communication_mean_s = 0;  ///< inside MPI, waiting included, mean over ranks
  double file_mean_s = 0;           ///< reading and writing files, mean over ranks
  double critical_communication_s = 0;   ///< on the critical path: inside MPI
  double critical_file_s = 0;            ///< on the critical path: files
  double critical_computation_s = 0;     ///< on the critical path: the rest
  std::int64_t communication_bytes = 0;  ///< sum over ranks
  std::int64_t file_bytes = 0;           ///< sum over ranks
};

/// One rank: where it ran and with what.
struct RankReport {
  std::string host;
  std::string cores;
  int threads = 0;
  std::string threads_source;
  std::string instruction_level;
  std::string device;
  std::int64_t peak_memory_bytes = 0;  ///< of the process (VmHWM); 0 where the system does not tell
  std::int64_t file_bytes = 0;         ///< read from and written to files by this rank
};

/// What a run did and what bound it; the same on every rank.
struct RunReport {
  std::string version;
  std::string commit;
  std::string mpi_library;
  std::string started_utc;
  double wall_s = 0;  ///< of the slowest rank, since its recorder was made
  std::vector<PhaseReport> phases;
  std::vector<RankReport> ranks;
  std::vector<std::pair<std::string, std::string>> facts;
  std::vector<std::string> warnings;
  /// One sentence: communication, computation or files bound the run, and whether more ranks would
  /// help.
  std::string verdict;
};

/// Gathers the recorders of all ranks. Facts and warnings that several ranks know stand once, in
/// the words of the lowest rank. Collective. Communication: one allgather of about 1 KiB from each
/// rank.
[[nodiscard]] RunReport collect_run_report(const Runtime& runtime, const Context& ctx);

/// The report as text, 100 columns. Ranks that differ only in cores and memory share a row.
/// Local.
[[nodiscard]] std::string to_text(const RunReport& report);

/// The report's table of ranks alone.
/// Local.
[[nodiscard]] std::string ranks_to_text(std::span<const RankReport> ranks);

}  // namespace serried
