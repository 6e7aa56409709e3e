#include "ml/glm/robust.hpp"

#include <cstddef>

namespace serried::glm {

std::vector<double> robust_gram(const Problem& problem, const Fit& fit, GlmErrors errors) {
  const Rows& rows = problem.rows;
  const GlmPass pass = problem.pass_of(fit.terms);
  const RowValues values = rows.row_values(problem.distribution, rows.predict(pass, true));
  const bool has_leverage = errors == GlmErrors::hc2 || errors == GlmErrors::hc3;
  const std::vector<double> forms =
      has_leverage ? rows.quadratic_forms(pass, fit.factor.inverse_root()) : std::vector<double>();
  std::vector<double> weights = rows.make_values();
  for (std::size_t i = 0; i < weights.size(); ++i) {
    const double work = values.working_weight[i];
    if (work == 0) continue;
    // a row that stands for several counts as often, each with its part of the weight
    const auto at = static_cast<std::int64_t>(i);
    const double copies = rows.is_frequency() ? rows.weight(at) / rows.trials(at) : 1;
    const double score = work * values.working_residual[i] / copies;
    double square = copies * score * score;
    if (has_leverage) {
      const double rest = 1 - work / copies * forms[i];
      square /= errors == GlmErrors::hc2 ? rest : rest * rest;
    }
    weights[i] = square;
  }
  const std::vector<double> packed = rows.gram(pass, weights);
  const std::size_t n = problem.terms();
  const double count = rows.count();
  const double correction =
      errors == GlmErrors::hc1 ? count / (count - static_cast<double>(fit.factor.rank())) : 1;
  std::vector<double> gram(n * n, 0.);
  const double* from = packed.data();
  for (std::size_t i = 0; i < n; ++i)
    for (std::size_t j = i; j < n; ++j) gram[i * n + j] = correction * *from++;
  return gram;
}

}  // namespace serried::glm
