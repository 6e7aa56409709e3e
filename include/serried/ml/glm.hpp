#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "serried/base/api.hpp"
#include "serried/base/glm_family.hpp"
#include "serried/comm/tile_source.hpp"
#include "serried/context.hpp"
#include "serried/ml/coefficient.hpp"

namespace SERRIED_API serried {

/// How the steps of a fit are solved for. irls: from the Gram matrix of the weighted columns, by
/// LDL^T; qr: from a QR decomposition of the columns themselves, by Householder reflectors along
/// the reduction tree, which takes twice the work and keeps twice the digits. lbfgs: from the
/// gradients of the last steps (J. Nocedal 1980), for many columns, whose products it does not
/// make: without standard errors, and without a look for aliased columns. automatic: irls, and qr
/// from where a column has less than 3e-4 of its length to itself; lbfgs for more than 2000
/// columns, unless robust errors are wanted.
enum class GlmSolver : std::uint8_t { automatic, irls, qr, lbfgs };

/// What the standard errors rest on. model: the family's variance and the dispersion. hc0 to hc3:
/// the squared residuals of the rows, whatever their variances are (H. White 1980; hc1 times n / (n
/// - p); hc2 and hc3 over 1 - leverage and its square: J. MacKinnon and H. White 1985), as R's
/// sandwich::vcovHC. They cost two more reads of x, hc2 and hc3 three.
enum class GlmErrors : std::uint8_t { model, hc0, hc1, hc2, hc3 };

struct GlmOptions {
  GlmFamily family = GlmFamily::gaussian;
  /// Of the family's default where none is given; see is_allowed.
  std::optional<GlmLink> link = {};
  /// Exponent of GlmLink::power, not 0.
  double link_power = 1;
  /// Of the negative binomial family, above 0: variance mean + mean^2 / theta. Without it, it is
  /// estimated by maximum likelihood, in turn with the coefficients.
  std::optional<double> theta = {};
  /// Of the tweedie family: between 1 and 2, or above 2.
  double tweedie_power = 1.5;
  bool has_intercept = true;
  /// The fit minimises deviance / 2 + l2 / 2 * (sum of squares of the coefficients without the
  /// intercept).
  double l2 = 0;
  /// Whether l2 means the coefficients of columns divided by their standard deviations. The model's
  /// coefficients are those of the columns as they are all the same.
  bool is_standardized = false;
  GlmSolver solver = GlmSolver::automatic;
  /// The iteration ends where the next step is at most `tolerance` standard errors long, in every
  /// direction; lbfgs where no element of the gradient by row is larger, in units of the root of
  /// the deviance that it begins with, by row, where a dispersion is estimated.
  double tolerance = 1e-9;
  int max_iterations = 100;  ///< ten times as many of lbfgs
  double confidence = 0.95;  ///< of the intervals
  GlmErrors errors = GlmErrors::model;
  WeightsMeaning weights_meaning = WeightsMeaning::variance;
  /// Known in advance for each row; or null.
  const TileSource* offset = nullptr;
  /// Numbers >= 0, or null: all 1. A row of weight 0 is left out.
  const TileSource* weights = nullptr;
  /// For the binomial family: y then counts the successes among so many trials; or null: y is 0 or
  /// 1. A row without trials is left out.
  const TileSource* trials = nullptr;
  /// Of the columns of x; empty: x0, x1, ...
  std::vector<std::string> column_names = {};
};

/// How a fit ended.
enum class GlmStatus : std::uint8_t {
  converged,
  iteration_limit,  ///< max_iterations were too few
  separated,        ///< no finite coefficients are best: a direction separates the responses
  no_descent,       ///< no part of a step lowers the deviance
  singular          ///< the weighted columns have become dependent on each other
};

/// A fitted model: a plain value, the same on every rank.
struct GlmModel {
  GlmDistribution distribution;
  bool has_intercept = true;
  std::vector<Coefficient> coefficients;  ///< the intercept first, then by column
  /// (coefficients, coefficients), C order; NaN for aliased ones. Empty of lbfgs, as the next.
  std::vector<double> covariance;
  /// S with S S^T = covariance but for aliased coefficients, which have 0 here; (coefficients,
  /// coefficients), C order.
  std::vector<double> covariance_root;
  double deviance = 0;
  double null_deviance = 0;  ///< of the intercept and the offset alone
  double pearson = 0;        ///< Pearson's statistic
  /// pearson / df_residual, or 1 for binomial, poisson and negative binomial.
  double dispersion = 1;
  bool has_estimated_dispersion = false;
  GlmErrors errors = GlmErrors::model;
  /// R's: at the dispersion deviance / (number or weight of the rows) where one is estimated. NaN
  /// for tweedie, which has no closed form.
  double log_likelihood = 0;
  double aic = 0;  ///< -2 log_likelihood + 2 parameters; a dispersion or theta that was estimated
                   ///< counts as one, as in R
  double bic = 0;
  double df_residual = 0;
  double df_null = 0;
  std::int64_t rank = 0;  ///< coefficients that are not aliased
  std::int64_t rows = 0;
  std::int64_t rows_used = 0;  ///< of a weight above 0
  std::int64_t iterations = 0;
  GlmSolver solver = GlmSolver::irls;  ///< of the last step: irls, qr or lbfgs
  GlmStatus status = GlmStatus::converged;
  bool converged = false;
  std::string message;         ///< why it has not converged, or empty
  double theta_std_error = 0;  ///< of an estimated theta; else 0
  double confidence = 0.95;
};

/// Generalised linear model by iteratively reweighted least squares, one read of x in each
/// iteration (and one before for means and deviations, and one for each new theta).
/// The columns are centred about their means (with an intercept) and the step is solved for from
/// the Gram matrix or by QR (GlmSolver). A column is aliased where no more than 1e-12 of its length
/// (1e-6 with GlmSolver::irls), or of what rounding of x may be, is its own. Bits do not depend on
/// ranks, threads and batches. Collective. Memory: 8 bytes a row for y, and as much for each of
/// offset, weights and trials. Communication: (p + 2)(p + 3) / 2 numbers along the reduction tree
/// in each iteration, with lbfgs p + 5.
/// @param x (n, p), real numbers, in memory or read in batches. @param y (n), lying as x does.
/// @throws InvalidArgument for wrong options, shapes and dtypes; DataError for NaN or Inf,
/// responses outside of the family's range, negative weights (naming the first such row), and no
/// row of a weight above 0; NumericError where there is nothing to begin with; RankError for
/// failing reads.
[[nodiscard]] GlmModel fit_glm(const Context& ctx, const TileSource& x, const TileSource& y,
                               const GlmOptions& options);

/// Whether a model can be fitted with these options, before anything is read. Local.
/// @throws InvalidArgument.
void check_glm_options(const GlmOptions& options);

/// What GlmSolver::automatic begins with for so many columns: lbfgs or automatic; else the options'
/// solver. Local.
[[nodiscard]] GlmSolver glm_solver(const GlmOptions& options, std::int64_t columns);

/// As R's summary prints a model, some lines of text. Local.
[[nodiscard]] std::string summary(const GlmModel& model);

}  // namespace serried
