#include "output_check.hpp"
#include "regression_inputs.hpp"
#include "regression_output.hpp"
#include "residual_plots.hpp"
#include "serried/array/evaluate.hpp"
#include "serried/expr/functions.hpp"
#include "serried/ml/glm_rows.hpp"

namespace serried::app {
namespace {

struct Inputs {
  RegressionInputs regression;
  Dataset y;
  std::optional<Dataset> weights;
  std::optional<Dataset> offset;
  std::optional<Dataset> trials;
};

Inputs open_inputs(const Session& session, const GlmCommand& command) {
  const auto phase = session.ctx.recorder().phase("read");
  RegressionInputs regression = open_columns(session, command.x, command.samples);
  Dataset y = open_beside(session, regression, "--y", command.y);
  auto weights = open_beside(session, regression, "--weights", command.weights);
  auto offset = open_beside(session, regression, "--offset", command.offset);
  auto trials = open_beside(session, regression, "--trials", command.trials);
  return {std::move(regression), std::move(y), std::move(weights), std::move(offset),
          std::move(trials)};
}

void claim_outputs(const Session& session, const GlmCommand& command, const Inputs& inputs) {
  std::vector<std::string> outputs;
  const std::vector<std::string>& files = inputs.regression.files;
  const std::int64_t rows = inputs.regression.x.rows();
  if (!command.model_path.empty()) {
    session.outputs.add(check_output(session.ctx, command.model_path, files, 0));
    outputs.push_back(command.model_path);
  }
  if (!command.residuals_path.empty()) {
    session.outputs.add(check_output(session.ctx, command.residuals_path, files, 64 * rows));
    outputs.push_back(command.residuals_path);
  }
  if (outputs.size() == 2) check_outputs_differ(session.ctx, outputs[0], outputs[1]);
  session.extras.claim(session.ctx, files, outputs);
}

/// What a fit takes beside x, and the residuals.
std::int64_t memory_beside(const Session& session, const GlmCommand& command,
                           const Inputs& inputs) {
  const std::int64_t width = inputs.regression.x.row_elements() + 2;
  const std::int64_t numbers =
      1 + (command.weights ? 1 : 0) + (command.offset ? 1 : 0) + (command.trials ? 1 : 0) +
      (command.options.errors != GlmErrors::model ? 7 : 1) +
      (command.residuals_path.empty() ? 0 : 20) + (session.extras.has_page() ? 36 : 0);
  const bool has_products =
      glm_solver(command.options, inputs.regression.x.row_elements()) != GlmSolver::lbfgs;
  return bytes_by_row(session, inputs.regression.x, numbers) +
         16 * 8 * width * (has_products ? width : 1) + (std::int64_t{8} << 20);
}

void write_residuals(const Session& session, const GlmCommand& command, const Inputs& inputs,
                     const GlmDiagnostics& d) {
  write_by_row(session, command.residuals_path, inputs.regression.x,
               {{"predictor", "linear predictor, with the offset", d.predictor},
                {"mean", "fitted mean of the response", d.mean},
                {"response_residual", "response less mean", d.response_residual},
                {"pearson_residual", "Pearson residual", d.pearson_residual},
                {"deviance_residual", "deviance residual", d.deviance_residual},
                {"working_residual", "working residual", d.working_residual},
                {"leverage", "diagonal of the hat matrix", d.leverage},
                {"cooks_distance", "Cook's distance", d.cooks_distance}},
               inputs.regression.files);
}

/// By deviance residuals, as R's plot.lm.
ResidualPlots plots_of(const Session& session, const GlmOptions& options, const GlmModel& model,
                       const Inputs& inputs, const GlmDiagnostics& d) {
  const Context& ctx = session.ctx;
  const auto phase = ctx.recorder().phase("report");
  // lbfgs knows no leverage
  const Expr leverage = model.solver == GlmSolver::lbfgs ? Expr(0.0) : Expr(d.leverage);
  const Array standardized =
      evaluate(ctx, Expr(d.deviance_residual) / sqrt(model.dispersion * (1 - leverage)));
  ResidualPlots plots = residual_plots(ctx, d.predictor, d.deviance_residual, standardized);
  plots.fitted_title = "linear predictor";
  plots.residual_title = "deviance residual";
  const bool has_probabilities =
      model.distribution.family == GlmFamily::binomial && options.trials == nullptr;
  if (has_probabilities) {
    std::optional<Array> weights;
    if (inputs.weights) weights = read_array(ctx, *inputs.weights, "--weights");
    plots.binary = score_binary(ctx, read_array(ctx, inputs.y, "--y"), d.mean,
                                {.weights = weights ? &*weights : nullptr});
  }
  return plots;
}

}  // namespace

void run_glm(const Session& session, const GlmCommand& command) {
  const Inputs inputs = open_inputs(session, command);
  claim_outputs(session, command, inputs);
  const std::unique_ptr<TileSource> x =
      hold_columns(session, inputs.regression.x, memory_beside(session, command, inputs));
  GlmOptions options = command.options;
  options.column_names = inputs.regression.column_names;
  if (inputs.weights) options.weights = &*inputs.weights;
  if (inputs.offset) options.offset = &*inputs.offset;
  if (inputs.trials) options.trials = &*inputs.trials;
  const GlmModel model = fit_glm(session.ctx, *x, inputs.y, options);
  if (!model.converged)
    session.ctx.recorder().say(Severity::warning, "the fit has not converged: " + model.message);
  std::string more;
  std::optional<ResidualPlots> plots;
  if (!command.residuals_path.empty() || session.extras.has_page()) {
    const GlmDiagnostics d = [&] {
      const auto phase = session.ctx.recorder().phase("fit");
      return diagnose_glm(session.ctx, model, *x, inputs.y, options);
    }();
    if (!command.residuals_path.empty()) {
      write_residuals(session, command, inputs, d);
      more = "\n  residuals: " + command.residuals_path + '\n';
    }
    if (session.extras.has_page()) plots = plots_of(session, options, model, inputs, d);
  }
  finish_fit(session, command, model, inputs.regression.files, more,
             [&](Page& page) { add_residuals(page, *plots, session.ctx.rank() == 0); });
}

}  // namespace serried::app
