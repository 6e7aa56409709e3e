// `predict` with models of glm, linear and softmax.
#include <fmt/format.h>

#include <cmath>
#include <numeric>

#include "output_check.hpp"
#include "prediction_scores.hpp"
#include "regression_inputs.hpp"
#include "regression_output.hpp"
#include "serried/array/evaluate.hpp"
#include "serried/base/error.hpp"
#include "serried/expr/functions.hpp"
#include "serried/expr/reductions.hpp"
#include "serried/ml/glm_rows.hpp"
#include "serried/ml/regression_file.hpp"
#include "text_output.hpp"

namespace serried::app {
namespace {

/// What is written of predicted rows, and their means.
struct Predicted {
  std::vector<NamedArray> arrays;
  std::vector<std::string> targets;
  bool is_probability = false;       ///< the first array, of 1
  std::vector<double> classes = {};  ///< the first array has their probabilities
};

Predicted predict_by_glm(const Session& session, const PredictCommand& command,
                         RegressionInputs& inputs) {
  const auto offset = open_beside(session, inputs, "--offset", command.offset);
  const GlmModel model = load_glm(session.ctx, command.model_path);
  const auto phase = session.ctx.recorder().phase("compute");
  const GlmPrediction p = predict_glm(session.ctx, model, inputs.x, offset ? &*offset : nullptr);
  return {{{"mean", "predicted mean of the response", p.mean},
           {"predictor", "linear predictor, with the offset", p.predictor},
           {"std_error", "standard error of the linear predictor", p.std_error},
           {"low", "lower bound of the mean's confidence interval", p.low},
           {"high", "upper bound of the mean's confidence interval", p.high}},
          {"y"},
          model.distribution.family == GlmFamily::binomial};
}

Predicted predict_by_linear(const Session& session, const PredictCommand& command,
                            const RegressionInputs& inputs) {
  if (command.offset) throw InvalidArgument("--offset has no use with a model of linear");
  const LinearModel model = load_linear(session.ctx, command.model_path);
  const auto phase = session.ctx.recorder().phase("compute");
  const LinearPrediction p = predict_linear(session.ctx, model, inputs.x);
  Predicted predicted{{{"mean", "predicted mean of the response", p.mean},
                       {"std_error", "standard error of the mean", p.std_error},
                       {"low", "lower bound of the mean's confidence interval", p.low},
                       {"high", "upper bound of the mean's confidence interval", p.high}},
                      {}};
  for (const LinearTarget& target : model.targets) predicted.targets.push_back(target.name);
  return predicted;
}

Predicted predict_by_softmax(const Session& session, const PredictCommand& command,
                             const RegressionInputs& inputs) {
  if (command.offset) throw InvalidArgument("--offset has no use with a model of softmax");
  const SoftmaxModel model = load_softmax(session.ctx, command.model_path);
  const auto phase = session.ctx.recorder().phase("compute");
  const SoftmaxPrediction p = predict_softmax(session.ctx, model, inputs.x);
  Predicted predicted{{{"probabilities", "probabilities of the classes", p.probabilities},
                       {"classes", "the most probable class", p.classes}},
                      {}};
  for (const double value : model.classes) predicted.targets.push_back(fmt::format("{:g}", value));
  predicted.classes = model.classes;
  return predicted;
}

/// What was observed, to compare with, and the rows' weights.
struct Observed {
  std::optional<Dataset> y;
  std::optional<Dataset> weights;
};

Observed open_observed(const Session& session, const PredictCommand& command,
                       RegressionInputs& inputs) {
  if (command.weights && command.y.empty())
    throw InvalidArgument("--weights has no use without --y");
  const auto phase = session.ctx.recorder().phase("read");
  Observed observed;
  if (!command.y.empty()) observed.y = open_responses(session, inputs, command.y, command.samples);
  observed.weights = open_beside(session, inputs, "--weights", command.weights);
  return observed;
}

PredictionScores score(const Session& session, const Observed& observed,
                       const Predicted& predicted) {
  const Context& ctx = session.ctx;
  const std::int64_t responses =
      predicted.classes.empty() ? static_cast<std::int64_t>(predicted.targets.size()) : 1;
  if (observed.y->row_elements() != responses)
    throw InvalidArgument(fmt::format("{} has {} responses by row, the model has {}",
                                      observed.y->describe(), observed.y->row_elements(),
                                      responses));
  const auto phase = ctx.recorder().phase("score");
  const Array y = read_array(ctx, *observed.y, "--y");
  std::optional<Array> weights;
  if (observed.weights) weights = read_array(ctx, *observed.weights, "--weights");
  const Array* const by_row = weights ? &*weights : nullptr;
  const Array& first = predicted.arrays.front().values;
  PredictionScores scores;
  if (predicted.is_probability) {
    scores.binary = score_binary(ctx, column_of(y, 0), first, {.weights = by_row});
    return scores;
  }
  if (!predicted.classes.empty()) {
    scores.classes =
        score_classes(ctx, column_of(y, 0), predicted.arrays[1].values,
                      {.weights = by_row, .probabilities = &first, .classes = predicted.classes});
    return scores;
  }
  for (std::int64_t k = 0; k < responses; ++k)
    scores.responses.emplace_back(
        predicted.targets[static_cast<std::size_t>(k)],
        score_regression(ctx, column_of(y, k), column_of(first, k), by_row));
  return scores;
}

}  // namespace

void predict_responses(const Session& session, const PredictCommand& command,
                       const std::string& kind) {
  const Context& ctx = session.ctx;
  if (command.labels)
    throw InvalidArgument("--labels is for models of kmeans; " + command.model_path + " is of " +
                          kind + ", whose --predictions go to a file");
  if (command.drop_missing)
    throw InvalidArgument("--missing has no use with a model of " + kind +
                          ": rows with NaN are predicted to be NaN");
  if (session.extras.has_picture())
    throw InvalidArgument("--picture has no use with a model of " + kind);
  RegressionInputs inputs = [&] {
    const auto phase = ctx.recorder().phase("read");
    return open_columns(session, command.addresses, command.samples);
  }();
  inputs.files.push_back(command.model_path);
  const Observed observed = open_observed(session, command, inputs);
  const std::int64_t rows = inputs.x.rows();
  std::vector<std::string> outputs;
  if (!command.predictions_path.empty()) {
    session.outputs.add(check_output(ctx, command.predictions_path, inputs.files, 8 * rows));
    outputs.push_back(command.predictions_path);
  }
  session.extras.claim(ctx, inputs.files, outputs);
  require_memory(
      ctx,
      inputs.x.least_memory(bytes_by_row(session, inputs.x, command.y.empty() ? 10 : 22) +
                            (std::int64_t{8} << 20)),
      "predicting this data", session.runtime.node_size());
  const Predicted predicted = kind == "glm"      ? predict_by_glm(session, command, inputs)
                              : kind == "linear" ? predict_by_linear(session, command, inputs)
                                                 : predict_by_softmax(session, command, inputs);
  PredictionResult result{.model_path = command.model_path,
                          .kind = kind,
                          .addresses = command.addresses,
                          .output = command.predictions_path,
                          .sample_shape = inputs.x.sample_shape(),
                          .rows = rows,
                          .columns = inputs.x.row_elements(),
                          .targets = predicted.targets,
                          .means = {},
                          .missing = 0,
                          .scores = {}};
  if (rows > 0) {
    const auto phase = ctx.recorder().phase("compute");
    const Expr predicted_means(to_operand(predicted.arrays.front().values));
    const std::vector<int> axes{0};
    const std::vector<Expr> questions{mean(predicted_means, {.axes = axes, .skips_nan = true}),
                                      sum(isnan(predicted_means), {.axes = axes})};
    const std::vector<Array> found = evaluate(ctx, questions);
    const Array means = found[0].replicate();
    const Array missing = found[1].replicate();
    for (const double value : means.local<double>()) result.means.push_back(value);
    result.missing = missing.local<std::int64_t>()[0];
  } else {
    result.means.assign(predicted.targets.size(), std::nan(""));
  }
  if (!command.y.empty()) result.scores = score(session, observed, predicted);
  if (!command.predictions_path.empty())
    write_by_row(session, command.predictions_path, inputs.x, predicted.arrays, inputs.files);
  const Seconds seconds = measure_seconds(session, {"read", "compute", "score", "write"});
  print_result(session, session.common().is_json ? to_json(result, seconds)
                                                 : to_text(result) + to_text(seconds));
  if (session.extras.has_page()) fill_page(session, result);
}

}  // namespace serried::app
