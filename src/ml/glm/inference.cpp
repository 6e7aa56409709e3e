#include "ml/glm/inference.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "ml/regression/inference.hpp"

namespace serried::glm {
namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();
constexpr double inf = std::numeric_limits<double>::infinity();

/// C = A B of square matrices.
std::vector<double> product(const std::vector<double>& a, const std::vector<double>& b,
                            std::size_t n) {
  std::vector<double> c(n * n, 0.);
  for (std::size_t i = 0; i < n; ++i)
    for (std::size_t k = 0; k < n; ++k)
      for (std::size_t j = 0; j < n; ++j) c[i * n + j] += a[i * n + k] * b[k * n + j];
  return c;
}

/// Of the terms, but for the dispersion.
std::vector<double> unscaled_covariance(const Problem& problem, const Fit& fit) {
  std::vector<double> inverse = fit.factor.inverse();
  const bool is_penalized = std::ranges::any_of(problem.penalty, [](double p) { return p > 0; });
  if (!is_penalized) return inverse;
  const std::size_t n = problem.terms();
  std::vector<double> gram = fit.totals.gram;
  for (std::size_t i = 0; i < n; ++i)
    for (std::size_t j = 0; j < i; ++j) gram[i * n + j] = gram[j * n + i];
  return product(product(inverse, gram, n), inverse, n);
}

}  // namespace

void set_inference(const Problem& problem, const Fit& fit, const std::vector<std::string>& names,
                   GlmModel& model) {
  model.rank = fit.factor.rank();
  model.deviance = fit.totals.deviance;
  model.pearson = fit.totals.pearson;
  model.df_residual = problem.rows.count() - static_cast<double>(model.rank);
  model.df_null = problem.rows.count() - (problem.has_intercept ? 1 : 0);
  model.has_estimated_dispersion = facts(problem.distribution.family).has_dispersion;
  if (model.has_estimated_dispersion)
    model.dispersion = model.df_residual > 0 ? model.pearson / model.df_residual : nan;
  const regression::Unscaling unscaling(problem.columns, problem.has_intercept);
  model.covariance = unscaling.covariance(unscaled_covariance(problem, fit));
  const std::size_t n = problem.terms();
  const auto& is_aliased = fit.factor.is_aliased();
  for (std::size_t i = 0; i < n; ++i)
    for (std::size_t j = 0; j < n; ++j) {
      double& value = model.covariance[i * n + j];
      value = is_aliased[i] != 0 || is_aliased[j] != 0 ? nan : value * model.dispersion;
    }
  model.coefficients = regression::infer(
      {names, is_aliased, model.has_estimated_dispersion ? model.df_residual : inf,
       model.confidence},
      unscaling.coefficients(fit.terms), model.covariance, 1);
}

}  // namespace serried::glm
