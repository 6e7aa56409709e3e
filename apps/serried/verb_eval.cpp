#include <fmt/format.h>

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
  if (is_complex(one.expression.dtype()))
    throw InvalidArgument(
        fmt::format("{} is complex, which no file here is written in; real(), "
                    "imag(), abs() and angle() are real",
                    one.text));
  return one;
}

WriteOptions write_options(const EvalCommand& command, const ParsedExpr& parsed) {
  std::vector<std::pair<std::string, std::string>> attributes = {{"expression", parsed.text}};
  for (const NamedAddress& operand : command.operands)
    attributes.emplace_back("operand " + operand.name, operand.address.text);
  return {.attributes = std::move(attributes)};
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

void write_array(const Session& session, const EvalCommand& command, const Operands& operands,
                 const ParsedExpr& parsed, const Array& array) {
  const auto phase = session.ctx.recorder().phase("write");
  const std::vector<Coordinate> coordinates = coordinates_for(session, operands, array.shape());
  FileWriter writer(session.ctx, command.output.path);
  writer.write(command.output.object, array, write_options(command, parsed));
  writer.attach_coordinates(command.output.object, coordinates);
  writer.write_provenance(provenance_of(session, operands.files(), ""));
  writer.commit();
}

/// Rows that lie on the ranks otherwise than a file wants them are moved: there are two of them.
std::int64_t writing_bytes(const Context& ctx, const Expr& expression) {
  return expression.shape().elements() * static_cast<std::int64_t>(size_of(expression.dtype())) /
         ctx.size();
}

}  // namespace

void run_eval(const Session& session, const EvalCommand& command) {
  const Context& ctx = session.ctx;
  const Operands operands(session, command.operands);
  const ParsedExpr parsed = parse_one(operands, command);
  const Expr& expression = parsed.expression;
  session.outputs.add(check_output(ctx, command.output.path, operands.files(),
                                   FileWriter::least_bytes(expression.shape(), expression.dtype(),
                                                           write_options(command, parsed))));
  claim_eval_extras(session, command, operands, expression);
  require_memory(
      ctx,
      operands.least_memory(
          ctx, std::span(&expression, 1),
          operands.find(expression.shape()) == nullptr ? writing_bytes(ctx, expression) : 0),
      "this array, which is made in memory,", session.runtime.node_size());
  const Array array = [&] {
    const auto phase = ctx.recorder().phase("compute");
    return evaluate(ctx, expression);
  }();
  write_array(session, command, operands, parsed, array);
  const Seconds seconds = measure_seconds(session, {"read", "compute", "write"});
  const EvalResult result{.text = parsed.text,
                          .output = command.output,
                          .shape = array.shape(),
                          .dtype = array.dtype()};
  print_result(session, session.common().is_json ? to_json(result, seconds)
                                                 : to_text(result) + to_text(seconds));
  fill_page(session, command, operands, result, array);
}

}  // namespace serried::app
