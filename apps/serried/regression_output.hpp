#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "prediction_scores.hpp"
#include "serried/ml/glm.hpp"
#include "serried/ml/linear.hpp"
#include "serried/ml/regression_file.hpp"
#include "serried/ml/softmax.hpp"
#include "session.hpp"
#include "text_output.hpp"

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
  std::optional<PredictionScores> scores;
};

[[nodiscard]] std::string to_json(const GlmModel& model, const Seconds& seconds);
[[nodiscard]] std::string to_json(const LinearModel& model, const Seconds& seconds);
[[nodiscard]] std::string to_json(const SoftmaxModel& model, const Seconds& seconds);
[[nodiscard]] std::string to_json(const PredictionResult& result, const Seconds& seconds);
[[nodiscard]] std::string to_text(const PredictionResult& result);

Page& fill_page(const Session& session, const GlmCommand& command, const GlmModel& model);
Page& fill_page(const Session& session, const LinearCommand& command, const LinearModel& model);
Page& fill_page(const Session& session, const SoftmaxCommand& command, const SoftmaxModel& model);
void fill_page(const Session& session, const PredictionResult& result);

/// Writes the model, where that is wanted, prints it, and fills the page, `add_more` last.
/// Collective.
template <class C, class M>
void finish_fit(const Session& session, const C& command, const M& model,
                const std::vector<std::string>& files, const std::string& more_text = {},
                const std::function<void(Page&)>& add_more = nullptr) {
  if (!command.model_path.empty()) {
    const auto phase = session.ctx.recorder().phase("write");
    FileWriter writer(session.ctx, command.model_path);
    write_model(writer, model, provenance_of(session, files, ""));
    writer.commit();
  }
  const Seconds seconds = measure_seconds(session, {"read", "fit", "write"});
  std::string text;
  if (session.common().is_json) {
    text = to_json(model, seconds);
  } else {
    text = summary(model);
    if (!command.model_path.empty()) text += "\n  model: " + command.model_path + '\n';
    text += more_text + '\n' + to_text(seconds);
  }
  print_result(session, text);
  if (!session.extras.has_page()) return;
  Page& page = fill_page(session, command, model);
  if (add_more) add_more(page);
}

}  // namespace serried::app
