#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "ml/regression/inference.hpp"
#include "serried/ml/glm.hpp"

namespace serried {
namespace {

using regression::number_text;

std::string family_text(const GlmModel& model) {
  const GlmDistribution& d = model.distribution;
  std::string family(facts(d.family).name);
  if (d.family == GlmFamily::negative_binomial)
    family += fmt::format(", theta = {:.6g}", d.family_parameter);
  if (d.family == GlmFamily::tweedie) family += fmt::format(", power {:g}", d.family_parameter);
  std::string link(facts(d.link).name);
  if (d.link == GlmLink::power) link += fmt::format(" {:g}", d.link_power);
  return fmt::format("{}, link {}", family, link);
}

}  // namespace

std::string summary(const GlmModel& model) {
  std::string text = fmt::format("Generalised linear model: {}\n", family_text(model));
  text += fmt::format("{} rows", model.rows);
  if (model.rows_used != model.rows)
    text += fmt::format(", {} without weight left out", model.rows - model.rows_used);
  text +=
      "\n\n" + regression::coefficient_table(model.coefficients, model.has_estimated_dispersion);
  text += fmt::format("\nDispersion {} {}\n",
                      model.has_estimated_dispersion ? "estimated as" : "taken to be",
                      number_text(model.dispersion, 6));
  if (model.theta_std_error > 0)
    text += fmt::format("Theta {:.6g}, standard error {:.6g}\n",
                        model.distribution.family_parameter, model.theta_std_error);
  text += fmt::format("\n    Null deviance: {} on {} degrees of freedom\n",
                      number_text(model.null_deviance, 6), number_text(model.df_null, 12));
  text += fmt::format("Residual deviance: {} on {} degrees of freedom\n",
                      number_text(model.deviance, 6), number_text(model.df_residual, 12));
  text += fmt::format("AIC: {}, BIC: {}, log-likelihood: {}\n", number_text(model.aic, 7),
                      number_text(model.bic, 7), number_text(model.log_likelihood, 7));
  if (model.solver == GlmSolver::lbfgs)
    text += fmt::format("\nL-BFGS iterations: {}; no standard errors\n", model.iterations);
  else
    text += fmt::format("\nFisher scoring iterations: {}\n", model.iterations);
  if (!model.converged) text += "Not converged: " + model.message + '\n';
  return text;
}

}  // namespace serried
