#include <fmt/format.h>

#include "ml/regression/inference.hpp"
#include "serried/ml/softmax.hpp"

namespace serried {

std::string summary(const SoftmaxModel& model) {
  using regression::number_text;
  std::string text =
      fmt::format("Multinomial logistic regression: {} classes, {:g} the reference\n",
                  model.classes.size(), model.classes.front());
  text += fmt::format("{} rows", model.rows);
  if (model.rows_used != model.rows)
    text += fmt::format(", {} without weight left out", model.rows - model.rows_used);
  text += '\n';
  for (std::size_t k = 1; k < model.classes.size(); ++k)
    text += fmt::format("\nClass {:g}\n", model.classes[k]) +
            regression::coefficient_table(model.coefficients[k - 1], false);
  text += fmt::format("\nDeviance: {} on {} degrees of freedom, null deviance: {}\n",
                      number_text(model.deviance, 6), number_text(model.df_residual, 12),
                      number_text(-2 * model.null_log_likelihood, 6));
  text += fmt::format("Pseudo R-squared: {}\n", number_text(model.pseudo_r2, 6));
  text += fmt::format("AIC: {}, BIC: {}, log-likelihood: {}\n", number_text(model.aic, 7),
                      number_text(model.bic, 7), number_text(model.log_likelihood, 7));
  if (!model.has_errors) text += "Fitted by L-BFGS, which gives no standard errors\n";
  text += fmt::format("\nIterations: {}\n", model.iterations);
  if (!model.converged) text += "Not converged: " + model.message + '\n';
  return text;
}

}  // namespace serried
