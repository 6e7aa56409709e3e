#include "serried/report/phase_measurement.hpp"

#include <algorithm>

namespace serried {
namespace {

double outside_mpi_s(const PhaseTotals& totals) {
  return std::max(0.0, totals.total_s - totals.communication_s);
}

}  // namespace

PhaseReport combine_phase(const std::string& name, std::span<const PhaseTotals> totals) {
  PhaseReport phase;
  phase.name = name;
  const double ranks = static_cast<double>(totals.size());
  double sum_outside = 0;
  const PhaseTotals* busiest = nullptr;
  for (const PhaseTotals& rank : totals) {
    phase.mean_s += rank.total_s / ranks;
    phase.max_s = std::max(phase.max_s, rank.total_s);
    phase.communication_mean_s += rank.communication_s / ranks;
    phase.file_mean_s += rank.file_s / ranks;
    phase.communication_bytes += rank.communication_bytes;
    phase.file_bytes += rank.file_bytes;
    sum_outside += outside_mpi_s(rank);
    if (busiest == nullptr || outside_mpi_s(rank) > outside_mpi_s(*busiest)) busiest = &rank;
  }
  if (sum_outside > 0)
    phase.imbalance = std::max(0.0, outside_mpi_s(*busiest) * ranks / sum_outside - 1);
  // A reading thread may work beside the others: its time counts as files only as far as it fits
  // in.
  phase.critical_communication_s = std::min(busiest->communication_s, busiest->total_s);
  phase.critical_file_s = std::min(busiest->file_s, outside_mpi_s(*busiest));
  phase.critical_computation_s = outside_mpi_s(*busiest) - phase.critical_file_s;
  return phase;
}

}  // namespace serried
