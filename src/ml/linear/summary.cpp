#include <fmt/format.h>

#include <cmath>

#include "ml/regression/inference.hpp"
#include "serried/ml/linear.hpp"

namespace serried {
namespace {

using regression::number_text;

std::string target_text(const LinearModel& model, const LinearTarget& target) {
  std::string text = regression::coefficient_table(target.coefficients, true);
  text += fmt::format("\nResidual standard error: {} on {} degrees of freedom\n",
                      number_text(target.residual_std, 6), number_text(model.df_residual, 12));
  text += fmt::format("Multiple R-squared: {}, adjusted R-squared: {}\n", number_text(target.r2, 6),
                      number_text(target.adjusted_r2, 6));
  if (!std::isnan(target.f_statistic))
    text += fmt::format("F-statistic: {} on {} and {} degrees of freedom, p-value: {}\n",
                        number_text(target.f_statistic, 6), number_text(model.df_model, 12),
                        number_text(model.df_residual, 12), regression::p_text(target.f_p_value));
  return text + fmt::format("AIC: {}, BIC: {}, log-likelihood: {}\n", number_text(target.aic, 7),
                            number_text(target.bic, 7), number_text(target.log_likelihood, 7));
}

}  // namespace

std::string summary(const LinearModel& model) {
  std::string text = fmt::format("Least squares\n{} rows", model.rows);
  if (model.rows_used != model.rows)
    text += fmt::format(", {} without weight left out", model.rows - model.rows_used);
  text += '\n';
  for (const LinearTarget& target : model.targets) {
    text += '\n';
    if (model.targets.size() > 1) text += fmt::format("Response {}\n", target.name);
    text += target_text(model, target);
  }
  return text;
}

}  // namespace serried
