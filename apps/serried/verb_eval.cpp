#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <utility>

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

/// The expressions, in the dtype that is wanted.
std::vector<ParsedExpr> parse_items(const Operands& operands, const EvalCommand& command) {
  std::vector<ParsedExpr> parsed;
  std::vector<std::pair<std::string, Expr>> defined;
  for (const EvalItem& item : command.items) {
    ParsedExpr one = operands.parse(item.text, {}, defined).front();
    if (!item.name.empty()) defined.emplace_back(item.name, one.expression);
    if (command.dtype) one.expression = cast(one.expression, *command.dtype);
    parsed.push_back(std::move(one));
  }
  return parsed;
}

WriteOptions write_options(const EvalCommand& command, const ParsedExpr& parsed) {
  std::vector<std::pair<std::string, std::string>> attributes = {{"expression", parsed.text}};
  if (command.items.size() > 1) attributes.emplace_back("expressions", command.text);
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

/// An expression whose array is written, and how it comes: as rows that are written while they are
/// computed, or as an array.
struct Output {
  std::size_t number = 0;
  ParsedExpr parsed;
  std::string object;
  Expr expression;  ///< with rows that keep the ranks busy
  WriteOptions options;
  bool is_streamed = false;
  FileWriter* writer = nullptr;
};

/// Finds out how each comes.
/// @return what all of them allocate, beside the batches of operands.
std::int64_t find_ways(const Context& ctx, std::vector<Output>& outputs) {
  std::int64_t bytes = 0;
  std::vector<Expr> arrays;
  for (Output& output : outputs) {
    const Expr& expression = output.expression;
    const SourceEstimate estimate = estimate_source(ctx, expression);
    // rows lie in a file as they come, if they are those of the first axis
    output.is_streamed = estimate.split_axis == 0;
    if (output.is_streamed) {
      const std::int64_t rows = expression.shape()[0];
      const std::int64_t writing =
          FileWriter::memory_of_rows(rows, expression.shape().without(0), expression.dtype(),
                                     output.options, (rows + ctx.size() - 1) / ctx.size());
      // a batch of the result and of the operands beside what the writer has
      bytes += estimate.bytes + 2 * writing;
      continue;
    }
    arrays.push_back(expression);
    // rows that lie on the ranks otherwise than a file wants them are moved: there are two of them
    if (estimate.split_axis > 0)
      bytes += expression.shape().elements() *
               static_cast<std::int64_t>(size_of(expression.dtype())) / ctx.size();
  }
  return arrays.empty() ? bytes : bytes + memory_of_evaluation(ctx, arrays);
}

/// Writes rows that lie alike, and share their reads, batch by batch. Collective.
void write_rows(const Context& ctx, const std::vector<const Output*>& outputs,
                const std::vector<std::shared_ptr<const TileSource>>& sources) {
  if (outputs.size() == 1)
    return outputs.front()->writer->write(outputs.front()->object, *sources.front(),
                                          outputs.front()->options);
  std::vector<RowsWriter> writers;
  std::int64_t rows_between = 1;
  std::int64_t row_bytes = 0;
  for (std::size_t k = 0; k < outputs.size(); ++k) {
    const TileSource& source = *sources[k];
    writers.push_back(outputs[k]->writer->open_rows(outputs[k]->object, source.rows(),
                                                    source.row_shape(), source.dtype(),
                                                    outputs[k]->options));
    rows_between = std::max(rows_between, writers.back().rows_between());
    row_bytes += source.row_bytes();
  }
  const ReadPlan plan = sources.front()->plan(
      Leaves::single_tiles(sources.front()->layout()),
      std::max(ctx.options().batch_bytes, rows_between * row_bytes), ctx.rank());
  std::vector<Buffer> scratch(outputs.size());
  for (std::size_t k = 0; k < outputs.size(); ++k) sources[k]->prepare(plan, scratch[k]);
  const auto count = static_cast<std::int64_t>(plan.batches.size());
  for (std::int64_t batch = 0; batch < count; ++batch) {
    for (std::size_t k = 0; k < outputs.size(); ++k) {
      const TileView view = sources[k]->read(plan, batch, scratch[k]);
      writers[k].append(view.rows, {view.data, static_cast<std::size_t>(view.rows.size() *
                                                                        sources[k]->row_bytes())});
    }
    if (batch + 1 < count) sources.front()->prefetch(plan, batch + 1);
    for (RowsWriter& writer : writers) writer.advance();
    if (count > 1) ctx.recorder().progress("write", batch + 1, count);
  }
  for (RowsWriter& writer : writers) writer.finish();
}

/// Computes and writes all of them. Collective.
void write_outputs(const Context& ctx, const std::vector<Output>& outputs, EvalPage& page) {
  std::vector<Expr> streamed;
  std::vector<Expr> others;
  for (const Output& output : outputs)
    (output.is_streamed ? streamed : others).push_back(output.expression);
  auto rows = to_sources(ctx, streamed);
  if (!others.empty()) {
    std::vector<Array> arrays = evaluate(ctx, others);
    auto next = arrays.begin();
    for (const Output& output : outputs) {
      if (output.is_streamed) continue;
      const Array array = std::move(*next++);
      const auto lying = std::make_shared<const Array>(
          array.is_replicated() || array.split_axis() == 0 ? array : array.with_split_axis(0));
      output.writer->write(output.object, *page.through(output.number, lying), output.options);
    }
  }
  std::vector<std::pair<std::vector<const Output*>, std::vector<std::shared_ptr<const TileSource>>>>
      groups;
  auto next = rows.begin();
  for (const Output& output : outputs) {
    if (!output.is_streamed) continue;
    auto group = std::ranges::find_if(groups, [&](const auto& each) {
      return each.first.front()->expression.shape() == output.expression.shape();
    });
    if (group == groups.end()) group = groups.emplace(group);
    group->first.push_back(&output);
    group->second.push_back(page.through(output.number, std::move(*next++)));
  }
  for (const auto& [members, sources] : groups) write_rows(ctx, members, sources);
}

/// The files, each once, with what they take for certain.
std::vector<std::pair<std::string, std::int64_t>> files_of(const EvalCommand& command,
                                                           const std::vector<Output>& outputs) {
  std::vector<std::pair<std::string, std::int64_t>> files;
  for (const Output& output : outputs) {
    const std::string& path = command.items[output.number].output.path;
    auto file = std::ranges::find(files, path, &std::pair<std::string, std::int64_t>::first);
    if (file == files.end()) file = files.insert(file, {path, 0});
    file->second += FileWriter::least_bytes(output.parsed.expression.shape(),
                                            output.parsed.expression.dtype(), output.options);
  }
  return files;
}

}  // namespace

void run_eval(const Session& session, const EvalCommand& command) {
  const Context& ctx = session.ctx;
  const Operands operands(session, command.operands);
  const std::vector<ParsedExpr> parsed = parse_items(operands, command);
  const std::vector<Expr> flattened = Operands::flatten(parsed);
  std::vector<Output> outputs;
  for (std::size_t i = 0; i < parsed.size(); ++i)
    outputs.push_back({.number = i,
                       .parsed = parsed[i],
                       .object = command.items[i].output.object,
                       .expression = flattened[i],
                       .options = write_options(command, parsed[i])});
  const auto files = files_of(command, outputs);
  for (std::size_t i = 0; i < files.size(); ++i) {
    for (std::size_t k = 0; k < i; ++k) check_outputs_differ(ctx, files[k].first, files[i].first);
    session.outputs.add(check_output(ctx, files[i].first, operands.files(), files[i].second));
  }
  EvalPage page(session, command, operands, parsed);
  const std::int64_t bytes = find_ways(ctx, outputs);
  const bool is_streamed = std::ranges::all_of(outputs, &Output::is_streamed);
  require_memory(
      ctx, operands.least_memory(ctx, bytes),
      is_streamed ? "evaluating this expression" : "this array, which is made in memory,",
      session.runtime.node_size());
  std::vector<std::vector<Coordinate>> coordinates;
  for (const Output& output : outputs)
    coordinates.push_back(coordinates_for(session, operands, output.parsed.expression.shape()));
  std::vector<std::unique_ptr<FileWriter>> writers;
  for (const auto& file : files) writers.push_back(std::make_unique<FileWriter>(ctx, file.first));
  for (Output& output : outputs)
    for (std::size_t k = 0; k < files.size(); ++k)
      if (files[k].first == command.items[output.number].output.path)
        output.writer = writers[k].get();
  {
    const auto phase = ctx.recorder().phase("compute");
    write_outputs(ctx, outputs, page);
  }
  {
    const auto phase = ctx.recorder().phase("write");
    for (const Output& output : outputs)
      output.writer->attach_coordinates(output.object, coordinates[output.number]);
    for (const auto& writer : writers) {
      writer->write_provenance(provenance_of(session, operands.files(), ""));
      writer->commit();
    }
  }
  const Seconds seconds = measure_seconds(session, {"read", "compute", "write"});
  std::vector<EvalResult> results;
  for (const Output& output : outputs)
    results.push_back({.text = output.parsed.text,
                       .output = command.items[output.number].output,
                       .shape = output.parsed.expression.shape(),
                       .dtype = output.parsed.expression.dtype()});
  print_result(session, session.common().is_json ? to_json(results, seconds)
                                                 : to_text(results) + to_text(seconds));
  page.fill(results);
}

}  // namespace serried::app
