#include "ml/glm/problem.hpp"

namespace serried::glm {
namespace {

GlmDistribution distribution_of(const GlmOptions& options) {
  GlmDistribution distribution;
  distribution.family = options.family;
  distribution.link = options.link.value_or(facts(options.family).default_link);
  if (distribution.link == GlmLink::power) distribution.link_power = options.link_power;
  if (options.family == GlmFamily::negative_binomial)
    distribution.family_parameter = options.theta.value_or(1);
  if (options.family == GlmFamily::tweedie) distribution.family_parameter = options.tweedie_power;
  return distribution;
}

std::vector<double> penalty_of(const regression::Columns& columns, const GlmOptions& options) {
  std::vector<double> penalty;
  if (options.has_intercept) penalty.push_back(0);
  for (std::size_t j = 0; j < columns.scale.size(); ++j) {
    // of the term, whose coefficient is scale times it
    const double unit = columns.scale[j] * (options.is_standardized ? columns.size[j] : 1);
    penalty.push_back(options.l2 * unit * unit);
  }
  return penalty;
}

}  // namespace

Problem make_problem(const Rows& rows, const GlmOptions& options) {
  Problem problem{rows,
                  distribution_of(options),
                  options.has_intercept,
                  regression::scan_columns(rows.context(), rows.x(), options.has_intercept),
                  {},
                  options.tolerance,
                  options.max_iterations,
                  glm_solver(options, rows.columns())};
  problem.penalty = penalty_of(problem.columns, options);
  return problem;
}

std::vector<double> terms_of(const Problem& problem, const GlmModel& model) {
  const std::size_t first = problem.first_column();
  std::vector<double> terms(problem.terms(), 0.);
  if (first == 1) terms[0] = model.coefficients[0].estimate;
  for (std::size_t j = first; j < terms.size(); ++j) {
    const Coefficient& c = model.coefficients[j];
    if (c.is_aliased) continue;
    terms[j] = c.estimate / problem.columns.scale[j - first];
    if (first == 1) terms[0] += c.estimate * problem.columns.shift[j - first];
  }
  return terms;
}

}  // namespace serried::glm
