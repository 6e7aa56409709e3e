#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "serried/base/api.hpp"
#include "serried/report/run_report.hpp"

namespace SERRIED_API serried {

/// What the critical path of a run was spent on most.
enum class Bound : std::uint8_t { nothing, computation, communication, files, imbalance };

/// What bound a run, in numbers and in one sentence.
struct Verdict {
  Bound bound = Bound::nothing;
  double computation_share = 0;  ///< of the critical path; the three shares add to 1
  double communication_share = 0;
  double file_share = 0;
  /// The part of the run's time that twice the ranks would save if computation divided evenly and
  /// nothing else changed: an upper bound.
  double saved_by_doubling = 0;
  std::string sentence;
};

/// Judges a run by the shares of its critical path. The largest share is the bound; where
/// computation is, but the busiest rank computed so much more than the mean that waiting for it is
/// more than a quarter of the run, imbalance is. A run of less than 50 ms in its phases has no
/// bound: start-up decides there. Local.
[[nodiscard]] Verdict judge_run(std::span<const PhaseReport> phases, int ranks);

}  // namespace serried
