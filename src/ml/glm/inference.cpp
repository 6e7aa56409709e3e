#include "ml/glm/inference.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "ml/glm/robust.hpp"
#include "ml/regression/inference.hpp"

namespace serried::glm {
namespace {

using regression::product;

constexpr double nan = std::numeric_limits<double>::quiet_NaN();
constexpr double inf = std::numeric_limits<double>::infinity();

/// S with S S^T = covariance of the terms.
std::vector<double> covariance_root(const Problem& problem, const Fit& fit, const GlmModel& model) {
  const std::size_t n = problem.terms();
  if (model.errors != GlmErrors::model) {
    const regression::Factor meat(robust_gram(problem, fit, model.errors),
                                  std::vector<double>(n, 0.));
    return product(fit.factor.inverse(), meat.root(), n);
  }
  const bool is_penalized = std::ranges::any_of(problem.penalty, [](double p) { return p > 0; });
  std::vector<double> root;
  if (is_penalized) {
    const regression::Factor gram(fit.totals.gram, std::vector<double>(n, 0.));
    root = product(fit.factor.inverse(), gram.root(), n);
  } else {
    root = fit.factor.inverse_root();
  }
  for (double& value : root) value *= std::sqrt(model.dispersion);
  return root;
}

}  // namespace

void set_inference(const Problem& problem, const Fit& fit, const std::vector<std::string>& names,
                   GlmModel& model) {
  const bool has_errors = fit.solver != GlmSolver::lbfgs;
  model.rank = has_errors ? fit.factor.rank() : static_cast<std::int64_t>(problem.terms());
  model.deviance = fit.totals.deviance;
  model.pearson = fit.totals.pearson;
  model.df_residual = problem.rows.count() - static_cast<double>(model.rank);
  model.df_null = problem.rows.count() - (problem.has_intercept ? 1 : 0);
  model.has_estimated_dispersion = facts(problem.distribution.family).has_dispersion;
  if (model.has_estimated_dispersion)
    model.dispersion = model.df_residual > 0 ? model.pearson / model.df_residual : nan;
  const regression::Unscaling unscaling(problem.columns, problem.has_intercept);
  std::vector<std::uint8_t> is_aliased(problem.terms(), 0);
  if (has_errors) {
    is_aliased = fit.factor.is_aliased();
    model.covariance_root = unscaling.root(covariance_root(problem, fit, model));
    model.covariance = regression::squared_root(model.covariance_root, is_aliased);
  }
  model.coefficients = regression::infer(
      {names, is_aliased, model.has_estimated_dispersion ? model.df_residual : inf,
       model.confidence},
      unscaling.coefficients(fit.terms), model.covariance);
}

}  // namespace serried::glm
