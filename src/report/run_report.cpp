#include "serried/report/run_report.hpp"

#include <fmt/chrono.h>

#include <algorithm>
#include <cstring>
#include <ctime>
#include <fstream>
#include <string_view>

#include "serried/base/build_info.hpp"
#include "serried/report/phase_measurement.hpp"
#include "serried/report/verdict.hpp"

namespace serried {
namespace {

struct RankRecord {
  RankReport rank;
  double wall_s = 0;
  std::vector<std::pair<std::string, PhaseTotals>> phases;
  std::vector<std::pair<std::string, std::string>> facts;
  std::vector<std::string> warnings;
};

std::int64_t peak_memory_bytes() {
  std::ifstream status("/proc/self/status");
  std::string word;
  while (status >> word)
    if (word == "VmHWM:") {
      std::int64_t kib = 0;
      return status >> kib ? kib * 1024 : 0;
    }
  return 0;
}

/// What was spent outside any phase has activities but no wall time of its own: it gets what is
/// left.
void give_time_outside_phases(std::vector<std::pair<std::string, PhaseTotals>>& phases,
                              double wall_s) {
  double rest_s = wall_s;
  for (const auto& phase : phases) rest_s -= phase.second.total_s;
  for (auto& phase : phases)
    if (phase.first == "other") phase.second.total_s += std::max(0.0, rest_s);
}

RankRecord this_rank(const Runtime& runtime, const Context& ctx) {
  RankRecord record;
  record.rank = {.host = runtime.host_name(),
                 .cores = runtime.cpu_list(),
                 .threads = ctx.backend()->threads().threads(),
                 .threads_source = runtime.threads_source(),
                 .instruction_level = ctx.backend()->instruction_level(),
                 .device = ctx.has_device() ? ctx.device()->description() : "host",
                 .peak_memory_bytes = peak_memory_bytes()};
  for (const auto& phase : ctx.recorder().phases())
    record.rank.file_bytes += phase.second.file_bytes;
  record.wall_s = ctx.recorder().now_s();
  record.phases = ctx.recorder().phases();
  give_time_outside_phases(record.phases, record.wall_s);
  record.facts = ctx.recorder().facts();
  for (const auto& [severity, text] : ctx.recorder().messages())
    if (severity == Severity::warning) record.warnings.push_back(text);
  return record;
}

/// Both directions of the wire format in one place: `Wire` is Packer or Unpacker.
template <class Wire>
void transfer(Wire& wire, RankRecord& record) {
  RankReport& rank = record.rank;
  wire(rank.host), wire(rank.cores), wire(rank.threads), wire(rank.threads_source);
  wire(rank.instruction_level), wire(rank.device), wire(rank.peak_memory_bytes),
      wire(rank.file_bytes), wire(record.wall_s);
  wire(record.phases, [&](auto& phase) { wire(phase.first), wire(phase.second); });
  wire(record.facts, [&](auto& fact) { wire(fact.first), wire(fact.second); });
  wire(record.warnings, [&](auto& warning) { wire(warning); });
}

struct Packer {
  std::string bytes;
  template <class T>
  void operator()(const T& value) {
    static_assert(std::is_trivially_copyable_v<T>);
    bytes.append(reinterpret_cast<const char*>(&value), sizeof value);
  }
  void operator()(const std::string& text) {
    (*this)(text.size());
    bytes += text;
  }
  template <class T, class F>
  void operator()(std::vector<T>& values, F&& each) {
    (*this)(values.size());
    for (T& value : values) each(value);
  }
};

struct Unpacker {
  std::string_view bytes;
  template <class T>
  void operator()(T& value) {
    static_assert(std::is_trivially_copyable_v<T>);
    std::memcpy(&value, bytes.data(), sizeof value);
    bytes.remove_prefix(sizeof value);
  }
  void operator()(std::string& text) {
    std::size_t size = 0;
    (*this)(size);
    text = bytes.substr(0, size);
    bytes.remove_prefix(size);
  }
  template <class T, class F>
  void operator()(std::vector<T>& values, F&& each) {
    std::size_t size = 0;
    (*this)(size);
    values.resize(size);
    for (T& value : values) each(value);
  }
};

std::vector<RankRecord> gather_records(const Runtime& runtime, const Context& ctx) {
  RankRecord own = this_rank(runtime, ctx);
  Packer packer;
  transfer(packer, own);
  std::vector<RankRecord> records;
  for (const std::string& bytes : ctx.comm().allgather_text(packer.bytes)) {
    Unpacker unpacker{bytes};
    transfer(unpacker, records.emplace_back());
  }
  return records;
}

std::vector<PhaseReport> combine_phases(const std::vector<RankRecord>& records) {
  std::vector<std::string> names;
  for (const RankRecord& record : records)
    for (const auto& phase : record.phases)
      if (std::find(names.begin(), names.end(), phase.first) == names.end())
        names.push_back(phase.first);
  std::vector<PhaseReport> phases;
  for (const std::string& name : names) {
    std::vector<PhaseTotals> totals;
    for (const RankRecord& record : records) {
      const auto found = std::find_if(record.phases.begin(), record.phases.end(),
                                      [&](const auto& phase) { return phase.first == name; });
      totals.push_back(found == record.phases.end() ? PhaseTotals{} : found->second);
    }
    phases.push_back(combine_phase(name, totals));
  }
  return phases;
}

template <class T, class Same>
void add_new(std::vector<T>& all, const std::vector<T>& more, Same same) {
  for (const T& one : more)
    if (std::none_of(all.begin(), all.end(), [&](const T& known) { return same(known, one); }))
      all.push_back(one);
}

}  // namespace

RunReport collect_run_report(const Runtime& runtime, const Context& ctx) {
  const std::vector<RankRecord> records = gather_records(runtime, ctx);
  const BuildInfo build = build_info();
  RunReport report;
  report.version = build.version;
  report.commit = build.commit;
  report.mpi_library = runtime.mpi_library();
  for (const RankRecord& record : records) {
    report.wall_s = std::max(report.wall_s, record.wall_s);
    report.ranks.push_back(record.rank);
    add_new(report.facts, record.facts,
            [](const auto& a, const auto& b) { return a.first == b.first; });
    add_new(report.warnings, record.warnings, [](const auto& a, const auto& b) { return a == b; });
  }
  const auto started = std::time(nullptr) - static_cast<std::time_t>(records.front().wall_s + 0.5);
  report.started_utc =
      ctx.comm().broadcast_text(fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(started)), 0);
  report.phases = combine_phases(records);
  report.verdict = judge_run(report.phases, ctx.size()).sentence;
  return report;
}

}  // namespace serried
