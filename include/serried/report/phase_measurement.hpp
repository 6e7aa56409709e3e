#pragma once

#include <span>
#include <string>

#include "serried/base/api.hpp"
#include "serried/base/recorder.hpp"
#include "serried/report/run_report.hpp"

namespace SERRIED_API serried {

/// One phase over all ranks, from each rank's own totals.
///
/// Worked example: two ranks spend 10 s each in a phase; rank 0 is 1 s inside MPI and 2 s in files,
/// rank 1 is 5 s inside MPI and 1 s in files. Outside MPI they worked 9 s and 5 s, the mean is 7 s,
/// so the imbalance is 9 / 7 - 1 = 0.29; the critical path is rank 0: 1 s communication, 2 s files,
/// 7 s computation. Local.
/// @param totals one entry for each rank; zeros where a rank did not enter the phase. At least one.
[[nodiscard]] PhaseReport combine_phase(const std::string& name,
                                        std::span<const PhaseTotals> totals);

}  // namespace serried
