#include <algorithm>
#include <cmath>

#include "output_check.hpp"
#include "regression_inputs.hpp"
#include "regression_output.hpp"
#include "residual_plots.hpp"
#include "serried/array/evaluate.hpp"
#include "serried/expr/functions.hpp"

namespace serried::app {
namespace {

std::vector<std::string> target_names(const LinearCommand& command, const Dataset& y) {
  if (static_cast<std::size_t>(y.row_elements()) != command.y.size()) return {};
  std::vector<std::string> names;
  for (const Address& address : command.y) names.push_back(own_name(address, "y"));
  return names;
}

constexpr std::size_t most_plots = 8;

/// Of each target: residuals times the root of the weight.
std::vector<ResidualPlots> plots_of(const Session& session, const LinearCommand& command,
                                    const LinearModel& model, const Dataset& x, const Dataset& y,
                                    const std::optional<Dataset>& weights) {
  const Context& ctx = session.ctx;
  const auto phase = ctx.recorder().phase("report");
  const LinearPrediction prediction = predict_linear(ctx, model, x);
  const Array responses = read_array(ctx, y, "--y");
  const Expr weight = weights ? Expr(read_array(ctx, *weights, "--weights")) : Expr(1.0);
  std::vector<ResidualPlots> plots;
  for (std::size_t k = 0; k < std::min(most_plots, model.targets.size()); ++k) {
    const auto number = static_cast<std::int64_t>(k);
    const Array fitted = column_of(prediction.mean, number);
    const Expr residual = where(
        weight > 0, sqrt(weight) * (Expr(column_of(responses, number)) - fitted), std::nan(""));
    // of a ridge's fit the variance of the mean is not the leverage
    const double deviation = model.targets[k].residual_std;
    const Expr leverage =
        command.options.l2 > 0
            ? Expr(0.0)
            : weight * square(Expr(column_of(prediction.std_error, number)) / deviation);
    const std::vector<Array> found =
        evaluate(ctx, std::vector<Expr>{residual, residual / (deviation * sqrt(1 - leverage))});
    plots.push_back(residual_plots(ctx, fitted, found[0], found[1]));
    if (model.targets.size() > 1) plots.back().heading += " of " + model.targets[k].name;
    plots.back().fitted_title = "fitted value of " + model.targets[k].name;
    plots.back().residual_title = weights ? "residual x root of weight" : "residual";
  }
  return plots;
}

}  // namespace

void run_linear(const Session& session, const LinearCommand& command) {
  const Context& ctx = session.ctx;
  RegressionInputs inputs = [&] {
    const auto phase = ctx.recorder().phase("read");
    return open_columns(session, command.x, command.samples);
  }();
  const Dataset y = open_responses(session, inputs, command.y, command.samples);
  const auto weights = open_beside(session, inputs, "--weights", command.weights);
  std::vector<std::string> outputs;
  if (!command.model_path.empty()) {
    session.outputs.add(check_output(ctx, command.model_path, inputs.files, 0));
    outputs.push_back(command.model_path);
  }
  session.extras.claim(ctx, inputs.files, outputs);
  LinearOptions options = command.options;
  options.column_names = inputs.column_names;
  options.target_names = target_names(command, y);
  if (weights) options.weights = &*weights;
  const std::int64_t width = inputs.x.row_elements() + y.row_elements() + 1;
  const std::int64_t beside =
      bytes_by_row(session, inputs.x,
                   y.row_elements() * (session.extras.has_page() ? 6 : 1) + (weights ? 1 : 0)) +
      16 * 8 * width * width + (std::int64_t{8} << 20);
  // one read is enough, which a fit makes itself
  require_memory(ctx, inputs.x.least_memory(beside), "fitting this data",
                 session.runtime.node_size());
  const LinearModel model = fit_linear(ctx, inputs.x, y, options);
  std::vector<ResidualPlots> plots;
  if (session.extras.has_page()) plots = plots_of(session, command, model, inputs.x, y, weights);
  finish_fit(session, command, model, inputs.files, {}, [&](Page& page) {
    for (const ResidualPlots& of_target : plots) add_residuals(page, of_target, ctx.rank() == 0);
  });
}

}  // namespace serried::app
