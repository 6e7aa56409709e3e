#include <limits>

#include "expression_operands.hpp"
#include "expression_options.hpp"
#include "json_output.hpp"
#include "page_output.hpp"
#include "serried/array/evaluate.hpp"
#include "serried/base/error.hpp"
#include "serried/expr/flatten_rows.hpp"
#include "serried/expr/functions.hpp"
#include "serried/expr/quantiles.hpp"
#include "serried/io/held_rows.hpp"
#include "session.hpp"
#include "text_output.hpp"

namespace serried::app {
namespace {

/// What the statistics of one address are of.
struct Selection {
  std::shared_ptr<const Dataset> dataset;
  std::optional<Operands> operands;  ///< with a condition
  Expr elements = Expr(0.0);
  std::optional<Expr> condition;
};

Selection select_all(const Session& session, const StatsCommand& command, const Address& address) {
  const auto phase = session.ctx.recorder().phase("read");
  // The order of elements does not matter to statistics of the whole: any split of the rows will
  // do.
  const SampleAxes samples{
      .kind = command.options.by_column ? SampleAxes::Kind::axes : SampleAxes::Kind::flattened,
      .axes = {0}};
  Selection selection{
      .dataset = std::make_shared<const Dataset>(Dataset::open(
          session.ctx, address, {.samples = samples, .untrusted = session.common().untrusted}))};
  selection.elements = Expr(to_operand(selection.dataset, address.text));
  return selection;
}

Selection select(const Session& session, const StatsCommand& command, const Address& address) {
  if (command.where.empty()) return select_all(session, command, address);
  Selection selection;
  const Operands& operands =
      selection.operands.emplace(session, names_beside(address, command.operands));
  const std::vector<ParsedExpr> conditions = operands.parse(command.where);
  if (conditions.size() != 1)
    throw InvalidArgument("--where " + command.where + ": one condition is needed");
  selection.dataset = operands.first_dataset();
  selection.elements = operands.first();
  selection.condition = conditions.front().expression;
  const Shape& shape = selection.elements.shape();
  if (where(*selection.condition, selection.elements, selection.elements).shape() != shape)
    throw InvalidArgument("--where " + command.where + ": its shape " +
                          selection.condition->shape().to_string() + " does not fit " +
                          address.text + ", " + shape.to_string());
  return selection;
}

bool is_wide_integer(DType dtype) {
  return dtype == DType::i64 || dtype == DType::u64;
}

/// What is found beside the statistics: quantiles; of a selection how many NaN there are, and the
/// extrema of integers that f64 does not hold.
std::vector<Expr> questions_of(const StatsCommand& command, const Selection& selection) {
  const Expr& x = selection.elements;
  std::vector<Expr> questions;
  if (x.shape().elements() == 0) return questions;
  std::vector<int> axes;
  if (command.options.by_column) axes = {0};
  if (!command.quantiles.empty())
    questions.push_back(quantile(x, command.quantiles,
                                 {.axes = axes, .where = selection.condition, .skips_nan = true}));
  if (!selection.condition) return questions;
  questions.push_back(count_nonzero(isnan(x), {.axes = axes, .where = selection.condition}));
  if (!is_wide_integer(x.dtype())) return questions;
  const Expr zero = cast(Expr(0), x.dtype());
  const bool is_signed = x.dtype() == DType::i64;
  const Expr highest = is_signed ? cast(Expr(INT64_MAX), DType::i64) : ~zero;
  const Expr lowest = is_signed ? cast(Expr(INT64_MIN), DType::i64) : zero;
  questions.push_back(min(where(*selection.condition, x, highest), {.axes = axes}));
  questions.push_back(max(where(*selection.condition, x, lowest), {.axes = axes}));
  return questions;
}

/// All 8-byte numbers of a result.
template <class T>
std::vector<T> numbers_of(const Array& result) {
  const Array all = result.replicate();
  const T* const values = reinterpret_cast<const T*>(all.local_data());
  return {values, values + all.shape().elements()};
}

/// What the statistics of a selection, whose other elements were NaN, cannot know.
void complete(const std::vector<Array>& answers, DType dtype, StatsResult& result) {
  const auto nan_counts = numbers_of<std::int64_t>(answers[0]);
  for (std::size_t i = 0; i < result.statistics.size(); ++i) {
    Statistics& s = result.statistics[i];
    s.nan_count = nan_counts[i];
    if (is_floating(dtype) || s.count == 0) continue;
    s.min_integer = static_cast<std::int64_t>(s.min);
    s.max_integer = static_cast<std::int64_t>(s.max);
  }
  if (!is_wide_integer(dtype)) return;
  const auto lowest = numbers_of<std::int64_t>(answers[1]);
  const auto highest = numbers_of<std::int64_t>(answers[2]);
  const auto number = [&](std::int64_t value) {
    return dtype == DType::u64 ? static_cast<double>(static_cast<std::uint64_t>(value))
                               : static_cast<double>(value);
  };
  for (std::size_t i = 0; i < result.statistics.size(); ++i) {
    Statistics& s = result.statistics[i];
    if (s.count == 0) continue;
    s.min_integer = lowest[i];
    s.max_integer = highest[i];
    s.min = number(lowest[i]);
    s.max = number(highest[i]);
  }
}

StatsResult stats_of(const Session& session, const StatsCommand& command, const Address& address) {
  const Context& ctx = session.ctx;
  const Selection selection = select(session, command, address);
  const Dataset& dataset = *selection.dataset;
  if (!is_real(dataset.dtype()))
    throw DataError("statistics need real numbers, but " + address.text + " has dtype " +
                    std::string(name(dataset.dtype())));
  std::vector<Expr> expressions = questions_of(command, selection);
  const std::size_t questions = expressions.size();
  if (selection.condition)
    expressions.push_back(where(*selection.condition, selection.elements,
                                Expr(std::numeric_limits<double>::quiet_NaN())));
  if (!command.options.by_column) expressions = flatten_rows(expressions);
  const std::span<const Expr> asked = std::span(expressions).first(questions);

  const std::int64_t own =
      memory_of_statistics(dataset, command.options, ctx.backend()->threads().threads());
  const std::int64_t besides = std::max(memory_of_evaluation(ctx, asked), own);
  require_memory(ctx,
                 selection.operands
                     ? selection.operands->least_memory(
                           ctx, besides + estimate_source(ctx, expressions.back()).bytes +
                                    ctx.options().batch_bytes)
                     : dataset.least_memory(besides),
                 "statistics of this data", session.runtime.node_size());
  const auto phase = ctx.recorder().phase("compute");
  StatsResult result{
      .address = address.text,
      .shape = dataset.shape(),
      .dtype = dataset.dtype(),
      .file_type = dataset.file_type(),
      .column_shape = dataset.row_shape(),
      .is_by_column = command.options.by_column,
      .q = command.quantiles,
      .where = command.where,
      .rows = selection.condition ? to_source(ctx, expressions.back()) : selection.dataset};
  result.statistics = compute_statistics(ctx, *result.rows, command.options);
  std::vector<Array> answers = evaluate(ctx, asked);
  result.quantiles.assign(result.q.size() * result.statistics.size(),
                          std::numeric_limits<double>::quiet_NaN());
  if (questions == 0) return result;
  if (!result.q.empty()) {
    const Array& found = answers.front();
    result.quantiles =
        numbers_of<double>(found.dtype() == DType::f64 ? found : found.cast(DType::f64));
    answers.erase(answers.begin());
  }
  if (selection.condition) complete(answers, dataset.dtype(), result);
  return result;
}

}  // namespace

void run_stats(const Session& session, const StatsCommand& command) {
  claim_stats_extras(session, command);
  std::vector<StatsResult> results;
  for (const Address& address : command.addresses)
    results.push_back(stats_of(session, command, address));
  const Seconds seconds = measure_seconds(session, {"read", "compute"});
  std::string text;
  for (const StatsResult& result : results) text += to_text(result) + '\n';
  print_result(session,
               session.common().is_json ? to_json(results, seconds) : text + to_text(seconds));
  fill_page(session, command, results);
}

}  // namespace serried::app
