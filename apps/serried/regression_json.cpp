#include <fmt/format.h>

#include "json_numbers.hpp"
#include "regression_output.hpp"

namespace serried::app {
namespace {

Json coefficients_json(const std::vector<Coefficient>& coefficients, Numbers& numbers) {
  Json list = Json::array();
  for (const Coefficient& c : coefficients)
    list.push_back({{"name", c.name},
                    {"estimate", numbers(c.estimate)},
                    {"std_error", numbers(c.std_error)},
                    {"statistic", numbers(c.statistic)},
                    {"p_value", numbers(c.p_value)},
                    {"low", numbers(c.low)},
                    {"high", numbers(c.high)},
                    {"is_aliased", c.is_aliased}});
  return list;
}

const char* text_of(GlmErrors errors) {
  static constexpr const char* names[] = {"model", "hc0", "hc1", "hc2", "hc3"};
  return names[static_cast<int>(errors)];
}

const char* text_of(GlmSolver solver) {
  static constexpr const char* names[] = {"auto", "irls", "qr", "lbfgs"};
  return names[static_cast<int>(solver)];
}

}  // namespace

std::string to_json(const GlmModel& model, const Seconds& seconds) {
  Numbers numbers;
  const GlmDistribution& d = model.distribution;
  Json json;
  json["verb"] = "glm";
  json["family"] = facts(d.family).name;
  json["link"] = facts(d.link).name;
  if (d.link == GlmLink::power) json["link_power"] = d.link_power;
  if (d.family == GlmFamily::negative_binomial) {
    json["theta"] = numbers(d.family_parameter);
    json["theta_std_error"] = numbers(model.theta_std_error);
  }
  if (d.family == GlmFamily::tweedie) json["tweedie_power"] = d.family_parameter;
  json["coefficients"] = coefficients_json(model.coefficients, numbers);
  json["deviance"] = numbers(model.deviance);
  json["null_deviance"] = numbers(model.null_deviance);
  json["pearson"] = numbers(model.pearson);
  json["dispersion"] = numbers(model.dispersion);
  json["log_likelihood"] = numbers(model.log_likelihood);
  json["aic"] = numbers(model.aic);
  json["bic"] = numbers(model.bic);
  json["df_residual"] = model.df_residual;
  json["df_null"] = model.df_null;
  json["rank"] = model.rank;
  json["rows"] = model.rows;
  json["rows_used"] = model.rows_used;
  json["errors"] = text_of(model.errors);
  json["confidence"] = model.confidence;
  json["solver"] = text_of(model.solver);
  json["iterations"] = model.iterations;
  json["converged"] = model.converged;
  if (!model.converged) json["message"] = model.message;
  json["nonfinite_count"] = numbers.nonfinite();
  return finished(json, seconds);
}

std::string to_json(const LinearModel& model, const Seconds& seconds) {
  Numbers numbers;
  Json json;
  json["verb"] = "linear";
  Json targets = Json::array();
  for (const LinearTarget& t : model.targets)
    targets.push_back({{"name", t.name},
                       {"coefficients", coefficients_json(t.coefficients, numbers)},
                       {"residual_squares", numbers(t.residual_squares)},
                       {"total_squares", numbers(t.total_squares)},
                       {"residual_std", numbers(t.residual_std)},
                       {"r2", numbers(t.r2)},
                       {"adjusted_r2", numbers(t.adjusted_r2)},
                       {"f_statistic", numbers(t.f_statistic)},
                       {"f_p_value", numbers(t.f_p_value)},
                       {"log_likelihood", numbers(t.log_likelihood)},
                       {"aic", numbers(t.aic)},
                       {"bic", numbers(t.bic)}});
  json["targets"] = std::move(targets);
  json["df_model"] = model.df_model;
  json["df_residual"] = model.df_residual;
  json["rank"] = model.rank;
  json["rows"] = model.rows;
  json["rows_used"] = model.rows_used;
  json["confidence"] = model.confidence;
  json["nonfinite_count"] = numbers.nonfinite();
  return finished(json, seconds);
}

std::string to_json(const SoftmaxModel& model, const Seconds& seconds) {
  Numbers numbers;
  Json json;
  json["verb"] = "softmax";
  Json classes = Json::array();
  for (const double value : model.classes) classes.push_back(static_cast<std::int64_t>(value));
  json["classes"] = std::move(classes);
  Json coefficients = Json::array();
  for (const std::vector<Coefficient>& of_class : model.coefficients)
    coefficients.push_back(coefficients_json(of_class, numbers));
  json["coefficients"] = std::move(coefficients);
  json["log_likelihood"] = numbers(model.log_likelihood);
  json["null_log_likelihood"] = numbers(model.null_log_likelihood);
  json["deviance"] = numbers(model.deviance);
  json["pseudo_r2"] = numbers(model.pseudo_r2);
  json["aic"] = numbers(model.aic);
  json["bic"] = numbers(model.bic);
  json["df_residual"] = model.df_residual;
  json["rank"] = model.rank;
  json["rows"] = model.rows;
  json["rows_used"] = model.rows_used;
  json["confidence"] = model.confidence;
  json["solver"] = model.solver == SoftmaxSolver::newton ? "newton" : "lbfgs";
  json["iterations"] = model.iterations;
  json["converged"] = model.converged;
  if (!model.converged) json["message"] = model.message;
  json["nonfinite_count"] = numbers.nonfinite();
  return finished(json, seconds);
}

std::string to_json(const PredictionResult& result, const Seconds& seconds) {
  Numbers numbers;
  Json json;
  json["verb"] = "predict";
  json["model"] = result.kind;
  json["path"] = result.output.empty() ? Json(nullptr) : Json(result.output);
  json["rows"] = result.rows;
  json["rows_missing"] = result.missing;
  Json targets = Json::array();
  for (std::size_t k = 0; k < result.targets.size(); ++k)
    targets.push_back({{"name", result.targets[k]}, {"mean", numbers(result.means[k])}});
  json["targets"] = std::move(targets);
  if (result.scores) json["scores"] = scores_json(*result.scores, numbers);
  json["nonfinite_count"] = numbers.nonfinite();
  return finished(json, seconds);
}

std::string to_text(const PredictionResult& result) {
  std::string text =
      fmt::format("responses of {} by {}\n  {} rows x {} columns", texts_of(result.addresses),
                  result.model_path, result.rows, result.columns);
  if (result.missing > 0) text += fmt::format(", {} with NaN", result.missing);
  text += '\n';
  for (std::size_t k = 0; k < result.targets.size(); ++k)
    text += fmt::format("  mean of {}: {:.10g}\n", result.targets[k], result.means[k]);
  if (result.scores) text += scores_text(*result.scores);
  if (!result.output.empty()) text += fmt::format("  predictions: {}\n", result.output);
  return text;
}

}  // namespace serried::app
