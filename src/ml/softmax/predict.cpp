#include <fmt/format.h>

#include <cmath>
#include <limits>
#include <vector>

#include "ml/regression/source_rows.hpp"
#include "serried/base/error.hpp"
#include "serried/device/glm_kernels.hpp"
#include "serried/ml/softmax.hpp"

namespace serried {

SoftmaxPrediction predict_softmax(const Context& with_device, const SoftmaxModel& model,
                                  const TileSource& x) {
  const Context ctx = with_device.on_host();
  static_cast<void>(regression::checked_columns(ctx, x));
  std::vector<double> coefficients;
  for (const std::vector<Coefficient>& of_class : model.coefficients)
    for (const Coefficient& c : of_class) coefficients.push_back(c.is_aliased ? 0 : c.estimate);
  const auto columns =
      static_cast<std::int64_t>(model.coefficients.front().size()) - (model.has_intercept ? 1 : 0);
  if (x.row_elements() != columns)
    throw InvalidArgument(fmt::format("{} has {} columns, the model was fitted to {}", x.describe(),
                                      x.row_elements(), columns));
  const std::vector<double> shift(static_cast<std::size_t>(columns), 0.);
  const std::vector<double> scale(static_cast<std::size_t>(columns), 1.);
  SoftmaxPass pass;
  pass.classes = static_cast<std::int64_t>(model.classes.size());
  pass.has_intercept = model.has_intercept;
  pass.coefficients = coefficients;
  pass.shift = shift;
  pass.scale = scale;
  SoftmaxPrediction prediction{
      Array::empty(ctx, Shape{x.rows(), pass.classes}, DType::f64, 0, x.layout()),
      Array::empty(ctx, Shape{x.rows()}, DType::f64, 0, x.layout())};
  const auto probabilities = prediction.probabilities.local_mutable<double>();
  const auto& kernels = ctx.backend()->kernels<GlmKernels>(x.dtype());
  static_cast<void>(regression::by_row(
      ctx, x, Leaves::single_tiles(x.layout()),
      [&](const std::byte* of_x, std::int64_t local_row, std::int64_t count, double*) {
        GlmRows rows;
        rows.x = of_x;
        kernels.softmax_probabilities(pass, rows, count,
                                      probabilities.data() + local_row * pass.classes);
      }));
  const auto classes = prediction.classes.local_mutable<double>();
  for (std::size_t i = 0; i < classes.size(); ++i) {
    const double* const row = probabilities.data() + i * model.classes.size();
    std::size_t best = 0;
    for (std::size_t k = 1; k < model.classes.size(); ++k)
      if (row[k] > row[best]) best = k;
    classes[i] =
        std::isnan(row[0]) ? std::numeric_limits<double>::quiet_NaN() : model.classes[best];
  }
  return prediction;
}

}  // namespace serried
