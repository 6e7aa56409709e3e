#include "ml/glm/inference.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/distributions.hpp"

namespace serried::glm {
namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();

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

/// Coefficient j of the columns as they are is scale[j] * term j, and the intercept is its term
/// less the sum of the coefficients times their shifts.
class Unscaling {
 public:
  explicit Unscaling(const Problem& problem) : problem_(problem) {}

  [[nodiscard]] std::vector<double> coefficients(const std::vector<double>& terms) const {
    std::vector<double> result = terms;
    const std::size_t first = problem_.first_column();
    for (std::size_t j = first; j < result.size(); ++j) {
      result[j] *= problem_.columns.scale[j - first];
      if (first == 1) result[0] -= result[j] * problem_.columns.shift[j - first];
    }
    return result;
  }
  [[nodiscard]] std::vector<double> covariance(std::vector<double> c) const {
    const std::size_t n = problem_.terms();
    std::vector<double> line(n);
    for (std::size_t i = 0; i < n; ++i) {
      std::copy_n(c.begin() + static_cast<std::ptrdiff_t>(i * n), n, line.begin());
      std::ranges::copy(coefficients(line), c.begin() + static_cast<std::ptrdiff_t>(i * n));
    }
    for (std::size_t j = 0; j < n; ++j) {
      for (std::size_t i = 0; i < n; ++i) line[i] = c[i * n + j];
      const std::vector<double> column = coefficients(line);
      for (std::size_t i = 0; i < n; ++i) c[i * n + j] = column[i];
    }
    return c;
  }

 private:
  const Problem& problem_;
};

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
  const double reach = model.has_estimated_dispersion
                           ? student_reach(model.confidence, model.df_residual)
                           : normal_reach(model.confidence);
  const Unscaling unscaling(problem);
  const std::vector<double> estimates = unscaling.coefficients(fit.terms);
  model.covariance = unscaling.covariance(unscaled_covariance(problem, fit));
  const std::size_t n = problem.terms();
  const auto& is_aliased = fit.factor.is_aliased();
  for (std::size_t i = 0; i < n; ++i)
    for (std::size_t j = 0; j < n; ++j) {
      double& value = model.covariance[i * n + j];
      value = is_aliased[i] != 0 || is_aliased[j] != 0 ? nan : value * model.dispersion;
    }
  for (std::size_t j = 0; j < n; ++j) {
    GlmCoefficient c;
    c.name = names[j];
    c.is_aliased = is_aliased[j] != 0;
    c.estimate = c.is_aliased ? nan : estimates[j];
    c.std_error = std::sqrt(model.covariance[j * n + j]);
    c.statistic = c.estimate / c.std_error;
    c.p_value = model.has_estimated_dispersion ? student_two_sided(c.statistic, model.df_residual)
                                               : normal_two_sided(c.statistic);
    c.low = c.estimate - reach * c.std_error;
    c.high = c.estimate + reach * c.std_error;
    model.coefficients.push_back(std::move(c));
  }
}

}  // namespace serried::glm
