#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "serried/array/array.hpp"
#include "serried/base/api.hpp"
#include "serried/comm/tile_source.hpp"
#include "serried/context.hpp"
#include "serried/ml/coefficient.hpp"

namespace SERRIED_API serried {

struct LinearOptions {
  bool has_intercept = true;
  /// The fit minimises the weighted sum of squared residuals + l2 * (sum of squares of the
  /// coefficients without the intercept).
  double l2 = 0;
  /// Whether l2 means the coefficients of columns divided by their standard deviations (without an
  /// intercept: by their root mean squares; by all rows alike). It costs one more read of x. The
  /// model's coefficients are those of the columns as they are all the same.
  bool is_standardized = false;
  double confidence = 0.95;  ///< of the intervals
  WeightsMeaning weights_meaning = WeightsMeaning::variance;
  /// Numbers >= 0 by row, or null: all 1. A row of weight 0 is left out.
  const TileSource* weights = nullptr;
  std::vector<std::string> column_names = {};  ///< empty: x0, x1, ...
  std::vector<std::string> target_names = {};  ///< empty: y, or y0, y1, ... where there are several
};

/// What is found for one column of y.
struct LinearTarget {
  std::string name;
  std::vector<Coefficient> coefficients;  ///< the intercept first, then by column
  double residual_squares = 0;            ///< weighted sum of squared residuals
  /// Weighted sum of squares of y about its weighted mean; without an intercept about 0.
  double total_squares = 0;
  double residual_std = 0;  ///< sqrt(residual_squares / df_residual)
  double r2 = 0;            ///< 1 - residual_squares / total_squares
  double adjusted_r2 = 0;   ///< the same of the squares by degree of freedom
  double f_statistic = 0;   ///< of all columns against none, on df_model and df_residual
  double f_p_value = 0;
  double log_likelihood = 0;  ///< at the variance residual_squares / rows, as in R
  double aic = 0;             ///< -2 log_likelihood + 2 (rank + 1), as in R
  double bic = 0;
};

/// A fitted model of one or several responses: a plain value, the same on every rank.
struct LinearModel {
  bool has_intercept = true;
  std::vector<LinearTarget> targets;
  /// (coefficients, coefficients), C order: times a target's residual_std^2 the covariance of its
  /// coefficients. NaN for aliased ones.
  std::vector<double> unscaled_covariance;
  /// S with S S^T = unscaled_covariance but for aliased coefficients, which have 0 here.
  std::vector<double> covariance_root;
  double df_model = 0;  ///< of the columns without the intercept
  double df_residual = 0;
  std::int64_t rank = 0;  ///< coefficients that are not aliased
  std::int64_t rows = 0;
  std::int64_t rows_used = 0;  ///< of a weight above 0
  double confidence = 0.95;
};

/// Least squares by a QR decomposition: Householder reflectors along the reduction tree, so that
/// the Gram matrix, in which half of the digits would be lost, is never formed. One read of x. A
/// column of which no more than 1e-12 of its length is its own, given those before it, is aliased,
/// as in R. Bits do not depend on ranks, threads and batches. Collective. Memory: 8 bytes a row for
/// each column of y, and for the weights. Communication: (p + t + 1)^2 / 2 numbers along the
/// reduction tree for p columns and t targets.
/// @param x (n, p), real numbers, in memory or read in batches. @param y (n) or (n, t), lying as x
/// does.
/// @throws InvalidArgument for wrong options, shapes and dtypes; DataError for NaN or Inf and
/// negative weights (naming the first such row), and no row of a weight above 0; RankError for
/// failing reads.
[[nodiscard]] LinearModel fit_linear(const Context& ctx, const TileSource& x, const TileSource& y,
                                     const LinearOptions& options);

/// Whether a model can be fitted with these options, before anything is read. Local.
/// @throws InvalidArgument.
void check_linear_options(const LinearOptions& options);

/// What a model says of rows: arrays (n, targets) of f64, split as x is.
struct LinearPrediction {
  Array mean;
  Array std_error;  ///< of the mean
  Array low;        ///< the confidence interval of the mean, at the model's confidence
  Array high;
};
/// NaN where a row has NaN; aliased columns count as 0. Bits do not depend on ranks, threads and
/// batches. One read of x for each target, and one more. Collective.
/// Memory: 40 bytes a row and target.
/// @param x (n, columns of the model), in memory or read in batches.
/// @throws InvalidArgument for shapes, dtypes and layouts; RankError for failing reads.
[[nodiscard]] LinearPrediction predict_linear(const Context& ctx, const LinearModel& model,
                                              const TileSource& x);

/// As R's summary prints the models of all targets, some lines of text. Local.
[[nodiscard]] std::string summary(const LinearModel& model);

}  // namespace serried
