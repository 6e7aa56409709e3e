#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "report/rank_rows.hpp"
#include "serried/report/run_report.hpp"

namespace serried {
namespace {

constexpr std::size_t line_columns = 100;

std::string seconds_text(double seconds) {
  return seconds < 100 ? fmt::format("{:.3f}", seconds) : fmt::format("{:.1f}", seconds);
}

/// Bytes per second that one rank's mean time in the activity gave for all ranks together.
std::string rate_text(std::int64_t bytes, double seconds) {
  if (bytes == 0 || seconds <= 0) return "-";
  return fmt::format("{:.2f}", static_cast<double>(bytes) / 1e9 / seconds);
}

/// Breaks a sentence into lines of at most 100 columns; the first begins with `head`.
std::string wrapped(const std::string& head, const std::string& text) {
  const std::string indent(head.size(), ' ');
  std::string result;
  std::string line = head;
  std::size_t begin = 0;
  while (begin < text.size()) {
    const std::size_t end = std::min(text.find(' ', begin), text.size());
    const std::string word = text.substr(begin, end - begin);
    if (line.size() > indent.size() && line.size() + 1 + word.size() > line_columns) {
      result += line + '\n';
      line = indent;
    }
    if (line.size() > indent.size()) line += ' ';
    line += word;
    begin = end + 1;
  }
  return result + line + '\n';
}

std::string phase_table(const RunReport& report) {
  std::string text =
      fmt::format("{:<12}{:>10}{:>10}{:>11}{:>10}{:>10}{:>8}{:>10}{:>10}{:>8}\n", "phase", "mean s",
                  "max s", "imbalance", "MPI s", "through", "GB/s", "files s", "through", "GB/s");
  for (const PhaseReport& phase : report.phases)
    text += fmt::format("{:<12}{:>10}{:>10}{:>9.0f} %{:>10}{:>10}{:>8}{:>10}{:>10}{:>8}\n",
                        phase.name, seconds_text(phase.mean_s), seconds_text(phase.max_s),
                        100 * phase.imbalance, seconds_text(phase.communication_mean_s),
                        bytes_to_text(phase.communication_bytes),
                        rate_text(phase.communication_bytes, phase.communication_mean_s),
                        seconds_text(phase.file_mean_s), bytes_to_text(phase.file_bytes),
                        rate_text(phase.file_bytes, phase.file_mean_s));
  return text;
}

}  // namespace

std::string ranks_to_text(std::span<const RankReport> ranks) {
  using Cells = std::array<std::string, 8>;
  std::vector<Cells> lines = {
      {"ranks", "host", "cores", "threads", "instructions", "device", "peak memory", "files"}};
  for (const RankRow& row : fold_ranks(ranks))
    lines.push_back({row.ranks, row.hosts, row.cores, row.threads, row.instruction_level,
                     row.device, row.peak_memory, row.file_bytes});
  std::string text;
  for (const Cells& line : lines) {
    std::string row;
    for (std::size_t i = 0; i < line.size(); ++i) {
      std::size_t width = 0;
      for (const Cells& other : lines) width = std::max(width, other[i].size());
      row += fmt::format("{:<{}}  ", line[i], width);
    }
    row.erase(row.find_last_not_of(' ') + 1);
    text += row + '\n';
  }
  return text;
}

std::string to_text(const RunReport& report) {
  std::string text =
      fmt::format("Serried {} ({}), {}\nstarted {}, {} {}, {} s\n\n", report.version, report.commit,
                  report.mpi_library, report.started_utc, report.ranks.size(),
                  report.ranks.size() == 1 ? "rank" : "ranks", seconds_text(report.wall_s));
  text += phase_table(report) + '\n' + ranks_to_text(report.ranks) + '\n';
  for (const auto& [key, value] : report.facts) text += wrapped(key + ": ", value);
  for (const std::string& warning : report.warnings) text += wrapped("warning: ", warning);
  if (!report.facts.empty() || !report.warnings.empty()) text += '\n';
  return text + wrapped("", report.verdict);
}

}  // namespace serried
