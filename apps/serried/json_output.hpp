#pragma once

#include <string>
#include <utility>
#include <vector>

#include "serried/io/file_info.hpp"
#include "serried/ml/kmeans_range.hpp"
#include "serried/report/run_report.hpp"
#include "verb_results.hpp"

namespace serried::app {

// One JSON object each, with a line feed. NaN and Inf are null, and `nonfinite_count` beside them
// says how many numbers of that object are; floats have the digits that give the same bits back.
// Local.

[[nodiscard]] std::string to_json(const std::vector<FileInfo>& files, const Seconds& seconds);
[[nodiscard]] std::string to_json(const ProgramInfo& info, const Seconds& seconds);
[[nodiscard]] std::string to_json(const std::vector<StatsResult>& results, const Seconds& seconds);
[[nodiscard]] std::string to_json(const HistogramResult& result, const Seconds& seconds);
/// Arrays are lists in lists, complex numbers objects of `re` and `im`.
[[nodiscard]] std::string to_json(const std::vector<ReduceResult>& results, const Seconds& seconds);
[[nodiscard]] std::string to_json(const std::vector<EvalResult>& results, const Seconds& seconds);
[[nodiscard]] std::string to_json(const SelectResult& result, const Seconds& seconds);
[[nodiscard]] std::string to_json(const SortResult& result, const Seconds& seconds);
[[nodiscard]] std::string to_json(const UniqueResult& result, const Seconds& seconds);
[[nodiscard]] std::string to_json(const KMeansModel& model, const Seconds& seconds);
[[nodiscard]] std::string to_json(const KMeansRange& range, const Seconds& seconds);
[[nodiscard]] std::string to_json(const KMeansModel& model,
                                  const KMeansPredictionSummary& prediction,
                                  const Seconds& seconds);

}  // namespace serried::app
