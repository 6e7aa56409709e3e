#include "ml/metrics/scored_rows.hpp"

#include <fmt/format.h>

#include <string>

#include "serried/array/evaluate.hpp"
#include "serried/array/indexing.hpp"
#include "serried/base/error.hpp"
#include "serried/expr/functions.hpp"
#include "serried/expr/reductions.hpp"

namespace serried::metrics {
namespace {

void check_array(const Array& array, const Array& y, const char* role, int dimensions = 1) {
  if (array.shape().dimensions() != dimensions)
    throw InvalidArgument(fmt::format("{} has the shape {}, but {} {} wanted", role,
                                      array.shape().to_string(), dimensions,
                                      dimensions == 1 ? "dimension is" : "dimensions are"));
  if (array.shape()[0] != y.shape()[0])
    throw InvalidArgument(
        fmt::format("{} has {} rows, y has {}", role, array.shape()[0], y.shape()[0]));
  if (is_complex(array.dtype()))
    throw InvalidArgument(std::string(role) + " is complex; real numbers are wanted");
}

}  // namespace

Expr ScoredRows::weighted(const Expr& x) const {
  return weights ? x * *weights : x;
}

Expr ScoredRows::total(const Expr& truth) const {
  return weights ? sum(where(truth, Expr(*weights), 0.0)) : cast(count_nonzero(truth), DType::f64);
}

ScoredRows scored_rows(const Context& ctx, const Array& y, const Array& predicted,
                       const Array* weights, const Array* beside) {
  check_array(y, y, "y");
  check_array(predicted, y, "the prediction");
  if (weights != nullptr) check_array(*weights, y, "weights");
  if (beside != nullptr) check_array(*beside, y, "probabilities", 2);

  ScoredRows rows{.y = y.cast(DType::f64),
                  .predicted = predicted.cast(DType::f64),
                  .weights = {},
                  .beside = {},
                  .rows = y.shape()[0],
                  .missing = 0};
  Expr is_missing = isnan(Expr(rows.y)) | isnan(Expr(rows.predicted));
  if (weights != nullptr) {
    rows.weights = weights->cast(DType::f64);
    const Expr weight(*rows.weights);
    check_values(ctx, *rows.weights, "weights", (weight < 0) | isinf(weight),
                 "a weight is a number >= 0");
    is_missing = is_missing | isnan(weight);
  }
  if (beside != nullptr) rows.beside = beside->cast(DType::f64);

  const Expr is_out = rows.weights ? is_missing | (Expr(*rows.weights) == 0) : is_missing;
  const std::vector<double> counts = numbers(
      ctx, {cast(count_nonzero(is_missing), DType::f64), cast(count_nonzero(is_out), DType::f64)});
  rows.missing = static_cast<std::int64_t>(counts[0]);
  const auto out = static_cast<std::int64_t>(counts[1]);
  if (out == rows.rows)
    throw DataError(rows.rows == 0 ? "there are no rows to score"
                                   : fmt::format("none of {} rows can be scored: {} have NaN, {} "
                                                 "the weight 0",
                                                 rows.rows, rows.missing, out - rows.missing));
  if (out > 0) {
    const Array mask = evaluate(ctx, !is_out);
    rows.y = compress(rows.y, mask, 0);
    rows.predicted = compress(rows.predicted, mask, 0);
    if (rows.weights) rows.weights = compress(*rows.weights, mask, 0);
    if (rows.beside) rows.beside = compress(*rows.beside, mask, 0);
    rows.rows -= out;
  }
  return rows;
}

std::vector<double> numbers(const Context& ctx, std::vector<Expr> expressions) {
  std::vector<double> values;
  for (Expr& e : expressions) e = cast(e, DType::f64);
  for (const Array& found : evaluate(ctx, expressions)) values.push_back(found.local<double>()[0]);
  return values;
}

void check_values(const Context& ctx, const Array& values, const char* role, const Expr& is_wrong,
                  const char* rule) {
  if (values.shape()[0] == 0) return;
  const std::vector<double> found =
      numbers(ctx, {cast(any(is_wrong), DType::f64), cast(argmax(is_wrong), DType::f64)});
  if (found[0] == 0) return;
  const auto row = static_cast<std::int64_t>(found[1]);
  const std::vector<Slice> place{{.begin = row, .end = row + 1}};
  const Array value = values.slice(place).replicate();
  throw DataError(
      fmt::format("row {} of {} is {:g}; {}", row, role, value.local<double>()[0], rule));
}

}  // namespace serried::metrics
