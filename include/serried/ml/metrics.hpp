#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "serried/array/array.hpp"
#include "serried/base/api.hpp"
#include "serried/context.hpp"

/// How predictions lie to what was observed, as the functions of scikit-learn's `metrics` of the
/// same names define it. Observations, predictions and weights are arrays (n) of real numbers on
/// the host that lie alike. A row with NaN in one of them is left out, and counted as missing; so
/// is a row of weight 0, which is not. Bits do not depend on ranks and threads. All are Collective.
/// @throws InvalidArgument for shapes, dtypes and layouts; DataError, the same on all ranks, for
/// weights that are negative or infinite (naming the first such row), and where no row is left;
/// RankError if memory is short on one.
namespace SERRIED_API serried {

struct RegressionScores {
  std::int64_t rows = 0;     ///< that count
  std::int64_t missing = 0;  ///< with NaN
  double mean_squared_error = 0;
  double root_mean_squared_error = 0;
  double mean_absolute_error = 0;
  double max_error = 0;
  /// 1 - (mean squared error) / (variance of y); none where y is constant.
  std::optional<double> r2;
};
/// Three reads of the arrays. Memory: 24 bytes a row where rows are left out.
[[nodiscard]] RegressionScores score_regression(const Context& ctx, const Array& y,
                                                const Array& predicted,
                                                const Array* weights = nullptr);

/// What is foretold by a score of `threshold` and above.
struct RocPoint {
  double threshold = 0;
  double false_positive_rate = 0;  ///< share of the rows of 0
  double true_positive_rate = 0;   ///< share of the rows of 1
};

/// Rows whose predicted probability lies in [low, high), in the last bin in [low, high].
struct CalibrationBin {
  double low = 0;
  double high = 0;
  std::int64_t rows = 0;
  double mean_probability = 0;  ///< NaN without rows, as the next
  double observed = 0;          ///< share of the rows of 1
};

enum class CalibrationBins : std::uint8_t {
  uniform,   ///< of equal width
  quantiles  ///< of about as many rows each; fewer bins where quantiles are equal
};

struct BinaryScoresOptions {
  const Array* weights = nullptr;
  double threshold = 0.5;  ///< 1 is foretold by a probability above it
  int calibration_bins = 10;
  CalibrationBins bins = CalibrationBins::uniform;
  /// At most so many thresholds, of which half are quantiles of either class; all where there are
  /// not more. 0: no curve.
  int roc_points = 200;
};

/// Sums of weights, or numbers of rows, by what was observed and what was foretold.
struct BinaryConfusion {
  double true_negatives = 0;
  double false_positives = 0;
  double false_negatives = 0;
  double true_positives = 0;
};

struct BinaryScores {
  std::int64_t rows = 0;
  std::int64_t missing = 0;
  double log_loss = 0;  ///< mean -log of the probability of what was observed, held above 2^-52
  double brier = 0;     ///< mean squared error of the probabilities
  double accuracy = 0;
  BinaryConfusion confusion;
  /// Area under the ROC curve: the chance that of a row of 1 and a row of 0 the former has the
  /// higher probability; equal ones count a half (J. Hanley and B. McNeil 1982). Without weights
  /// the pairs are counted as integers, so that the quotient alone is rounded. None where a class
  /// has no rows.
  std::optional<double> auc;
  std::vector<RocPoint> roc;  ///< from (0, 0) to (1, 1), thresholds descending; empty as auc
  std::vector<CalibrationBin> calibration;
};

/// Of probabilities for 1. Communication: as sort() of the probabilities, and searchsorted().
/// Memory: 80 bytes a row.
/// @param y of 0 and 1. @param probabilities in [0, 1].
/// @throws InvalidArgument for wrong options; DataError also for other values, naming the first
/// such row.
[[nodiscard]] BinaryScores score_binary(const Context& ctx, const Array& y,
                                        const Array& probabilities,
                                        const BinaryScoresOptions& options = {});

struct ClassScoresOptions {
  const Array* weights = nullptr;
  /// (n, classes), lying as y does, in the order of `classes`: for log_loss.
  const Array* probabilities = nullptr;
  /// Ascending; none: those that there are. At most 1000.
  std::vector<double> classes = {};
};

struct ClassScores {
  std::int64_t rows = 0;
  std::int64_t missing = 0;
  std::vector<double> classes;
  /// Sums of weights, or numbers of rows: (observed, predicted), C order.
  std::vector<double> confusion;
  double accuracy = 0;
  std::optional<double> log_loss;  ///< as of BinaryScores; with probabilities
};

/// Of predicted classes. Memory: 40 bytes a row.
/// @throws InvalidArgument for probabilities without classes, or of another shape, and classes that
/// do not ascend; DataError also for a class that is not among them, naming the first such row, and
/// more than 1000.
[[nodiscard]] ClassScores score_classes(const Context& ctx, const Array& y, const Array& predicted,
                                        const ClassScoresOptions& options = {});

/// A value, and where a standard normal distribution has as much below it.
struct NormalQuantile {
  double normal = 0;
  double value = 0;
};

/// Quantiles of values beside those of the standard normal distribution, as R's qqnorm and ppoints:
/// at (i + 0.5) / n, for at most `points` of them, ascending; interpolated as NumPy's method hazen.
/// NaN is left out; no values, no points. Two reads of the array. Memory: as quantile().
/// @param values (n). @throws InvalidArgument for fewer points than 1, and as above.
[[nodiscard]] std::vector<NormalQuantile> normal_quantiles(const Context& ctx, const Array& values,
                                                           int points = 200);

}  // namespace serried
