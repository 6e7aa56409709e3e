#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "ml/metrics/scored_rows.hpp"
#include "serried/array/evaluate.hpp"
#include "serried/array/histogram.hpp"
#include "serried/base/error.hpp"
#include "serried/expr/functions.hpp"
#include "serried/expr/reductions.hpp"
#include "serried/ml/metrics.hpp"

namespace serried {
namespace {

using metrics::ScoredRows;

constexpr std::size_t most_classes = 1000;

void add_classes(std::vector<double>& classes, std::span<const double> values) {
  for (const double given : values) {
    const double value = given + 0.0;  // -0 is 0
    const auto at = std::ranges::lower_bound(classes, value);
    if (at != classes.end() && *at == value) continue;
    classes.insert(at, value);
    if (classes.size() > most_classes) return;
  }
}

/// All values of y and of the prediction.
std::vector<double> find_classes(const Context& ctx, const ScoredRows& rows) {
  std::vector<double> own;
  add_classes(own, rows.y.local<double>());
  add_classes(own, rows.predicted.local<double>());
  std::vector<double> all;
  add_classes(all, ctx.comm().allgather(std::span<const double>(own)).values);
  return all;
}

/// The numbers of rows' classes; -1: none of them. Collective.
Array numbers_of(const Context& ctx, const Array& values, const std::vector<double>& classes) {
  Array numbers = Array::empty(ctx, values.shape(), DType::i64, 0, values.layout());
  const auto from = values.local<double>();
  const auto to = numbers.local_mutable<std::int64_t>();
  for (std::size_t i = 0; i < from.size(); ++i) {
    const auto at = std::ranges::lower_bound(classes, from[i]);
    to[i] = at != classes.end() && *at == from[i] ? at - classes.begin() : -1;
  }
  return numbers;
}

/// The probability of what was observed, by row.
Array of_observed(const Context& ctx, const Array& probabilities, const Array& numbers) {
  Array own = Array::empty(ctx, numbers.shape(), DType::f64, 0, numbers.layout());
  const auto from = probabilities.local<double>();
  const auto number = numbers.local<std::int64_t>();
  const auto to = own.local_mutable<double>();
  const auto classes = static_cast<std::size_t>(probabilities.shape()[1]);
  for (std::size_t i = 0; i < to.size(); ++i)
    to[i] = from[i * classes + static_cast<std::size_t>(number[i])];
  return own;
}

void check_options(const ClassScoresOptions& options) {
  if (options.classes.size() > most_classes)
    throw InvalidArgument(fmt::format("there can be {} classes at most", most_classes));
  for (std::size_t i = 0; i < options.classes.size(); ++i)
    if (std::isnan(options.classes[i]) || (i > 0 && !(options.classes[i] > options.classes[i - 1])))
      throw InvalidArgument("classes must ascend");
  if (options.probabilities == nullptr) return;
  const Shape& shape = options.probabilities->shape();
  if (shape.dimensions() != 2 || shape[1] != static_cast<std::int64_t>(options.classes.size()))
    throw InvalidArgument(fmt::format("probabilities have the shape {} for {} classes",
                                      shape.to_string(), options.classes.size()));
  if (options.probabilities->split_axis() != 0)
    throw InvalidArgument("probabilities must be split along axis 0");
}

}  // namespace

ClassScores score_classes(const Context& with_device, const Array& y, const Array& predicted,
                          const ClassScoresOptions& options) {
  const Context ctx = with_device.on_host();
  check_options(options);
  const ScoredRows rows =
      metrics::scored_rows(ctx, y, predicted, options.weights, options.probabilities);
  ClassScores scores;
  scores.rows = rows.rows;
  scores.missing = rows.missing;
  scores.classes = options.classes.empty() ? find_classes(ctx, rows) : options.classes;
  if (scores.classes.size() > most_classes)
    throw DataError(fmt::format("there are more than {} classes", most_classes));

  const Array observed = numbers_of(ctx, rows.y, scores.classes);
  const Array foretold = numbers_of(ctx, rows.predicted, scores.classes);
  metrics::check_values(ctx, rows.y, "y", Expr(observed) < 0, "that is none of the classes");
  metrics::check_values(ctx, rows.predicted, "the prediction", Expr(foretold) < 0,
                        "that is none of the classes");
  const auto classes = static_cast<std::int64_t>(scores.classes.size());
  const Array pairs = evaluate(ctx, Expr(observed) * classes + foretold);
  BincountOptions counting{.min_length = classes * classes};
  if (rows.weights) counting.weights = &*rows.weights;
  const Array counts = bincount(ctx, pairs, counting).cast(DType::f64);
  for (const double count : counts.local<double>()) scores.confusion.push_back(count);
  double all = 0;
  double right = 0;
  for (std::size_t i = 0; i < scores.confusion.size(); ++i) {
    all += scores.confusion[i];
    if (i % (scores.classes.size() + 1) == 0) right += scores.confusion[i];
  }
  scores.accuracy = right / all;
  if (rows.beside) {
    constexpr double least = std::numeric_limits<double>::epsilon();
    ReduceOptions by_weight;
    if (rows.weights) by_weight.weights = Expr(*rows.weights);
    const Array own = of_observed(ctx, *rows.beside, observed);
    scores.log_loss =
        metrics::numbers(ctx, {mean(-log(clip(Expr(own), least, 1 - least)), by_weight)})[0];
  }
  return scores;
}

}  // namespace serried
