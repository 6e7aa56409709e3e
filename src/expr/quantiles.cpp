#include "serried/expr/quantiles.hpp"

#include <string>

#include "expr/build.hpp"
#include "expr/promotion.hpp"
#include "expr/reduced_axes.hpp"
#include "serried/base/error.hpp"
#include "serried/expr/functions.hpp"

namespace serried {
namespace {

Expr make(const Expr& x, const std::vector<double>& q, bool has_q_axis,
          const QuantileOptions& options) {
  if (is_complex(x.dtype()))
    throw InvalidArgument("quantile is not defined for dtype " + std::string(name(x.dtype())));
  for (const double each : q)
    if (!(each >= 0 && each <= 1))
      throw InvalidArgument("quantiles must be in the range [0, 1], not " + std::to_string(each));
  const bool is_whole = is_integer(x.dtype()) || x.dtype() == DType::b8;
  detail::QuantileWish wish{
      .values = x, .q = q, .has_q_axis = has_q_axis, .method = options.method};
  if (options.where) wish.mask = in_type(*options.where, DType::b8);
  if (options.skips_nan && !is_whole) wish.mask = wish.mask ? *wish.mask & !isnan(x) : !isnan(x);
  if (wish.mask && detail::broadcast(wish.mask->shape(), x.shape()) != x.shape())
    throw InvalidArgument("where of shape " + wish.mask->shape().to_string() +
                          " does not fit an array of shape " + x.shape().to_string());
  wish.reduced = detail::reduced_axes(x.shape(), options.axes);
  wish.keeps_axes = options.keepdims;
  wish.result = is_whole && !is_discrete(options.method) ? DType::f64 : x.dtype();
  for (int axis = 0; axis < x.shape().dimensions(); ++axis)
    if ((wish.reduced >> axis & 1u) != 0 && x.shape()[axis] == 0)
      throw InvalidArgument("quantile of an axis without elements");
  return detail::make_quantile(wish);
}

}  // namespace

Expr quantile(const Expr& x, double q, const QuantileOptions& options) {
  return make(x, {q}, false, options);
}

Expr quantile(const Expr& x, const std::vector<double>& q, const QuantileOptions& options) {
  return make(x, q, true, options);
}

Expr median(const Expr& x, const QuantileOptions& options) {
  return quantile(x, 0.5, options);
}

}  // namespace serried
