#include "serried/report/verdict.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace serried {
namespace {

constexpr double shortest_judged_s = 0.05;
constexpr double notable_imbalance_share = 0.25;

struct CriticalPath {
  double computation_s = 0;
  double communication_s = 0;
  double file_s = 0;
  double waiting_s = 0;  // of the mean rank for the busiest
  std::int64_t file_bytes = 0;
  [[nodiscard]] double total_s() const { return computation_s + communication_s + file_s; }
};

CriticalPath add_up(std::span<const PhaseReport> phases) {
  CriticalPath path;
  for (const PhaseReport& phase : phases) {
    path.computation_s += phase.critical_computation_s;
    path.communication_s += phase.critical_communication_s;
    path.file_s += phase.critical_file_s;
    const double busiest_s = phase.critical_computation_s + phase.critical_file_s;
    path.waiting_s += busiest_s - busiest_s / (1 + phase.imbalance);
    path.file_bytes += phase.file_bytes;
  }
  return path;
}

std::string advice(const Verdict& verdict, const CriticalPath& path, int ranks) {
  const double percent = 100 * verdict.saved_by_doubling;
  switch (verdict.bound) {
    case Bound::computation:
      return fmt::format(
          "more ranks would have helped, if they have cores of their own: twice as many save at "
          "most {:.0f} % of the time",
          percent);
    case Bound::communication:
      return ranks > 1 ? "more ranks would not have helped: fewer may be as fast"
                       : "more ranks would not have helped";
    case Bound::files:
      return fmt::format(
          "more ranks would have helped only where they reach more file bandwidth (now {:.2f} "
          "GB/s)",
          static_cast<double>(path.file_bytes) / 1e9 / path.file_s);
    case Bound::imbalance:
      return fmt::format(
          "ranks waited {:.0f} % of the time for the busiest one, which more ranks would not have "
          "helped",
          100 * path.waiting_s / path.total_s());
    case Bound::nothing:
      break;
  }
  return "";
}

}  // namespace

Verdict judge_run(std::span<const PhaseReport> phases, int ranks) {
  const CriticalPath path = add_up(phases);
  Verdict verdict;
  const double total_s = path.total_s();
  if (total_s > 0) {
    verdict.computation_share = path.computation_s / total_s;
    verdict.communication_share = path.communication_s / total_s;
    verdict.file_share = path.file_s / total_s;
    verdict.saved_by_doubling = verdict.computation_share / 2;
  }
  if (total_s < shortest_judged_s) {
    verdict.sentence = fmt::format(
        "Nothing bound this run: its work took {:.0f} ms, so more ranks would not have helped.",
        1e3 * total_s);
    return verdict;
  }
  const double largest = std::max({path.computation_s, path.communication_s, path.file_s});
  if (largest == path.computation_s) {
    verdict.bound = Bound::computation;
    if (path.waiting_s > notable_imbalance_share * total_s) verdict.bound = Bound::imbalance;
  } else if (largest == path.file_s) {
    verdict.bound = Bound::files;
  } else {
    verdict.bound = Bound::communication;
  }
  const char* subject = verdict.bound == Bound::files           ? "Files"
                        : verdict.bound == Bound::communication ? "Communication"
                        : verdict.bound == Bound::imbalance     ? "Uneven computation"
                                                                : "Computation";
  verdict.sentence = fmt::format(
      "{} bound this run (critical path: computation {:.0f} %, communication {:.0f} %, files "
      "{:.0f} %); {}.",
      subject, 100 * verdict.computation_share, 100 * verdict.communication_share,
      100 * verdict.file_share, advice(verdict, path, ranks));
  return verdict;
}

}  // namespace serried
