#pragma once

#include <string>
#include <vector>

#include "serried/io/file_info.hpp"
#include "serried/ml/kmeans_range.hpp"
#include "verb_results.hpp"

namespace serried::app {

// Results for people: aligned tables of at most 100 columns where the data allow. Local.

[[nodiscard]] std::string to_text(const FileInfo& file);
[[nodiscard]] std::string to_text(const ProgramInfo& info);
[[nodiscard]] std::string to_text(const StatsResult& result);
/// A line for each bin of one dataset; of two what there is to say of all bins.
[[nodiscard]] std::string to_text(const HistogramResult& result);
[[nodiscard]] std::string to_text(const std::vector<ReduceResult>& results);
[[nodiscard]] std::string to_text(const std::vector<EvalResult>& results);
[[nodiscard]] std::string to_text(const SelectResult& result);
[[nodiscard]] std::string to_text(const SortResult& result);
[[nodiscard]] std::string to_text(const UniqueResult& result);
[[nodiscard]] std::string clusters_text(const KMeansModel& model,
                                        const std::vector<std::int64_t>& sizes,
                                        std::int64_t rows_used);
/// The scores of all numbers of clusters, and which is best.
[[nodiscard]] std::string to_text(const KMeansRange& range);
[[nodiscard]] std::string to_text(const Seconds& seconds);

}  // namespace serried::app
