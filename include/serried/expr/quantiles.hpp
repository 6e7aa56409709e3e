#pragma once

#include <vector>

#include "serried/base/api.hpp"
#include "serried/base/quantile_method.hpp"
#include "serried/expr/expr.hpp"
#include "serried/expr/reductions.hpp"

/// Exact order statistics as parts of expressions. They are found by selection, without a sort:
/// over the split axis in two reads of the data, whatever the quantiles, and one more for each
/// 16 384 results (columns); see array/evaluate.hpp. Memory for that, on every rank: 4 MiB for a
/// sample, and 16 bytes for each of about a hundredth of all elements; 256 MiB at most. All are
/// Local.
namespace SERRIED_API serried {

struct QuantileOptions {
  std::vector<int> axes = {};  ///< none: all
  bool keepdims = false;
  QuantileMethod method = QuantileMethod::linear;
  std::optional<Expr> where = std::nullopt;  ///< only elements for which it is true
  bool skips_nan = false;                    ///< else a NaN makes the result NaN
};

/// f64 of integers (but the dtype of discrete methods), else the dtype. Nothing left: NaN, and of
/// integers an error when it is evaluated.
/// @throws InvalidArgument for q outside of [0, 1], complex numbers, wrong axes, no elements.
[[nodiscard]] Expr quantile(const Expr& x, double q, const QuantileOptions& options = {});
/// Several at once: the result has them along a first axis of its own.
[[nodiscard]] Expr quantile(const Expr& x, const std::vector<double>& q,
                            const QuantileOptions& options = {});
[[nodiscard]] Expr median(const Expr& x, const QuantileOptions& options = {});

}  // namespace serried
