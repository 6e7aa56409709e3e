#include <cmath>

#include "ml/metrics/scored_rows.hpp"
#include "serried/expr/functions.hpp"
#include "serried/expr/reductions.hpp"
#include "serried/ml/metrics.hpp"

namespace serried {

RegressionScores score_regression(const Context& with_device, const Array& y,
                                  const Array& predicted, const Array* weights) {
  const Context ctx = with_device.on_host();
  const metrics::ScoredRows rows = metrics::scored_rows(ctx, y, predicted, weights);
  const Expr observed(rows.y);
  const Expr error = observed - rows.predicted;
  ReduceOptions by_weight;
  if (rows.weights) by_weight.weights = Expr(*rows.weights);
  const std::vector<double> found =
      metrics::numbers(ctx, {mean(square(error), by_weight), mean(abs(error), by_weight),
                             max(abs(error)), var(observed, by_weight), ptp(observed)});
  RegressionScores scores{.rows = rows.rows,
                          .missing = rows.missing,
                          .mean_squared_error = found[0],
                          .root_mean_squared_error = std::sqrt(found[0]),
                          .mean_absolute_error = found[1],
                          .max_error = found[2],
                          .r2 = {}};
  if (found[4] > 0) scores.r2 = 1 - found[0] / found[3];
  return scores;
}

}  // namespace serried
