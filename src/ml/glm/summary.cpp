#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "serried/ml/glm.hpp"

namespace serried {
namespace {

std::string number(double value, int digits) {
  return std::isnan(value) ? "NA" : fmt::format("{:.{}g}", value, digits);
}

std::string p_text(double p) {
  if (std::isnan(p)) return "NA";
  return p < 2.2e-16 ? "< 2.2e-16" : fmt::format("{:.3g}", p);
}

const char* stars(double p) {
  if (p < 0.001) return "***";
  if (p < 0.01) return "**";
  if (p < 0.05) return "*";
  return p < 0.1 ? "." : "";
}

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

std::string table(const GlmModel& model) {
  std::size_t width = 0;
  for (const GlmCoefficient& c : model.coefficients) width = std::max(width, c.name.size());
  const char letter = model.has_estimated_dispersion ? 't' : 'z';
  std::string text =
      fmt::format("{:{}}  {:>12} {:>12} {:>9} {:>10}\n", "", width, "Estimate", "Std. Error",
                  fmt::format("{} value", letter), fmt::format("Pr(>|{}|)", letter));
  for (const GlmCoefficient& c : model.coefficients) {
    std::string line = fmt::format("{:{}}  {:>12} {:>12} {:>9} {:>10} {}", c.name, width,
                                   number(c.estimate, 6), number(c.std_error, 6),
                                   number(c.statistic, 4), p_text(c.p_value), stars(c.p_value));
    line.erase(line.find_last_not_of(' ') + 1);
    text += line + '\n';
  }
  return text + "---\nSignif. codes:  0 '***' 0.001 '**' 0.01 '*' 0.05 '.' 0.1 ' ' 1\n";
}

}  // namespace

std::string summary(const GlmModel& model) {
  std::string text = fmt::format("Generalised linear model: {}\n", family_text(model));
  text += fmt::format("{} rows", model.rows);
  if (model.rows_used != model.rows)
    text += fmt::format(", {} without weight left out", model.rows - model.rows_used);
  const auto aliased = std::ranges::count(model.coefficients, true, &GlmCoefficient::is_aliased);
  text += "\n\nCoefficients:";
  if (aliased > 0) text += fmt::format(" ({} not defined because of singularities)", aliased);
  text += '\n' + table(model);
  text += fmt::format("\nDispersion {} {}\n",
                      model.has_estimated_dispersion ? "estimated as" : "taken to be",
                      number(model.dispersion, 6));
  if (model.theta_std_error > 0)
    text += fmt::format("Theta {:.6g}, standard error {:.6g}\n",
                        model.distribution.family_parameter, model.theta_std_error);
  text += fmt::format("\n    Null deviance: {} on {} degrees of freedom\n",
                      number(model.null_deviance, 6), number(model.df_null, 12));
  text += fmt::format("Residual deviance: {} on {} degrees of freedom\n", number(model.deviance, 6),
                      number(model.df_residual, 12));
  text += fmt::format("AIC: {}, BIC: {}, log-likelihood: {}\n", number(model.aic, 7),
                      number(model.bic, 7), number(model.log_likelihood, 7));
  text += fmt::format("\nFisher scoring iterations: {}\n", model.iterations);
  if (!model.converged) text += "Not converged: " + model.message + '\n';
  return text;
}

}  // namespace serried
