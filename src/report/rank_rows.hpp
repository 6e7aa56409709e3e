#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "serried/report/run_report.hpp"

namespace serried {

/// One line of the report's table of ranks: a rank, or several that are alike.
struct RankRow {
  std::string ranks;  ///< "3" or "0-63"
  std::string hosts;  ///< "n01", or "n01 .. n16 (16 hosts)"
  std::string cores;  ///< "0-1", or the union of the ranks' lists
  std::string threads;
  std::string instruction_level;
  std::string device;
  std::string peak_memory;  ///< "1.25 GB", or "1.2 - 1.4 GB"
  std::string file_bytes;   ///< the same for bytes through files
};

/// Folds consecutive ranks of one host that are alike but for cores and memory into one row; where
/// that leaves more than `max_rows` rows, consecutive hosts are folded as well. Local.
[[nodiscard]] std::vector<RankRow> fold_ranks(std::span<const RankReport> ranks,
                                              std::size_t max_rows = 24);

/// "0 B", "1.25 kB", "999 MB": three digits and a decimal unit.
/// Local.
[[nodiscard]] std::string bytes_to_text(std::int64_t bytes);

/// The union of lists like "0-3,8", in the same form.
/// Local. Entries that are no such list are left out.
[[nodiscard]] std::string unite_cpu_lists(std::span<const std::string> lists);

}  // namespace serried
