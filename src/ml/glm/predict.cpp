#include <algorithm>
#include <utility>
#include <vector>

#include "base/distributions.hpp"
#include "ml/regression/row_array.hpp"
#include "ml/regression/source_rows.hpp"
#include "serried/ml/glm_rows.hpp"

namespace serried {
GlmPrediction predict_glm(const Context& with_device, const GlmModel& model, const TileSource& x,
                          const TileSource* offset) {
  const Context ctx = with_device.on_host();
  const regression::ModelPass pass(model.coefficients, model.has_intercept);
  pass.check(ctx, x);
  std::vector<double> offsets;
  if (offset != nullptr) {
    regression::check_beside(x, *offset, "offset");
    offsets = regression::read_values(ctx, *offset, Leaves::single_tiles(x.layout()), "offset");
  }
  const auto predictor = pass.predictors(ctx, x, offsets);
  std::vector<double> std_error =
      regression::make_values(ctx, static_cast<std::int64_t>(predictor.size()));
  if (model.solver == GlmSolver::lbfgs)
    std::ranges::fill(std_error, std::numeric_limits<double>::quiet_NaN());
  else
    std_error = pass.std_errors(ctx, x, model.covariance_root);
  const auto& kernels = ctx.backend()->kernels<GlmKernels>(x.dtype());
  const double reach = model.has_estimated_dispersion
                           ? student_reach(model.confidence, model.df_residual)
                           : normal_reach(model.confidence);
  const auto count = static_cast<std::int64_t>(predictor.size());
  const auto make_values = [&] { return regression::make_values(ctx, count); };
  std::vector<double> ones = make_values();
  std::ranges::fill(ones, 1.);
  const auto means_at = [&](double reaches) {
    std::vector<double> predictors = make_values();
    for (std::size_t i = 0; i < predictors.size(); ++i)
      predictors[i] = reaches == 0 ? predictor[i] : predictor[i] + reaches * std_error[i];
    std::vector<double> means = make_values();
    GlmRows rows;
    rows.response = ones.data();
    GlmRowValues values;
    values.mean = means.data();
    kernels.row_values(model.distribution, rows, predictors.data(), count, values);
    return means;
  };
  const auto mean = means_at(0);
  auto low = means_at(-reach);
  auto high = means_at(reach);
  // of links that fall
  for (std::size_t i = 0; i < low.size(); ++i)
    if (low[i] > high[i]) std::swap(low[i], high[i]);
  const auto array = [&](const std::vector<double>& values) {
    return regression::row_array(ctx, x, values);
  };
  return {array(predictor), array(mean), array(std_error), array(low), array(high)};
}

}  // namespace serried
