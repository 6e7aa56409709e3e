#include <fmt/format.h>

#include "expression_operands.hpp"
#include "json_output.hpp"
#include "page_output.hpp"
#include "serried/array/evaluate.hpp"
#include "serried/base/error.hpp"
#include "serried/io/held_rows.hpp"
#include "session.hpp"
#include "text_output.hpp"

namespace serried::app {
namespace {

/// Numbers that are printed, of all expressions together.
constexpr std::int64_t most_numbers = 1000000;

void check_sizes(const std::vector<ParsedExpr>& parsed) {
  std::int64_t numbers = 0;
  for (const ParsedExpr& each : parsed) {
    const std::int64_t own = each.expression.shape().elements();
    if (own > most_numbers - numbers)
      throw InvalidArgument(
          fmt::format("{} is an array of shape {}: reduce prints at most {} numbers in all; "
                      "'serried eval EXPR ... -o OUT.h5' writes an array into a file",
                      each.text, each.expression.shape().to_string(), most_numbers));
    numbers += own;
  }
}

/// The same elements on every rank.
Array in_shape(const Array& all, const Shape& shape) {
  if (all.shape() == shape) return all;
  return Array::replicated(all.context(), shape, all.dtype(), all.local_data());
}

}  // namespace

void run_reduce(const Session& session, const ReduceCommand& command) {
  const Operands operands(session, command.operands);
  const std::vector<ParsedExpr> parsed = operands.parse(command.text, command.axes);
  check_sizes(parsed);
  session.extras.claim(session.ctx, operands.files(), {});
  const std::vector<Expr> expressions = Operands::flatten(parsed);
  require_memory(session.ctx,
                 operands.least_memory(session.ctx, memory_of_evaluation(session.ctx, expressions)),
                 "evaluating these expressions", session.runtime.node_size());
  std::vector<ReduceResult> results;
  {
    const auto phase = session.ctx.recorder().phase("compute");
    const std::vector<Array> arrays = evaluate(session.ctx, expressions);
    for (std::size_t i = 0; i < arrays.size(); ++i)
      results.push_back({.text = parsed[i].text,
                         .value = in_shape(arrays[i].replicate(), parsed[i].expression.shape())});
  }
  const Seconds seconds = measure_seconds(session, {"read", "compute"});
  print_result(session, session.common().is_json ? to_json(results, seconds)
                                                 : to_text(results) + to_text(seconds));
  if (session.extras.has_page()) fill_page(session, command, operands, results);
}

}  // namespace serried::app
