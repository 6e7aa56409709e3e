#include <fmt/format.h>

#include <cmath>
#include <limits>

#include "ml/glm/inference.hpp"
#include "ml/glm/irls.hpp"
#include "ml/glm/likelihood.hpp"
#include "ml/glm/problem.hpp"
#include "ml/glm/theta.hpp"
#include "serried/base/error.hpp"

namespace serried {
namespace glm {
namespace {

/// The deviance of the intercept and the offset alone, and that intercept.
struct NullFit {
  double deviance = std::numeric_limits<double>::quiet_NaN();
  std::optional<double> intercept;
};
/// An intercept by which every row has a mean, near that of the responses: where predictors must
/// lie on one side of a bound, all are put beyond that of the common mean.
std::optional<std::vector<double>> null_start(const Problem& problem) {
  const GlmFamilyFacts& family = facts(problem.distribution.family);
  const GlmLinkFacts& link = facts(problem.distribution.link);
  const auto [least, largest] = problem.rows.offset_range();
  const bool is_bounded_below = link.link == GlmLink::inverse_square ||
                                link.link == GlmLink::square_root || link.link == GlmLink::power ||
                                (family.mean_low == 0 && !link.has_far_end);
  const bool is_bounded_above =
      family.family == GlmFamily::binomial && !link.is_for_probabilities && link.has_far_end;
  const double intercept =
      problem.rows.common_predictor(problem.distribution) - (is_bounded_below   ? least
                                                             : is_bounded_above ? largest
                                                                                : 0);
  if (!std::isfinite(intercept)) return {};
  return std::vector<double>{intercept};
}
NullFit fit_null(const Problem& problem) {
  Problem null{problem.rows, problem.distribution, problem.has_intercept,  {},
               {},           problem.tolerance,    problem.max_iterations, GlmSolver::automatic};
  if (!null.has_intercept) {
    const Totals totals = totals_of(null, {});
    return {totals.invalid > 0 ? std::numeric_limits<double>::quiet_NaN() : totals.deviance, {}};
  }
  null.penalty = {0};
  try {
    const Fit fit = iterate(null, null_start(null), {}, {"(Intercept)"});
    return {fit.totals.deviance, fit.terms.front()};
  } catch (const NumericError&) {
    // the same on every rank; x may make up for it
    return {};
  }
}

void set_likelihood(const Rows& rows, const GlmOptions& options, bool has_estimated_theta,
                    GlmModel& model) {
  model.log_likelihood =
      log_likelihood(rows, model.distribution, model.deviance, options.weights_meaning);
  const double parameters = static_cast<double>(model.rank) +
                            (model.has_estimated_dispersion || has_estimated_theta ? 1 : 0);
  model.aic = -2 * model.log_likelihood + 2 * parameters;
  model.bic = -2 * model.log_likelihood + std::log(rows.count()) * parameters;
}

}  // namespace
}  // namespace glm

GlmModel fit_glm(const Context& ctx, const TileSource& x, const TileSource& y,
                 const GlmOptions& options) {
  check_glm_options(options);
  const std::vector<std::string> names =
      regression::term_names(x, options.has_intercept, options.column_names);
  const auto phase = ctx.recorder().phase("fit");
  const glm::Rows rows(ctx, x, y, options);
  glm::Problem problem = glm::make_problem(rows, options);

  std::optional<std::vector<double>> feasible;
  const auto set_feasible = [&](const glm::NullFit& null) {
    if (!null.intercept) return;
    feasible.emplace(problem.terms(), 0.);
    feasible->front() = *null.intercept;
  };
  const bool estimates_theta = options.family == GlmFamily::negative_binomial && !options.theta;
  glm::NullFit null = glm::fit_null(problem);
  set_feasible(null);
  GlmModel model;
  std::optional<glm::Fit> fit;
  if (estimates_theta) {
    glm::ThetaFit found = glm::iterate_with_theta(problem, feasible, names);
    model.theta_std_error = found.std_error;
    fit.emplace(std::move(found.fit));
    null = glm::fit_null(problem);
  } else {
    fit.emplace(glm::iterate(problem, {}, feasible, names));
  }

  model.distribution = problem.distribution;
  model.has_intercept = options.has_intercept;
  model.confidence = options.confidence;
  model.errors = options.errors;
  model.null_deviance = null.deviance;
  model.rows = x.rows();
  model.rows_used = rows.used();
  model.iterations = fit->iterations;
  model.solver = fit->solver;
  model.status = fit->status;
  model.converged = fit->status == GlmStatus::converged;
  model.message = fit->message;
  glm::set_inference(problem, *fit, names, model);
  glm::set_likelihood(rows, options, estimates_theta, model);
  return model;
}

}  // namespace serried
