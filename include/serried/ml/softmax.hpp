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

/// newton: steps from the whole information matrix, which gives standard errors; lbfgs: from the
/// gradients of the last steps (J. Nocedal 1980), for many coefficients, without them. automatic:
/// newton for up to 1000 coefficients.
enum class SoftmaxSolver : std::uint8_t { automatic, newton, lbfgs };

struct SoftmaxOptions {
  bool has_intercept = true;
  /// The fit minimises -log-likelihood + l2 / 2 * (sum of squares of the coefficients without the
  /// intercepts).
  double l2 = 0;
  bool is_standardized = false;  ///< l2 means the coefficients of columns over their deviations
  SoftmaxSolver solver = SoftmaxSolver::automatic;
  /// newton ends where the next step is at most so many standard errors long in every direction;
  /// lbfgs where no element of the gradient by row is larger.
  double tolerance = 1e-9;
  int max_iterations = 100;  ///< ten times as many of lbfgs
  double confidence = 0.95;  ///< of the intervals
  WeightsMeaning weights_meaning = WeightsMeaning::variance;
  /// Numbers >= 0 by row, or null: all 1. A row of weight 0 is left out.
  const TileSource* weights = nullptr;
  std::vector<std::string> column_names = {};  ///< empty: x0, x1, ...
};

/// A fitted model: a plain value, the same on every rank.
struct SoftmaxModel {
  bool has_intercept = true;
  std::vector<double> classes;  ///< values of y, ascending; the first one is the reference
  /// Of each class but the first, as R's multinom and statsmodels' MNLogit: the logarithm of its
  /// odds against the first one. (classes - 1) times the intercept and the columns.
  std::vector<std::vector<Coefficient>> coefficients;
  double log_likelihood = 0;
  double null_log_likelihood = 0;  ///< of the classes' frequencies alone
  double deviance = 0;             ///< -2 log_likelihood
  double pseudo_r2 = 0;            ///< 1 - log_likelihood / null_log_likelihood (D. McFadden)
  double aic = 0;                  ///< deviance + 2 rank
  double bic = 0;
  double df_residual = 0;
  std::int64_t rank = 0;  ///< coefficients that are not aliased
  std::int64_t rows = 0;
  std::int64_t rows_used = 0;  ///< of a weight above 0
  std::int64_t iterations = 0;
  SoftmaxSolver solver = SoftmaxSolver::newton;
  bool has_errors = true;  ///< standard errors; not by lbfgs
  bool converged = false;
  std::string message;  ///< why it has not converged, or empty
  double confidence = 0.95;
};

/// Multinomial logistic regression. One read of x in each iteration, and one before. Bits do not
/// depend on ranks, threads and batches. Collective.
/// Memory: 8 bytes a row for y, and as much for weights. Communication: with newton c (c - 1) p^2 /
/// 4 numbers along the reduction tree in each iteration, for c classes and p columns; with lbfgs c
/// p.
/// @param x (n, p), real numbers, in memory or read in batches. @param y (n), whole numbers, lying
/// as x does.
/// @throws InvalidArgument for wrong options, shapes and dtypes; DataError for NaN or Inf,
/// responses that are no whole numbers, negative weights (naming the first such row), no row of a
/// weight above 0, fewer than 2 or more than 1000 classes; RankError for failing reads.
[[nodiscard]] SoftmaxModel fit_softmax(const Context& ctx, const TileSource& x, const TileSource& y,
                                       const SoftmaxOptions& options);

/// Whether a model can be fitted with these options, before anything is read. Local.
/// @throws InvalidArgument.
void check_softmax_options(const SoftmaxOptions& options);

/// What a model says of rows: arrays split as x is.
struct SoftmaxPrediction {
  Array probabilities;  ///< (n, classes) f64
  Array classes;        ///< (n) f64: the value of the most probable class, NaN for rows with NaN
};

/// One read of x. Collective.
/// Memory: 8 bytes a row and class, twice.
/// @param x (n, columns of the model), in memory or read in batches.
/// @throws InvalidArgument for shapes, dtypes and layouts; RankError for failing reads.
[[nodiscard]] SoftmaxPrediction predict_softmax(const Context& ctx, const SoftmaxModel& model,
                                                const TileSource& x);

/// A model as text. Local.
[[nodiscard]] std::string summary(const SoftmaxModel& model);

}  // namespace serried
