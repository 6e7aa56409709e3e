#include "ml/glm/theta.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "serried/base/error.hpp"

namespace serried::glm {
namespace {

constexpr int most_turns = 50;
constexpr int most_steps = 200;
constexpr double largest_theta = 1e7;
constexpr double precision = 1e-10;

/// The root of the score, between bounds that its sign keeps.
struct Theta {
  double value = 1;
  double information = 0;
};
Theta best_theta(const Problem& problem, const std::vector<double>& predictors, double start) {
  GlmDistribution distribution = problem.distribution;
  Theta theta{start, 0};
  double low = 0;
  double high = std::numeric_limits<double>::infinity();
  for (int step = 0; step < most_steps; ++step) {
    distribution.family_parameter = theta.value;
    const auto [score, information] = problem.rows.theta_terms(distribution, predictors);
    theta.information = information;
    (score > 0 ? low : high) = theta.value;
    double next = theta.value + score / information;
    const double wide_low = std::max(low, theta.value / 8);
    const double wide_high = std::min(high, theta.value * 8);
    if (!(information > 0) || !(next > wide_low && next < wide_high))
      next = std::sqrt(wide_low * wide_high);
    if (next > largest_theta)
      throw NumericError(
          "no theta of the negative binomial family is best: the responses vary no more about "
          "their means than those of the poisson family, which fits them");
    const double moved = std::abs(next - theta.value);
    theta.value = next;
    if (moved <= precision * next) break;
  }
  return theta;
}

}  // namespace

ThetaFit iterate_with_theta(Problem& problem, const std::optional<std::vector<double>>& feasible,
                            const std::vector<std::string>& names) {
  Problem poisson = problem;
  poisson.distribution.family = GlmFamily::poisson;
  Fit fit = iterate(poisson, {}, feasible, names);
  Theta theta;
  for (int turn = 0; turn < most_turns && fit.status == GlmStatus::converged; ++turn) {
    const double former = theta.value;
    const auto predictors = problem.rows.predict(problem.pass_of(fit.terms), true);
    theta = best_theta(problem, predictors, former);
    problem.distribution.family_parameter = theta.value;
    const std::int64_t iterations = fit.iterations;
    fit = iterate(problem, fit.terms, feasible, names);
    fit.iterations += iterations;
    if (turn > 0 && std::abs(theta.value - former) <= 10 * precision * former)
      return {std::move(fit), theta.value, 1 / std::sqrt(theta.information)};
  }
  if (fit.status == GlmStatus::converged) {
    fit.status = GlmStatus::iteration_limit;
    fit.message = "theta and the coefficients did not come to rest";
  }
  return {std::move(fit), theta.value, std::numeric_limits<double>::quiet_NaN()};
}

}  // namespace serried::glm
