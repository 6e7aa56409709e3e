#pragma once

#include <optional>
#include <vector>

#include "serried/base/api.hpp"
#include "serried/expr/expr.hpp"

/// Reductions of expressions, as NumPy's of the same name. They are parts of expressions like any
/// other: `(u - mean(u)) / stddev(u)` is one, which is evaluated in as few reads of the data as can
/// be (two: stddev needs none beside mean). Floating numbers are summed in f64: some thousand at a
/// time in 32 lanes, and these sums in about twice its digits. Sums and products of integers that
/// their dtype cannot hold are an error when they are evaluated. All are Local.
namespace SERRIED_API serried {

struct ReduceOptions {
  std::vector<int> axes = {};  ///< none: all; negative ones count from the end
  bool keepdims = false;       ///< reduced axes stay, with an extent of 1
  /// Only elements for which this (b8, broadcast) is true.
  std::optional<Expr> where = std::nullopt;
  bool skips_nan = false;  ///< NaN is left out, as in NumPy's nan-functions
  int ddof = 0;            ///< of var and stddev
  /// Of mean, var and stddev: the weight of each element (floating, broadcast).
  std::optional<Expr> weights = std::nullopt;
};

/// i64 of signed integers and b8, u64 of unsigned ones, else the dtype.
/// @throws InvalidArgument for axes that are not there, or twice; so all of these.
[[nodiscard]] Expr sum(const Expr& x, const ReduceOptions& options = {});
[[nodiscard]] Expr prod(const Expr& x, const ReduceOptions& options = {});
/// f64 of integers, else the dtype; NaN of no elements. With weights sum(w x) / sum(w).
[[nodiscard]] Expr mean(const Expr& x, const ReduceOptions& options = {});
/// Sum of squares about the mean / (n - ddof); NaN where n <= ddof. Of complex numbers: of the
/// absolute squares. With weights n is their sum.
[[nodiscard]] Expr var(const Expr& x, const ReduceOptions& options = {});
[[nodiscard]] Expr stddev(const Expr& x, const ReduceOptions& options = {});
/// NaN if there is one. With `where` or `skips_nan` and nothing left: NaN, and of integers an error
/// when it is evaluated. A zero is +0.
/// @throws InvalidArgument also where nothing is reduced to begin with.
[[nodiscard]] Expr min(const Expr& x, const ReduceOptions& options = {});
[[nodiscard]] Expr max(const Expr& x, const ReduceOptions& options = {});
/// max - min.
[[nodiscard]] Expr ptp(const Expr& x, const ReduceOptions& options = {});
/// The number, in C order along the reduced axes, of the first lowest element (of the first NaN, if
/// there is one). Nothing left: an error when it is evaluated.
[[nodiscard]] Expr argmin(const Expr& x, const ReduceOptions& options = {});
[[nodiscard]] Expr argmax(const Expr& x, const ReduceOptions& options = {});
[[nodiscard]] Expr any(const Expr& x, const ReduceOptions& options = {});
[[nodiscard]] Expr all(const Expr& x, const ReduceOptions& options = {});
/// i64.
[[nodiscard]] Expr count_nonzero(const Expr& x, const ReduceOptions& options = {});
/// Elements that take part (i64): those of `where` and with `skips_nan` no NaN.
[[nodiscard]] Expr count(const Expr& x, const ReduceOptions& options = {});
/// (sum |x|^order)^(1/order); infinity: the greatest |x|, -infinity: the least, 0: how many are not
/// 0.
[[nodiscard]] Expr norm(const Expr& x, double order = 2, const ReduceOptions& options = {});
/// Sum of products along the last axis; of complex numbers too, none conjugated.
/// @throws InvalidArgument unless the last extents are equal.
[[nodiscard]] Expr dot(const Expr& x, const Expr& y);
/// Covariance and Pearson's correlation of two real variables over the reduced axes; ddof is 1
/// unless it is given. @throws InvalidArgument for weights.
[[nodiscard]] Expr cov(const Expr& x, const Expr& y, const ReduceOptions& options = {.ddof = 1});
[[nodiscard]] Expr corr(const Expr& x, const Expr& y, const ReduceOptions& options = {});

}  // namespace serried
