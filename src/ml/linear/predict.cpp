#include <cmath>
#include <limits>
#include <vector>

#include "base/distributions.hpp"
#include "ml/regression/row_array.hpp"
#include "serried/ml/linear.hpp"

namespace serried {

LinearPrediction predict_linear(const Context& with_device, const LinearModel& model,
                                const TileSource& x) {
  const Context ctx = with_device.on_host();
  const std::size_t targets = model.targets.size();
  const regression::ModelPass first(model.targets.front().coefficients, model.has_intercept);
  first.check(ctx, x);
  const std::vector<double> unscaled = first.std_errors(ctx, x, model.covariance_root);
  const double reach = student_reach(model.confidence, model.df_residual);
  const auto empty = [&] {
    return Array::empty(ctx, Shape{x.rows(), static_cast<std::int64_t>(targets)}, DType::f64, 0,
                        x.layout());
  };
  LinearPrediction prediction{empty(), empty(), empty(), empty()};
  const auto mean = prediction.mean.local_mutable<double>();
  const auto std_error = prediction.std_error.local_mutable<double>();
  const auto low = prediction.low.local_mutable<double>();
  const auto high = prediction.high.local_mutable<double>();
  for (std::size_t k = 0; k < targets; ++k) {
    const LinearTarget& target = model.targets[k];
    const regression::ModelPass pass(target.coefficients, model.has_intercept);
    const std::vector<double> means = pass.predictors(ctx, x);
    for (std::size_t i = 0, at = k; i < means.size(); ++i, at += targets) {
      const double error = unscaled[i] * target.residual_std;
      mean[at] = means[i];
      std_error[at] = error;
      low[at] = means[i] - reach * error;
      high[at] = means[i] + reach * error;
    }
  }
  return prediction;
}

}  // namespace serried
