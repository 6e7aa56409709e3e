#include <fmt/format.h>

#include <algorithm>

#include "expression_operands.hpp"
#include "json_output.hpp"
#include "output_check.hpp"
#include "page_output.hpp"
#include "serried/array/evaluate.hpp"
#include "serried/base/error.hpp"
#include "serried/expr/functions.hpp"
#include "serried/io/held_rows.hpp"
#include "session.hpp"
#include "text_output.hpp"

namespace serried::app {
namespace {

/// The one expression of the text, in the dtype that is wanted.
ParsedExpr parse_one(const Operands& operands, const EvalCommand& command) {
  std::vector<ParsedExpr> parsed = operands.parse(command.text);
  if (parsed.size() != 1)
    throw InvalidArgument(
        fmt::format("eval writes one expression, but {} has {}, separated by commas", command.text,
                    parsed.size()));
  ParsedExpr one = parsed.front();
  if (command.dtype) one.expression = cast(one.expression, *command.dtype);
  return one;
}

WriteOptions write_options(const EvalCommand& command, const ParsedExpr& parsed) {
  std::vector<std::pair<std::string, std::string>> attributes = {{"expression", parsed.text}};
  for (const NamedAddress& operand : command.operands)
    attributes.emplace_back("operand " + operand.name, operand.address.text);
  return {.shape = parsed.expression.shape(), .attributes = std::move(attributes)};
}

/// The coordinate variables of all axes of the first operand of that shape.
std::vector<Coordinate> coordinates_for(const Session& session, const Operands& operands,
                                        const Shape& shape) {
  const Address* const address = operands.find(shape);
  if (address == nullptr || shape.dimensions() == 0) return {};
  return Dataset::open(session.ctx, *address,
                       {.samples = {.kind = SampleAxes::Kind::all, .axes = {}},
                        .untrusted = session.common().untrusted})
      .sample_coordinates();
}

/// How the result comes: as rows that are written while they are computed, or as an array.
struct Way {
  Expr expression;  ///< with rows that keep the ranks busy
  bool is_streamed = false;
  std::int64_t bytes = 0;  ///< what it allocates, beside the batches of operands
};

Way find_way(const Context& ctx, const ParsedExpr& parsed, const WriteOptions& options) {
  Way way{.expression = Operands::flatten({parsed}).front()};
  const Expr& expression = way.expression;
  const SourceEstimate estimate = estimate_source(ctx, expression);
  // rows lie in a file as they come, if they are those of the first axis
  way.is_streamed = estimate.split_axis == 0;
  if (way.is_streamed) {
    const std::int64_t rows = expression.shape()[0];
    const std::int64_t writing =
        FileWriter::memory_of_rows(rows, expression.shape().without(0), expression.dtype(), options,
                                   (rows + ctx.size() - 1) / ctx.size());
    // a batch of the result and of the operands beside what the writer has
    way.bytes = estimate.bytes + 2 * writing;
  } else {
    way.bytes = memory_of_evaluation(ctx, std::span(&expression, 1));
    // rows that lie on the ranks otherwise than a file wants them are moved: there are two of them
    if (estimate.split_axis > 0)
      way.bytes += expression.shape().elements() *
                   static_cast<std::int64_t>(size_of(expression.dtype())) / ctx.size();
  }
  return way;
}

/// Rows that are computed when they are read, or an array that lies as a file wants it. Collective.
std::shared_ptr<const TileSource> compute(const Context& ctx, const Way& way) {
  if (way.is_streamed) return to_source(ctx, way.expression);
  const Array array = evaluate(ctx, way.expression);
  return std::make_shared<const Array>(
      array.is_replicated() || array.split_axis() == 0 ? array : array.with_split_axis(0));
}

}  // namespace

void run_eval(const Session& session, const EvalCommand& command) {
  const Context& ctx = session.ctx;
  const Operands operands(session, command.operands);
  const ParsedExpr parsed = parse_one(operands, command);
  const Shape& shape = parsed.expression.shape();
  const DType dtype = parsed.expression.dtype();
  const WriteOptions options = write_options(command, parsed);
  session.outputs.add(check_output(ctx, command.output.path, operands.files(),
                                   FileWriter::least_bytes(shape, dtype, options)));
  EvalPage page(session, command, operands, parsed.expression);
  const Way way = find_way(ctx, parsed, options);
  require_memory(
      ctx, operands.least_memory(ctx, way.bytes),
      way.is_streamed ? "evaluating this expression" : "this array, which is made in memory,",
      session.runtime.node_size());
  const std::vector<Coordinate> coordinates = coordinates_for(session, operands, shape);
  FileWriter writer(ctx, command.output.path);
  {
    const auto phase = ctx.recorder().phase("compute");
    const std::shared_ptr<const TileSource> rows = compute(ctx, way);
    writer.write(command.output.object, *page.through(rows), options);
  }
  {
    const auto phase = ctx.recorder().phase("write");
    writer.attach_coordinates(command.output.object, coordinates);
    writer.write_provenance(provenance_of(session, operands.files(), ""));
    writer.commit();
  }
  const Seconds seconds = measure_seconds(session, {"read", "compute", "write"});
  const EvalResult result{
      .text = parsed.text, .output = command.output, .shape = shape, .dtype = dtype};
  print_result(session, session.common().is_json ? to_json(result, seconds)
                                                 : to_text(result) + to_text(seconds));
  page.fill(result);
}

}  // namespace serried::app
