#include <algorithm>
#include <cmath>
#include <limits>

#include "ml/metrics/roc.hpp"
#include "ml/metrics/scored_rows.hpp"
#include "serried/array/evaluate.hpp"
#include "serried/array/histogram.hpp"
#include "serried/base/error.hpp"
#include "serried/expr/functions.hpp"
#include "serried/expr/quantiles.hpp"
#include "serried/expr/reductions.hpp"
#include "serried/ml/metrics.hpp"

namespace serried {
namespace {

using metrics::ScoredRows;

void check_options(const BinaryScoresOptions& options) {
  if (!(options.threshold >= 0 && options.threshold <= 1))
    throw InvalidArgument("the threshold of a probability lies in [0, 1]");
  if (options.calibration_bins < 1) throw InvalidArgument("a calibration has one bin at least");
  if (options.roc_points < 0) throw InvalidArgument("a ROC curve has no negative number of points");
}

std::vector<double> edges_of(const Context& ctx, const ScoredRows& rows,
                             const BinaryScoresOptions& options) {
  std::vector<double> places;
  for (int i = 0; i <= options.calibration_bins; ++i)
    places.push_back(static_cast<double>(i) / options.calibration_bins);
  if (options.bins == CalibrationBins::uniform) return places;
  const Array found = evaluate(ctx, quantile(Expr(rows.predicted), places));
  const auto local = found.local<double>();
  std::vector<double> edges(local.begin(), local.end());
  edges.erase(std::unique(edges.begin(), edges.end()), edges.end());
  if (edges.size() == 1)
    edges.push_back(std::nextafter(edges[0], std::numeric_limits<double>::infinity()));
  return edges;
}

std::vector<CalibrationBin> calibration(const Context& ctx, const ScoredRows& rows,
                                        const BinaryScoresOptions& options) {
  HistogramOptions wanted;
  wanted.axes = {BinAxis{.edges = edges_of(ctx, rows, options)}};
  const HistogramTable counts = histogram(ctx, rows.predicted, wanted);
  const auto sums = [&](const TileSource& weights) {
    wanted.weights = &weights;
    return histogram(ctx, rows.predicted, wanted).sums;
  };
  const std::vector<double> of_ones = sums(evaluate(ctx, rows.weighted(Expr(rows.y))));
  const std::vector<double> of_probabilities =
      sums(evaluate(ctx, rows.weighted(Expr(rows.predicted))));
  std::vector<double> weights(counts.counts.begin(), counts.counts.end());
  if (rows.weights) weights = sums(*rows.weights);
  const std::vector<double>& edges = counts.edges[0];
  std::vector<CalibrationBin> bins;
  for (std::size_t i = 0; i < weights.size(); ++i)
    bins.push_back({.low = edges[i],
                    .high = edges[i + 1],
                    .rows = counts.counts[i],
                    .mean_probability = of_probabilities[i] / weights[i],
                    .observed = of_ones[i] / weights[i]});
  return bins;
}

}  // namespace

BinaryScores score_binary(const Context& with_device, const Array& y, const Array& probabilities,
                          const BinaryScoresOptions& options) {
  const Context ctx = with_device.on_host();
  check_options(options);
  const ScoredRows rows = metrics::scored_rows(ctx, y, probabilities, options.weights);
  const Expr observed(rows.y);
  const Expr p(rows.predicted);
  metrics::check_values(ctx, rows.y, "y", (observed != 0) & (observed != 1), "y is 0 or 1");
  metrics::check_values(ctx, rows.predicted, "the prediction", (p < 0) | (p > 1),
                        "a probability lies in [0, 1]");
  const Expr is_one = observed == 1;
  const Expr is_foretold = p > options.threshold;
  const Expr of_observed = where(is_one, p, 1 - p);
  constexpr double least = std::numeric_limits<double>::epsilon();
  ReduceOptions by_weight;
  if (rows.weights) by_weight.weights = Expr(*rows.weights);
  const std::vector<double> found = metrics::numbers(
      ctx, {mean(-log(clip(of_observed, least, 1 - least)), by_weight),
            mean(square(observed - p), by_weight), rows.total(!is_one && !is_foretold),
            rows.total(!is_one && is_foretold), rows.total(is_one && !is_foretold),
            rows.total(is_one && is_foretold)});
  BinaryScores scores;
  scores.rows = rows.rows;
  scores.missing = rows.missing;
  scores.log_loss = found[0];
  scores.brier = found[1];
  scores.confusion = {found[2], found[3], found[4], found[5]};
  scores.accuracy = (found[2] + found[5]) / (found[2] + found[3] + found[4] + found[5]);
  scores.calibration = calibration(ctx, rows, options);

  const metrics::SortedScores negatives(rows, evaluate(ctx, !is_one));
  const metrics::SortedScores positives(rows, evaluate(ctx, is_one));
  if (negatives.size() == 0 || positives.size() == 0) return scores;
  scores.auc = metrics::area_under_roc(ctx, negatives, positives);
  if (options.roc_points > 0)
    scores.roc = metrics::roc_curve(ctx, negatives, positives, options.roc_points);
  return scores;
}

}  // namespace serried
