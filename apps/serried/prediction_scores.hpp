#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "json_numbers.hpp"
#include "serried/ml/metrics.hpp"
#include "serried/report/page.hpp"

namespace serried::app {

/// Scores of predicted responses, by the kind of the model: of numbers (for each response), of
/// probabilities, or of classes. None where there was nothing to compare with.
struct PredictionScores {
  std::vector<std::pair<std::string, RegressionScores>> responses;
  std::optional<BinaryScores> binary;
  std::optional<ClassScores> classes;
};

// Local.
[[nodiscard]] Json scores_json(const PredictionScores& scores, Numbers& numbers);
[[nodiscard]] std::string scores_text(const PredictionScores& scores);
void add_scores(Page& page, const PredictionScores& scores);
/// ROC curve and calibration.
void add_charts(Page& page, const BinaryScores& scores);

}  // namespace serried::app
