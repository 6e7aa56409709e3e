#pragma once

#include <optional>
#include <vector>

#include "ml/metrics/scored_rows.hpp"
#include "serried/ml/metrics.hpp"

namespace serried::metrics {

/// The scores of one class, ascending, with what they weigh.
class SortedScores {
 public:
  /// Collective.
  SortedScores(const ScoredRows& rows, const Array& is_of_class);

  [[nodiscard]] std::int64_t size() const { return values_.shape()[0]; }
  [[nodiscard]] const Array& values() const { return values_; }
  /// Of the class's own rows, in the order of the values; none: 1.
  [[nodiscard]] const std::optional<Array>& weights() const { return weights_; }
  /// What the scores weigh in all.
  [[nodiscard]] double total() const { return total_; }
  /// What the `counts` (i64) lowest ones weigh, each: i64 without weights, else f64. Collective.
  [[nodiscard]] Array weight_of_lowest(const Context& ctx, const Array& counts) const;

 private:
  Array values_;
  std::optional<Array> weights_;
  std::optional<Array> running_;
  double total_ = 0;
};

/// Collective. Both have scores.
[[nodiscard]] double area_under_roc(const Context& ctx, const SortedScores& negatives,
                                    const SortedScores& positives);
[[nodiscard]] std::vector<RocPoint> roc_curve(const Context& ctx, const SortedScores& negatives,
                                              const SortedScores& positives, int points);

}  // namespace serried::metrics
