#include "output_check.hpp"
#include "selection_output.hpp"
#include "serried/io/held_rows.hpp"
#include "session.hpp"

namespace serried::app {
namespace {

/// What is selected: its rows, as many as keep the ranks busy, and the coordinates of all axes.
struct Part {
  Dataset rows;
  Shape source_shape;
  std::vector<Coordinate> coordinates;
};

Part open_part(const Session& session, const SliceCommand& command) {
  const auto phase = session.ctx.recorder().phase("read");
  const SampleAxes all{.kind = SampleAxes::Kind::all, .axes = {}};
  const Dataset whole = Dataset::open(session.ctx, command.address,
                                      {.samples = all, .untrusted = session.common().untrusted});
  return {
      .rows = whole.selected(command.selection, {.kind = SampleAxes::Kind::flattened, .axes = {}}),
      .source_shape = whole.shape(),
      .coordinates = whole.selected(command.selection, all).sample_coordinates()};
}

}  // namespace

void run_slice(const Session& session, const SliceCommand& command) {
  const Context& ctx = session.ctx;
  const Part part = open_part(session, command);
  const Dataset& rows = part.rows;
  const Shape& shape = rows.shape();
  const WriteOptions options{
      .shape = shape, .attributes = selected_attributes(rows, command.address, command.text)};
  session.outputs.add(check_output(ctx, command.output.path, rows.files(),
                                   FileWriter::least_bytes(shape, rows.dtype(), options)));
  session.extras.claim(ctx, rows.files(), {command.output.path});
  const std::int64_t writing =
      FileWriter::memory_of_rows(rows.rows(), rows.row_shape(), rows.dtype(), options,
                                 (rows.rows() + ctx.size() - 1) / ctx.size());
  require_memory(ctx, rows.least_memory(2 * writing), "copying this part",
                 session.runtime.node_size());
  FileWriter writer(ctx, command.output.path);
  {
    const auto phase = ctx.recorder().phase("compute");
    if (shape.dimensions() > 0) {
      writer.write(command.output.object, rows, options);
    } else {
      const Array number = rows.to_array().replicate();
      writer.write(command.output.object,
                   Array::replicated(ctx, shape, number.dtype(), number.local_data()), options);
    }
  }
  {
    const auto phase = ctx.recorder().phase("write");
    writer.attach_coordinates(command.output.object, part.coordinates);
    writer.write_provenance(provenance_of(session, rows.files(), ""));
    writer.commit();
  }
  const SelectResult result{.verb = "slice",
                            .address = command.address.text,
                            .selection = command.text,
                            .output = command.output,
                            .source_shape = part.source_shape,
                            .shape = shape,
                            .dtype = rows.dtype()};
  finish_selection(session, result);
}

}  // namespace serried::app
