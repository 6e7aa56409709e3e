#include "ml/metrics/roc.hpp"

#include <algorithm>
#include <functional>
#include <limits>

#include "serried/array/evaluate.hpp"
#include "serried/array/indexing.hpp"
#include "serried/array/scan.hpp"
#include "serried/array/search.hpp"
#include "serried/array/sort.hpp"
#include "serried/expr/functions.hpp"
#include "serried/expr/reductions.hpp"

namespace serried::metrics {
namespace {

__extension__ using Int128 = __int128;

/// At most `count` values of a class, at equal distances in their order, on every rank.
std::vector<double> quantiles_of(const Context& ctx, const SortedScores& scores,
                                 std::int64_t count) {
  count = std::min(count, scores.size());
  std::vector<std::int64_t> places;
  for (std::int64_t i = 0; i < count; ++i)
    places.push_back(count == 1 ? 0 : i * (scores.size() - 1) / (count - 1));
  const Array values =
      take(scores.values(), Array::replicated(ctx, Shape{count}, DType::i64, places.data()))
          .replicate();
  const auto local = values.local<double>();
  return {local.begin(), local.end()};
}

/// The shares of a class at each threshold and above.
std::vector<double> shares_from(const Context& ctx, const SortedScores& scores,
                                const Array& thresholds) {
  const Array below = scores.weight_of_lowest(ctx, searchsorted(scores.values(), thresholds));
  const Array shares =
      evaluate(ctx, (scores.total() - cast(Expr(below), DType::f64)) / scores.total()).replicate();
  const auto local = shares.local<double>();
  return {local.begin(), local.end()};
}

}  // namespace

SortedScores::SortedScores(const ScoredRows& rows, const Array& is_of_class)
    : values_(compress(rows.predicted, is_of_class, 0)) {
  if (!rows.weights) {
    values_ = sort(values_).values;
    total_ = static_cast<double>(size());
    return;
  }
  const Sorted sorted = sort(values_);
  values_ = sorted.values;
  if (size() == 0) return;
  weights_ = take(compress(*rows.weights, is_of_class, 0), sorted.indices);
  running_ = cumsum(*weights_);
  const std::vector<Slice> last{{.begin = size() - 1}};
  total_ = running_->slice(last).replicate().local<double>()[0];
}

Array SortedScores::weight_of_lowest(const Context& ctx, const Array& counts) const {
  if (!running_) return counts;
  const Expr count(counts);
  const Array before = take(*running_, evaluate(ctx, maximum(count - 1, 0)));
  return evaluate(ctx, where(count == 0, 0.0, Expr(before)));
}

double area_under_roc(const Context& ctx, const SortedScores& negatives,
                      const SortedScores& positives) {
  const Array left = searchsorted(negatives.values(), positives.values(), SearchSide::left);
  const Array right = searchsorted(negatives.values(), positives.values(), SearchSide::right);
  if (!positives.weights()) {
    // twice the number of pairs, in two parts, because i64 holds it for up to 4e9 rows only
    constexpr std::int64_t part = std::int64_t{1} << 31;
    const Expr twice = Expr(left) + right;
    const std::vector<Array> sums = evaluate(
        ctx, std::vector<Expr>{sum(floor_divide(twice, part)), sum(remainder(twice, part))});
    const auto pairs = static_cast<Int128>(sums[0].local<std::int64_t>()[0]) * part +
                       sums[1].local<std::int64_t>()[0];
    const auto all = 2 * static_cast<Int128>(negatives.size()) * positives.size();
    return static_cast<double>(static_cast<long double>(pairs) / static_cast<long double>(all));
  }
  const Array below = negatives.weight_of_lowest(ctx, left);
  const Array with_equal = negatives.weight_of_lowest(ctx, right);
  const double twice = numbers(ctx, {sum((Expr(below) + with_equal) * *positives.weights())})[0];
  return twice / 2 / negatives.total() / positives.total();
}

std::vector<RocPoint> roc_curve(const Context& ctx, const SortedScores& negatives,
                                const SortedScores& positives, int points) {
  std::vector<double> thresholds = quantiles_of(ctx, negatives, (points + 1) / 2);
  const std::vector<double> others = quantiles_of(ctx, positives, (points + 1) / 2);
  thresholds.insert(thresholds.end(), others.begin(), others.end());
  std::ranges::sort(thresholds, std::greater<>());
  thresholds.erase(std::unique(thresholds.begin(), thresholds.end()), thresholds.end());
  const Array at = Array::replicated(ctx, Shape{static_cast<std::int64_t>(thresholds.size())},
                                     DType::f64, thresholds.data());
  const std::vector<double> false_positives = shares_from(ctx, negatives, at);
  const std::vector<double> true_positives = shares_from(ctx, positives, at);
  std::vector<RocPoint> curve{{.threshold = std::numeric_limits<double>::infinity()}};
  for (std::size_t i = 0; i < thresholds.size(); ++i)
    curve.push_back({thresholds[i], false_positives[i], true_positives[i]});
  return curve;
}

}  // namespace serried::metrics
