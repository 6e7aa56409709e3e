#include "ml/glm/descend.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "ml/glm/separation.hpp"
#include "ml/regression/lbfgs.hpp"
#include "serried/base/error.hpp"

namespace serried::glm {
namespace {

using regression::Slope;

/// Iterations for each one that the options allow: they are cheap, and many.
constexpr std::int64_t iterations_for_each = 10;

Totals slope_of(const Problem& problem, const std::vector<double>& terms) {
  const std::vector<double> payload = problem.rows.slope(problem.pass_of(terms));
  const GlmSlopeSums sums{static_cast<std::int64_t>(terms.size())};
  const auto at = [&](std::int64_t i) { return payload[static_cast<std::size_t>(i)]; };
  Totals totals;
  totals.score.assign(payload.begin(), payload.begin() + sums.terms);
  totals.pearson = at(sums.pearson());
  totals.deviance = at(sums.deviance());
  totals.invalid = at(sums.invalid());
  totals.extreme = at(sums.extreme());
  return totals;
}

/// Half of the deviance, and the penalty; infinite where a row has no mean.
Slope objective(const Problem& problem, const std::vector<double>& terms, const Totals& totals) {
  Slope slope{0.5 * totals.deviance, {}};
  for (std::size_t j = 0; j < terms.size(); ++j) {
    slope.value += 0.5 * problem.penalty[j] * terms[j] * terms[j];
    slope.gradient.push_back(problem.penalty[j] * terms[j] - totals.score[j]);
  }
  const bool is_finite =
      std::ranges::all_of(slope.gradient, [](double value) { return std::isfinite(value); });
  if (totals.invalid > 0 || !is_finite) {
    slope.value = std::numeric_limits<double>::infinity();
    slope.gradient.assign(terms.size(), 0.);
  }
  return slope;
}

}  // namespace

Fit descend(const Problem& problem, const std::optional<std::vector<double>>& start,
            const std::optional<std::vector<double>>& feasible,
            const std::vector<std::string>& names) {
  std::vector<double> first(problem.terms(), 0.);
  if (feasible) first = *feasible;
  if (start) first = *start;
  const Totals at_start = slope_of(problem, first);
  if (!std::isfinite(objective(problem, first, at_start).value))
    throw NumericError(
        "the fit has nothing to begin with: there are rows without a mean in the family's range; "
        "take another link, or the solver irls");
  // residuals in their own unit
  double unit = 1;
  if (facts(problem.distribution.family).has_dispersion)
    unit = std::sqrt(at_start.deviance / problem.rows.count());
  const auto evaluate = [&](const std::vector<double>& terms) {
    return objective(problem, terms, slope_of(problem, terms));
  };
  regression::Descent descent =
      regression::minimize(evaluate, first, problem.tolerance * problem.rows.count() * unit,
                           iterations_for_each * problem.max_iterations);

  Fit fit;
  fit.solver = GlmSolver::lbfgs;
  fit.iterations = descent.iterations;
  fit.totals = slope_of(problem, descent.place);
  fit.status = descent.converged ? GlmStatus::converged : GlmStatus::iteration_limit;
  if (fit.totals.extreme > 0 && can_separate(problem.distribution) &&
      !problem.columns.shift.empty()) {
    std::vector<double> direction = descent.place;
    for (std::size_t j = 0; j < direction.size(); ++j) direction[j] -= first[j];
    fit.message = separation_along(problem, direction, names);
    if (!fit.message.empty()) fit.status = GlmStatus::separated;
  }
  const bool has_room = fit.iterations < iterations_for_each * problem.max_iterations;
  if (fit.status == GlmStatus::iteration_limit && has_room) {
    fit.status = GlmStatus::no_descent;
    fit.message =
        fmt::format("no part of the step of iteration {} lowers the deviance", fit.iterations);
  } else if (fit.status == GlmStatus::iteration_limit) {
    fit.message = fmt::format("{} iterations were not enough", fit.iterations);
  }
  fit.terms = std::move(descent.place);
  return fit;
}

}  // namespace serried::glm
