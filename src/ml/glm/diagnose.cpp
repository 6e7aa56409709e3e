#include <algorithm>
#include <cmath>
#include <limits>

#include "ml/glm/irls.hpp"
#include "ml/glm/problem.hpp"
#include "ml/regression/row_array.hpp"
#include "serried/base/error.hpp"
#include "serried/ml/glm_rows.hpp"

namespace serried {
namespace {

/// Over the working weight; NaN without the Gram matrix.
std::vector<double> leverages(const glm::Problem& problem, const std::vector<double>& terms,
                              const GlmModel& model) {
  if (model.solver == GlmSolver::lbfgs) {
    std::vector<double> none = problem.rows.make_values();
    std::ranges::fill(none, std::numeric_limits<double>::quiet_NaN());
    return none;
  }
  const glm::Totals totals = glm::totals_of(problem, terms, false, model.solver == GlmSolver::qr);
  std::vector<std::uint8_t> is_aliased;
  for (const Coefficient& c : model.coefficients) is_aliased.push_back(c.is_aliased ? 1 : 0);
  const regression::Factor factor = glm::factor_of(problem, totals, terms, is_aliased);
  return problem.rows.quadratic_forms(problem.pass_of(terms), factor.inverse_root());
}

}  // namespace

GlmDiagnostics diagnose_glm(const Context& ctx, const GlmModel& model, const TileSource& x,
                            const TileSource& y, const GlmOptions& options) {
  check_glm_options(options);
  const glm::Rows rows(ctx, x, y, options, glm::RowCuts::tiles);
  if (static_cast<std::int64_t>(model.coefficients.size()) !=
      rows.columns() + (options.has_intercept ? 1 : 0))
    throw InvalidArgument("the model was not fitted to " + x.describe());
  glm::Problem problem = glm::make_problem(rows, options);
  problem.distribution = model.distribution;
  const std::vector<double> terms = glm::terms_of(problem, model);
  const GlmPass pass = problem.pass_of(terms);
  std::vector<double> predictor = rows.predict(pass, true);
  glm::RowValues values = rows.row_values(problem.distribution, predictor);
  std::vector<double> leverage = leverages(problem, terms, model);
  const std::size_t n = predictor.size();
  std::vector<double> response = rows.make_values();
  std::vector<double> pearson = rows.make_values();
  std::vector<double> deviance = rows.make_values();
  std::vector<double> cooks = rows.make_values();
  constexpr double nan = std::numeric_limits<double>::quiet_NaN();
  for (std::size_t i = 0; i < n; ++i) {
    const auto at = static_cast<std::int64_t>(i);
    if (rows.weight(at) == 0) {
      response[i] = pearson[i] = deviance[i] = cooks[i] = leverage[i] = nan;
      values.working_residual[i] = values.mean[i] = predictor[i] = nan;
      continue;
    }
    response[i] = rows.response(at) - values.mean[i];
    const double work = values.working_weight[i];
    pearson[i] = std::copysign(std::abs(values.working_residual[i]) * std::sqrt(work), response[i]);
    deviance[i] = std::copysign(std::sqrt(values.deviance[i]), response[i]);
    leverage[i] *= work;
    const double rest = 1 - leverage[i];
    cooks[i] = pearson[i] * pearson[i] * leverage[i] /
               (rest * rest * model.dispersion * static_cast<double>(model.rank));
  }
  const auto array = [&](const std::vector<double>& of_rows) {
    return regression::row_array(rows.context(), x, of_rows);
  };
  return {array(predictor), array(values.mean), array(response),
          array(pearson),   array(deviance),    array(values.working_residual),
          array(leverage),  array(cooks)};
}

}  // namespace serried
