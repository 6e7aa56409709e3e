#include <fmt/format.h>

#include "json_output.hpp"
#include "output_check.hpp"
#include "page_output.hpp"
#include "selection_output.hpp"
#include "serried/array/sort.hpp"
#include "serried/base/error.hpp"
#include "serried/io/held_rows.hpp"
#include "session.hpp"
#include "text_output.hpp"

namespace serried::app {
namespace {

/// A rank's share of what a sort keeps for each element: the element, a key and a place in two
/// orders, the sorted element and its index, and these once more where rows are moved.
std::int64_t sorting_bytes(const Context& ctx, const Dataset& dataset) {
  const auto element = static_cast<std::int64_t>(size_of(dataset.dtype()));
  return dataset.shape().elements() / ctx.size() * (2 * element + 32 + 8 + element + 8);
}

/// The coordinate variables of the axes that stay as they were.
std::vector<Coordinate> coordinates_of(const Session& session, const Address& address, int axis) {
  std::vector<Coordinate> kept =
      Dataset::open(session.ctx, address,
                    {.samples = {.kind = SampleAxes::Kind::all, .axes = {}},
                     .untrusted = session.common().untrusted})
          .sample_coordinates();
  std::erase_if(kept, [&](const Coordinate& coordinate) { return coordinate.axis == axis; });
  return kept;
}

}  // namespace

void run_sort(const Session& session, const SortCommand& command) {
  const Context& ctx = session.ctx;
  const Dataset dataset = [&] {
    const auto phase = ctx.recorder().phase("read");
    return open_by_rows(session, command.address);
  }();
  const Shape& shape = dataset.shape();
  const int axis = command.axis < 0 ? command.axis + shape.dimensions() : command.axis;
  if (axis < 0 || axis >= shape.dimensions())
    throw InvalidArgument(fmt::format("--axis {}: {} has {} axes, its shape is {}", command.axis,
                                      command.address.text, shape.dimensions(), shape.to_string()));
  if (!is_real(dataset.dtype()))
    throw DataError(fmt::format("{}: numbers of dtype {} have no order", command.address.text,
                                name(dataset.dtype())));
  const bool is_one_file = command.indices && command.indices->path == command.output.path;
  if (is_one_file && command.indices->object == command.output.object)
    throw InvalidArgument("--output and --indices name the same dataset");
  std::vector<std::string> paths{command.output.path};
  session.outputs.add(check_output(ctx, command.output.path, dataset.files(),
                                   FileWriter::least_bytes(shape, dataset.dtype())));
  if (command.indices && !is_one_file) {
    check_outputs_differ(ctx, command.output.path, command.indices->path);
    paths.push_back(command.indices->path);
    session.outputs.add(check_output(ctx, command.indices->path, dataset.files(),
                                     FileWriter::least_bytes(shape, DType::i64)));
  }
  session.extras.claim(ctx, dataset.files(), paths);
  require_memory(ctx, dataset.least_memory(sorting_bytes(ctx, dataset)),
                 "sorting, which is done in memory,", session.runtime.node_size());
  const Array data = [&] {
    const auto phase = ctx.recorder().phase("read");
    return dataset.to_array();
  }();
  const Sorted sorted = [&] {
    const auto phase = ctx.recorder().phase("sort");
    return sort(data, axis, command.is_descending);
  }();
  const SortResult result{.address = command.address.text,
                          .output = command.output,
                          .indices = command.indices,
                          .shape = shape,
                          .dtype = dataset.dtype(),
                          .axis = axis,
                          .is_descending = command.is_descending};
  {
    const auto phase = ctx.recorder().phase("write");
    const std::vector<Coordinate> coordinates = coordinates_of(session, command.address, axis);
    const auto write = [&](FileWriter& writer, const OutputAddress& output, const Array& array) {
      std::vector<std::pair<std::string, std::string>> attributes{
          {"sorted", command.address.text},
          {"axis", fmt::format("{}", axis)},
          {"order", command.is_descending ? "descending" : "ascending"}};
      if (&array == &sorted.values) attributes = with_own_attributes(dataset, attributes);
      writer.write(output.object, array, {.attributes = attributes});
      writer.attach_coordinates(output.object, coordinates);
    };
    const auto finish = [&](FileWriter& writer) {
      writer.write_provenance(provenance_of(session, dataset.files(), ""));
      writer.commit();
    };
    FileWriter writer(ctx, command.output.path);
    write(writer, command.output, sorted.values);
    if (is_one_file) write(writer, *command.indices, sorted.indices);
    finish(writer);
    if (command.indices && !is_one_file) {
      FileWriter beside(ctx, command.indices->path);
      write(beside, *command.indices, sorted.indices);
      finish(beside);
    }
  }
  const Seconds seconds = measure_seconds(session, {"read", "sort", "write"});
  print_result(session, session.common().is_json ? to_json(result, seconds)
                                                 : to_text(result) + to_text(seconds));
  if (session.extras.has_page()) fill_page(session, result);
}

}  // namespace serried::app
