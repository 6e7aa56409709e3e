#include "report/page/run_part.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "report/page/html.hpp"
#include "report/picture/color_map.hpp"
#include "report/rank_rows.hpp"

namespace serried::page {
namespace {

using Cell = PageTable::Cell;

/// A dot on a line from the lower to the upper bound, and a dashed one where 0 is.
std::string interval_html(const Cell& cell) {
  const auto part = [](double share) {
    return fmt::format("{:.1f}%", 100 * std::clamp(share, 0., 1.));
  };
  const PageTable::Interval& interval = *cell.interval;
  const double length = std::clamp(interval.high, 0., 1.) - std::clamp(interval.low, 0., 1.);
  return fmt::format(
      "<td class=\"interval\"><div role=\"img\" aria-label=\"{}\">{}"
      "<i style=\"left:{};width:{}\"></i><b style=\"left:{}\"></b></div></td>",
      escaped(cell.text),
      interval.zero ? fmt::format("<s style=\"left:{}\"></s>", part(*interval.zero)) : "",
      part(interval.low), part(length), part(interval.middle));
}

std::string seconds_text(double seconds) {
  return seconds < 100 ? fmt::format("{:.3f}", seconds) : fmt::format("{:.1f}", seconds);
}

std::string rate_text(std::int64_t bytes, double seconds) {
  if (bytes == 0 || seconds <= 0) return "\u2013";
  return fmt::format("{:.2f}", static_cast<double>(bytes) / 1e9 / seconds);
}

/// One line of a phase: computation, MPI and files of the mean rank, out of the longest phase.
std::string phase_line(const PhaseReport& phase, double longest_s) {
  const double files_s = std::min(phase.file_mean_s, phase.mean_s);
  const double mpi_s = std::min(phase.communication_mean_s, phase.mean_s - files_s);
  const auto piece = [&](const char* name, double seconds) {
    return fmt::format("<span class=\"{}\" style=\"width:{:.2f}%\"></span>", name,
                       longest_s > 0 ? 100 * std::max(0., seconds) / longest_s : 0.);
  };
  return fmt::format("<div>{}</div><div class=\"track\">{}{}{}</div><div class=\"time\">{} s</div>",
                     escaped(phase.name), piece("compute", phase.mean_s - files_s - mpi_s),
                     piece("mpi", mpi_s), piece("files", files_s), seconds_text(phase.mean_s));
}

std::string phase_bars(const RunReport& run) {
  double longest_s = 0;
  for (const PhaseReport& phase : run.phases) longest_s = std::max(longest_s, phase.mean_s);
  std::string html = "<div class=\"phases\">";
  for (const PhaseReport& phase : run.phases) html += phase_line(phase, longest_s);
  return html +
         "</div><div class=\"key\"><span class=\"chip\"><i class=\"compute\"></i>computation</span>"
         "<span class=\"chip\"><i class=\"mpi\"></i>MPI, waiting included</span>"
         "<span class=\"chip\"><i class=\"files\"></i>files</span></div>";
}

PageTable phase_table(const RunReport& run) {
  PageTable table{.header = {"phase", "mean s", "max s", "imbalance", "MPI s", "through MPI",
                             "GB/s", "files s", "through files", "GB/s"}};
  for (const PhaseReport& phase : run.phases)
    table.rows.push_back({{phase.name},
                          {seconds_text(phase.mean_s)},
                          {seconds_text(phase.max_s)},
                          {fmt::format("{:.0f} %", 100 * phase.imbalance)},
                          {seconds_text(phase.communication_mean_s)},
                          {bytes_to_text(phase.communication_bytes)},
                          {rate_text(phase.communication_bytes, phase.communication_mean_s)},
                          {seconds_text(phase.file_mean_s)},
                          {bytes_to_text(phase.file_bytes)},
                          {rate_text(phase.file_bytes, phase.file_mean_s)}});
  return table;
}

PageTable rank_table(const RunReport& run) {
  PageTable table{.header = {"ranks", "host", "cores", "threads", "instructions", "device",
                             "peak memory", "files"}};
  for (const RankRow& row : fold_ranks(run.ranks))
    table.rows.push_back({{row.ranks},
                          {row.hosts},
                          {row.cores},
                          {row.threads},
                          {row.instruction_level},
                          {row.device},
                          {row.peak_memory},
                          {row.file_bytes}});
  return table;
}

}  // namespace

std::string table_html(const PageTable& table, const std::string& caption) {
  std::string html;
  if (!caption.empty()) html += fmt::format("<p class=\"caption\">{}</p>", escaped(caption));
  html += "<div class=\"scroll\"><table>";
  html += "<thead><tr>";
  for (const std::string& text : table.header) html += fmt::format("<th>{}</th>", escaped(text));
  html += "</tr></thead><tbody>";
  for (const auto& row : table.rows) {
    html += "<tr>";
    for (const Cell& cell : row) {
      if (cell.interval) {
        html += interval_html(cell);
        continue;
      }
      html += cell.bar ? fmt::format("<td class=\"share\" style=\"--part:{:.1f}%\">",
                                     100 * std::clamp(*cell.bar, 0., 1.))
                       : std::string("<td>");
      if (cell.label_color)
        html += fmt::format("<i class=\"patch\" style=\"background:{}\"></i>",
                            picture::to_hex(picture::label_color(*cell.label_color)));
      html += escaped(cell.text) + "</td>";
    }
    html += "</tr>";
  }
  return html + "</tbody></table></div>\n";
}

std::string facts_html(const std::vector<std::pair<std::string, std::string>>& facts) {
  if (facts.empty()) return {};
  std::string html = "<dl>";
  for (const auto& [name, value] : facts)
    html += fmt::format("<dt>{}</dt><dd>{}</dd>", escaped(name), escaped(value));
  return html + "</dl>\n";
}

std::string warnings_part(const RunReport& run) {
  if (run.warnings.empty()) return {};
  std::string html = "<div class=\"warnings\">";
  for (const std::string& warning : run.warnings)
    html += fmt::format("<p><b>Warning:</b> {}</p>", escaped(warning));
  return html + "</div>\n";
}

std::string run_part(const RunReport& run, const PageProvenance& provenance) {
  std::int64_t file_bytes = 0;
  std::int64_t communication_bytes = 0;
  for (const PhaseReport& phase : run.phases) {
    file_bytes += phase.file_bytes;
    communication_bytes += phase.communication_bytes;
  }
  std::string html = "<h2>The run</h2>\n";
  html += fmt::format("<p class=\"verdict\">{}</p>\n", escaped(run.verdict));
  html += fmt::format(
      "<p>{} {}, {} s from start to report; {} through MPI, {} through files.</p>\n",
      run.ranks.size(), run.ranks.size() == 1 ? "rank" : "ranks", seconds_text(run.wall_s),
      bytes_to_text(communication_bytes), bytes_to_text(file_bytes));
  html += phase_bars(run);
  html += table_html(phase_table(run),
                     "Phases: means and sums over all ranks; imbalance is how much longer "
                     "the busiest rank worked than the mean");
  html += table_html(rank_table(run), "Where the ranks ran");
  html += facts_html(run.facts);
  html += "<h2>Where this comes from</h2>\n";
  html += fmt::format("<pre>{}</pre>\n", escaped(provenance.command_line));
  std::string inputs;
  constexpr std::size_t most = 50;
  for (std::size_t i = 0; i < std::min(most, provenance.inputs.size()); ++i)
    inputs += (i == 0 ? "" : ", ") + provenance.inputs[i];
  if (provenance.inputs.size() > most)
    inputs += fmt::format(" and {} more", provenance.inputs.size() - most);
  std::vector<std::pair<std::string, std::string>> facts = {
      {"started", run.started_utc},
      {"folder", provenance.working_folder},
      {"input files", inputs},
      {"seed", provenance.seed},
      {"Serried", fmt::format("{} ({}), {}", run.version, run.commit, provenance.configuration)},
      {"MPI", run.mpi_library},
      {"HDF5", provenance.hdf5_library}};
  std::erase_if(facts, [](const auto& fact) { return fact.second.empty(); });
  return html + facts_html(facts);
}

}  // namespace serried::page
