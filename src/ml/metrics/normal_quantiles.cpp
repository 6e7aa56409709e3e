#include <algorithm>
#include <vector>

#include "base/distributions.hpp"
#include "ml/metrics/scored_rows.hpp"
#include "serried/array/evaluate.hpp"
#include "serried/base/error.hpp"
#include "serried/expr/functions.hpp"
#include "serried/expr/quantiles.hpp"
#include "serried/expr/reductions.hpp"
#include "serried/ml/metrics.hpp"

namespace serried {
namespace {

/// The z with a share of p below it.
double normal_quantile(double p) {
  if (p == 0.5) return 0;
  return p > 0.5 ? normal_reach(2 * p - 1) : -normal_reach(1 - 2 * p);
}

}  // namespace

std::vector<NormalQuantile> normal_quantiles(const Context& with_device, const Array& values,
                                             int points) {
  const Context ctx = with_device.on_host();
  if (points < 1) throw InvalidArgument("quantiles are wanted at one point at least");
  if (values.shape().dimensions() != 1)
    throw InvalidArgument("quantiles are those of an array of one dimension, not of the shape " +
                          values.shape().to_string());
  const Expr x = cast(Expr(values), DType::f64);
  const double count =
      values.shape()[0] == 0 ? 0 : metrics::numbers(ctx, {count_nonzero(!isnan(x))})[0];
  const auto n = static_cast<std::int64_t>(std::min(count, static_cast<double>(points)));
  std::vector<double> shares;
  for (std::int64_t i = 0; i < n; ++i)
    shares.push_back((static_cast<double>(i) + 0.5) / static_cast<double>(n));
  std::vector<NormalQuantile> found;
  if (n == 0) return found;
  const Array at =
      evaluate(ctx, quantile(x, shares, {.method = QuantileMethod::hazen, .skips_nan = true}));
  for (const double share : shares)
    found.push_back({normal_quantile(share), at.local<double>()[found.size()]});
  return found;
}

}  // namespace serried
