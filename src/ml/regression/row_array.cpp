#include "ml/regression/row_array.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "ml/regression/source_rows.hpp"
#include "serried/base/error.hpp"

namespace serried::regression {

Array row_array(const Context& ctx, const TileSource& x, const std::vector<double>& values) {
  Array array = Array::empty(ctx, Shape{x.rows()}, DType::f64, 0, x.layout());
  std::ranges::copy(values, array.local_mutable<double>().begin());
  return array;
}

ModelPass::ModelPass(const std::vector<Coefficient>& model, bool has_intercept) {
  for (std::size_t j = has_intercept ? 1 : 0; j < model.size(); ++j)
    coefficients_.push_back(model[j].is_aliased ? 0 : model[j].estimate);
  shift_.assign(coefficients_.size(), 0.);
  scale_.assign(coefficients_.size(), 1.);
  pass_.has_intercept = has_intercept;
  pass_.intercept = has_intercept ? model.front().estimate : 0;
  pass_.coefficients = coefficients_;
  pass_.shift = shift_;
  pass_.scale = scale_;
}

void ModelPass::check(const Context& ctx, const TileSource& x) const {
  static_cast<void>(checked_columns(ctx, x));
  if (x.row_elements() != static_cast<std::int64_t>(coefficients_.size()))
    throw InvalidArgument(fmt::format("{} has {} columns, the model was fitted to {}", x.describe(),
                                      x.row_elements(), coefficients_.size()));
}

std::vector<double> ModelPass::predictors(const Context& ctx, const TileSource& x,
                                          const std::vector<double>& offsets) const {
  const auto& kernels = ctx.backend()->kernels<GlmKernels>(x.dtype());
  return by_row(
      ctx, x, Leaves::single_tiles(x.layout()),
      [&](const std::byte* of_x, std::int64_t local_row, std::int64_t count, double* values) {
        GlmRows rows;
        rows.x = of_x;
        if (!offsets.empty()) rows.offset = offsets.data() + local_row;
        kernels.predict(pass_, rows, count, values);
      });
}

std::vector<double> ModelPass::std_errors(const Context& ctx, const TileSource& x,
                                          const std::vector<double>& root) const {
  const auto& kernels = ctx.backend()->kernels<GlmKernels>(x.dtype());
  const auto terms =
      static_cast<std::int64_t>(coefficients_.size()) + (pass_.has_intercept ? 1 : 0);
  auto values = by_row(ctx, x, Leaves::single_tiles(x.layout()),
                       [&](const std::byte* of_x, std::int64_t, std::int64_t count, double* out) {
                         GlmRows rows;
                         rows.x = of_x;
                         kernels.quadratic_forms(pass_, rows, root, terms, count, out);
                       });
  for (double& value : values) value = std::sqrt(value);
  return values;
}

}  // namespace serried::regression
