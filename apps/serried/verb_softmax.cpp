#include "output_check.hpp"
#include "regression_inputs.hpp"
#include "regression_output.hpp"

namespace serried::app {

void run_softmax(const Session& session, const SoftmaxCommand& command) {
  const Context& ctx = session.ctx;
  RegressionInputs inputs = [&] {
    const auto phase = ctx.recorder().phase("read");
    return open_columns(session, command.x, command.samples);
  }();
  const Dataset y = open_beside(session, inputs, "--y", command.y);
  const auto weights = open_beside(session, inputs, "--weights", command.weights);
  std::vector<std::string> outputs;
  if (!command.model_path.empty()) {
    session.outputs.add(check_output(ctx, command.model_path, inputs.files, 0));
    outputs.push_back(command.model_path);
  }
  session.extras.claim(ctx, inputs.files, outputs);
  // sums of some leaves at once, of which each may be half the size of Newton's matrix
  const std::int64_t beside =
      bytes_by_row(session, inputs.x, (weights ? 2 : 1) + (session.extras.has_page() ? 40 : 0)) +
      (std::int64_t{64} << 20);
  const std::unique_ptr<TileSource> x = hold_columns(session, inputs.x, beside);
  SoftmaxOptions options = command.options;
  options.column_names = inputs.column_names;
  if (weights) options.weights = &*weights;
  const SoftmaxModel model = fit_softmax(ctx, *x, y, options);
  if (!model.converged)
    ctx.recorder().say(Severity::warning, "the fit has not converged: " + model.message);
  PredictionScores scores;
  if (session.extras.has_page()) {
    const auto phase = ctx.recorder().phase("report");
    const SoftmaxPrediction prediction = predict_softmax(ctx, model, *x);
    std::optional<Array> by_row;
    if (weights) by_row = read_array(ctx, *weights, "--weights");
    scores.classes = score_classes(ctx, read_array(ctx, y, "--y"), prediction.classes,
                                   {.weights = by_row ? &*by_row : nullptr,
                                    .probabilities = &prediction.probabilities,
                                    .classes = model.classes});
  }
  finish_fit(session, command, model, inputs.files, {},
             [&](Page& page) { add_scores(page, scores); });
}

}  // namespace serried::app
