#pragma once

#include <string>
#include <vector>

#include "serried/ml/glm.hpp"
#include "serried/ml/linear.hpp"
#include "serried/ml/softmax.hpp"
#include "session.hpp"

namespace serried::app {

// What is printed of regressions, and their pages. Of pages: Collective; else Local.

/// Predicted rows.
struct PredictionResult {
  std::string model_path;
  std::string kind;  ///< "glm", "linear", "softmax"
  std::vector<Address> addresses;
  std::string output;  ///< empty: none
  Shape sample_shape;
  std::int64_t rows = 0;
  std::int64_t columns = 0;
  std::vector<std::string> targets;  ///< of softmax: the classes
  std::vector<double> means;         ///< of the predicted means, by target; NaN left out
  std::int64_t missing = 0;          ///< rows with NaN
};

[[nodiscard]] std::string to_json(const GlmModel& model, const Seconds& seconds);
[[nodiscard]] std::string to_json(const LinearModel& model, const Seconds& seconds);
[[nodiscard]] std::string to_json(const SoftmaxModel& model, const Seconds& seconds);
[[nodiscard]] std::string to_json(const PredictionResult& result, const Seconds& seconds);
[[nodiscard]] std::string to_text(const PredictionResult& result);

void fill_page(const Session& session, const GlmCommand& command, const GlmModel& model);
void fill_page(const Session& session, const LinearCommand& command, const LinearModel& model);
void fill_page(const Session& session, const SoftmaxCommand& command, const SoftmaxModel& model);
void fill_page(const Session& session, const PredictionResult& result);

}  // namespace serried::app
