#pragma once

#include "serried/array/array.hpp"
#include "serried/ml/glm.hpp"

namespace SERRIED_API serried {

/// What a model says of rows: arrays (n) of f64, lying as x does.
struct GlmPrediction {
  Array predictor;  ///< linear predictor, with the offset
  Array mean;       ///< of the response; a probability for the binomial family
  Array std_error;  ///< of the predictor; NaN of GlmSolver::lbfgs, as the interval
  /// The confidence interval of the mean, at the model's confidence: the predictor's interval
  /// through the link.
  Array low;
  Array high;
};

/// NaN where a row has NaN; aliased columns count as 0. Bits do not depend on ranks, threads and
/// batches. Two reads of x. Collective.
/// Memory: 48 bytes a row.
/// @param x (n, columns of the model), in memory or read in batches. @param offset (n), lying as x
/// does, or null: 0.
/// @throws InvalidArgument for shapes, dtypes and layouts; RankError for failing reads.
[[nodiscard]] GlmPrediction predict_glm(const Context& ctx, const GlmModel& model,
                                        const TileSource& x, const TileSource* offset = nullptr);

/// How each row of a fit lies to its model: arrays (n) of f64, lying as x does; NaN for rows of
/// weight 0, which are left out. y counts as a proportion where there are trials.
struct GlmDiagnostics {
  Array predictor;
  Array mean;
  Array response_residual;  ///< y - mean
  Array pearson_residual;   ///< sqrt(weight / V(mean)) (y - mean)
  Array deviance_residual;  ///< sign(y - mean) sqrt(the row's part of the deviance)
  Array working_residual;   ///< (y - mean) * d predictor / d mean
  Array leverage;           ///< diagonal of the hat matrix; NaN of GlmSolver::lbfgs, as the next
  /// pearson^2 leverage / ((1 - leverage)^2 dispersion rank) (R. Cook and S. Weisberg 1982), as R's
  /// cooks.distance.
  Array cooks_distance;
};

/// Four reads of x. Collective.
/// Memory: 100 bytes a row.
/// @param x @param y @param options those of the fit.
/// @throws as fit_glm.
[[nodiscard]] GlmDiagnostics diagnose_glm(const Context& ctx, const GlmModel& model,
                                          const TileSource& x, const TileSource& y,
                                          const GlmOptions& options);

/// The comparison of two models of the same rows, the first one's columns being among those of the
/// second, as R's anova prints it: by the deviance's drop, with F where the dispersion is estimated
/// (at the larger model's), else chi squared.
struct GlmComparison {
  double df = 0;         ///< more coefficients
  double deviance = 0;   ///< less deviance
  double statistic = 0;  ///< F, or the drop itself
  double p_value = 0;
  bool is_f = false;
};
/// Local.
/// @throws InvalidArgument unless both are of the same family, link, dispersion and number of rows.
[[nodiscard]] GlmComparison compare(const GlmModel& smaller, const GlmModel& larger);

}  // namespace serried
