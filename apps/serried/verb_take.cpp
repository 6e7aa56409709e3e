#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "expression_operands.hpp"
#include "expression_options.hpp"
#include "output_check.hpp"
#include "selection_output.hpp"
#include "serried/array/evaluate.hpp"
#include "serried/array/indexing.hpp"
#include "serried/base/error.hpp"
#include "serried/expr/functions.hpp"
#include "serried/io/held_rows.hpp"
#include "session.hpp"

namespace serried::app {
namespace {

/// Longer axes have no coordinates, as in src/io/coordinates.cpp.
constexpr std::int64_t most_places = std::int64_t{1} << 24;

/// What take and compress keep on a rank beside its elements.
constexpr std::int64_t most_round = std::int64_t{24} << 20;

/// What is taken, and what becomes of the axes of the data.
struct Taken {
  Array values;
  int first_axis = 0;             ///< that is replaced
  int axes = 1;                   ///< so many of them
  int new_axes = 1;               ///< by so many
  std::optional<Array> places{};  ///< which indices of the axis, where one is replaced by one
};

int checked_axis(const TakeCommand& command, const Shape& shape) {
  const int axis = command.axis.value_or(0);
  if (axis < -shape.dimensions() || axis >= shape.dimensions())
    throw InvalidArgument(
        fmt::format("--axis: axis {} is out of bounds for {}, which has {} axes, its shape is {}",
                    axis, command.address.text, shape.dimensions(), shape.to_string()));
  return axis < 0 ? axis + shape.dimensions() : axis;
}

/// @throws InvalidArgument for those of the command line, else DataError.
void check_bounds(std::int64_t low, std::int64_t high, std::int64_t extent, int axis,
                  const TakeCommand& command) {
  const std::int64_t wrong = high >= extent ? high : low;
  if (low > high || (wrong >= -extent && wrong < extent)) return;
  const std::string text =
      fmt::format("index {} is out of bounds for axis {} with size {}", wrong, axis, extent);
  if (!command.indices_address) throw InvalidArgument("--indices: " + text);
  throw DataError(command.indices_address->text + ": " + text);
}

Array read_indices(const Session& session, const TakeCommand& command) {
  const Context& ctx = session.ctx;
  if (!command.indices_address) {
    const Shape shape{static_cast<std::int64_t>(command.indices.size())};
    return Array::replicated(ctx, shape, DType::i64, command.indices.data());
  }
  const auto phase = ctx.recorder().phase("read");
  const Dataset dataset = open_by_rows(session, *command.indices_address);
  const std::string& text = command.indices_address->text;
  if (dataset.dtype() == DType::b8)
    throw DataError(text + " holds truth values, not indices; --where takes them");
  if (!is_integer(dataset.dtype()))
    throw DataError(fmt::format("{}: indices are integers, not {}", text, name(dataset.dtype())));
  require_memory(ctx, dataset.least_memory(dataset.shape().elements() / ctx.size() * 32),
                 "reading the indices", session.runtime.node_size());
  const Array array = dataset.to_array().named(text).cast(DType::i64);
  if (dataset.shape().dimensions() > 0) return array;
  return Array::replicated(ctx, Shape{}, DType::i64, array.replicate().local_data());
}

/// The least and the greatest index, negative ones counted from the end; low > high for none.
std::pair<std::int64_t, std::int64_t> bounds_of(const Context& ctx, const Array& indices,
                                                std::int64_t extent, int axis,
                                                const TakeCommand& command) {
  std::array<std::int64_t, 2> raw{INT64_MAX, INT64_MAX};  // the least, and minus the greatest
  std::array<std::int64_t, 2> found = raw;
  for (const std::int64_t index : indices.local<std::int64_t>()) {
    raw = {std::min(raw[0], index), std::min(raw[1], -std::max(index, -INT64_MAX))};
    const std::int64_t counted = index < 0 ? index + extent : index;
    found = {std::min(found[0], counted), std::min(found[1], -counted)};
  }
  ctx.comm().allreduce(std::span<std::int64_t>(raw), ReduceOp::min);
  if (raw[0] == INT64_MAX) return {0, -1};
  check_bounds(raw[0], -raw[1], extent, axis, command);
  ctx.comm().allreduce(std::span<std::int64_t>(found), ReduceOp::min);
  return {found[0], -found[1]};
}

/// Only what lies between the first and the last index is read.
Taken take_indices(const Session& session, const TakeCommand& command, const Dataset& whole,
                   int axis) {
  const Context& ctx = session.ctx;
  const std::int64_t extent = whole.shape()[axis];
  Array indices = read_indices(session, command);
  const auto [low, high] = bounds_of(ctx, indices, extent, axis, command);
  if (whole.shape().dimensions() - 1 + indices.shape().dimensions() > max_dimensions)
    throw InvalidArgument(fmt::format("the result would have more than {} axes", max_dimensions));
  std::vector<AxisSelection> between(static_cast<std::size_t>(axis) + 1);
  between.back().range = low <= high ? Slice{low, high + 1} : Slice{0, 1};
  const Dataset dataset = whole.selected(between, {.kind = SampleAxes::Kind::axes, .axes = {0}});
  const auto element = static_cast<std::int64_t>(size_of(whole.dtype()));
  const std::int64_t count = indices.shape().elements();
  const std::int64_t taken = extent > 0 ? whole.shape().elements() / extent * count : 0;
  // what is read, what is taken, and this once more where rows are moved
  const std::int64_t bytes = (dataset.shape().elements() + 2 * taken) * element + 32 * count;
  require_memory(ctx,
                 dataset.least_memory(bytes / ctx.size() + (axis > 0 ? 8 * count : 0) +
                                      std::min(most_round, bytes)),
                 "taking these elements, which is done in memory,", session.runtime.node_size());
  const Array data = [&] {
    const auto phase = ctx.recorder().phase("read");
    return dataset.to_array().named(command.address.text);
  }();
  const auto phase = ctx.recorder().phase("compute");
  const Expr index(to_operand(indices));
  const Expr place = where(index < 0, index + extent, index);
  std::optional<Array> places;
  if (indices.shape().dimensions() == 1) places = evaluate(ctx, place);
  return {.values = take(data, evaluate(ctx, place - std::max<std::int64_t>(low, 0)), axis),
          .first_axis = axis,
          .new_axes = indices.shape().dimensions(),
          .places = places};
}

/// @throws InvalidArgument unless a condition has the extents of these axes.
void check_mask(const Shape& mask, const Shape& shape, int first_axis, const TakeCommand& command) {
  for (int a = 0; a < mask.dimensions(); ++a)
    if (first_axis + a < shape.dimensions() && mask[a] != shape[first_axis + a])
      throw InvalidArgument(fmt::format(
          "--where {}: boolean index did not match {} along axis {}; size of axis is {} but size "
          "of corresponding boolean axis is {}",
          command.where, command.address.text, first_axis + a, shape[first_axis + a], mask[a]));
  const int most = command.axis ? 1 : shape.dimensions();
  if (mask.dimensions() < 1 || mask.dimensions() > most)
    throw InvalidArgument(fmt::format(
        "--where {}: its shape {} does not fit {} of {}", command.where, mask.to_string(),
        command.axis ? "one axis" : "the first axes", shape.to_string()));
}

Taken take_where(const Session& session, const TakeCommand& command, const Operands& operands,
                 int axis) {
  const Context& ctx = session.ctx;
  const std::vector<ParsedExpr> conditions = operands.parse(command.where);
  if (conditions.size() != 1)
    throw InvalidArgument("--where " + command.where + ": one condition is needed");
  const Dataset& dataset = *operands.first_dataset();
  Expr condition = conditions.front().expression;
  if (condition.dtype() != DType::b8) condition = condition != 0;
  check_mask(condition.shape(), dataset.shape(), axis, command);
  const auto element = static_cast<std::int64_t>(size_of(dataset.dtype()));
  const std::int64_t bytes = dataset.shape().elements() * 3 * element / ctx.size() +
                             memory_of_evaluation(ctx, {&condition, 1});
  require_memory(ctx, operands.least_memory(ctx, bytes + std::min(most_round, bytes)),
                 "taking these elements, which is done in memory,", session.runtime.node_size());
  const Array data = [&] {
    const auto phase = ctx.recorder().phase("read");
    return dataset.to_array();
  }();
  const auto phase = ctx.recorder().phase("compute");
  const Array mask = evaluate(ctx, condition);
  const int axes = mask.shape().dimensions();
  return {.values = command.axis ? compress(data, mask, axis) : compress(data, mask),
          .first_axis = axis,
          .axes = axes,
          .places = axes == 1 ? std::optional(flatnonzero(mask)) : std::nullopt};
}

/// A coordinate at some indices of its axis. Collective.
Coordinate coordinate_at(const Coordinate& coordinate, const Array& places) {
  const Array all = places.replicate();
  Coordinate result = coordinate;
  result.values.clear();
  result.bytes.clear();
  const std::size_t bytes = size_of(coordinate.dtype);
  for (const std::int64_t place : all.local<std::int64_t>()) {
    const auto at = static_cast<std::size_t>(place);
    result.values.push_back(coordinate.values[at]);
    if (coordinate.bytes.empty()) continue;
    const std::byte* const exact = coordinate.bytes.data() + at * bytes;
    result.bytes.insert(result.bytes.end(), exact, exact + bytes);
  }
  return result;
}

/// The coordinates of the axes that are left, and of the one whose indices were taken.
std::vector<Coordinate> coordinates_of(const std::vector<Coordinate>& before, const Taken& taken) {
  std::vector<Coordinate> after;
  for (const Coordinate& coordinate : before) {
    if (coordinate.axis < taken.first_axis) {
      after.push_back(coordinate);
    } else if (coordinate.axis >= taken.first_axis + taken.axes) {
      after.push_back(coordinate);
      after.back().axis += taken.new_axes - taken.axes;
    } else if (taken.places && taken.places->shape()[0] <= most_places) {
      after.push_back(coordinate_at(coordinate, *taken.places));
    }
  }
  return after;
}

std::string text_of(const TakeCommand& command, int axis) {
  if (!command.where.empty())
    return "where " + command.where + (command.axis ? fmt::format(" along axis {}", axis) : "");
  const std::string which = command.indices_address
                                ? command.indices_address->text
                                : fmt::format("{}", fmt::join(command.indices, ","));
  return fmt::format("{} along axis {}", which, axis);
}

}  // namespace

void run_take(const Session& session, const TakeCommand& command) {
  const Context& ctx = session.ctx;
  const Dataset whole = [&] {
    const auto phase = ctx.recorder().phase("read");
    return Dataset::open(ctx, command.address,
                         {.samples = {.kind = SampleAxes::Kind::all, .axes = {}},
                          .untrusted = session.common().untrusted});
  }();
  const int axis = checked_axis(command, whole.shape());
  std::optional<Operands> operands;
  std::vector<std::string> files = whole.files();
  if (!command.where.empty())
    files = operands.emplace(session, names_beside(command.address, command.operands)).files();
  if (command.indices_address) {
    const Dataset indices = open_by_rows(session, *command.indices_address);
    files.insert(files.end(), indices.files().begin(), indices.files().end());
  }
  session.outputs.add(check_output(ctx, command.output.path, files, 0));
  session.extras.claim(ctx, files, {command.output.path});
  const Taken taken = operands ? take_where(session, command, *operands, axis)
                               : take_indices(session, command, whole, axis);
  const Array& values = taken.values;
  const std::string text = text_of(command, axis);
  {
    const auto phase = ctx.recorder().phase("write");
    FileWriter writer(ctx, command.output.path);
    writer.write(
        command.output.object,
        values.is_replicated() || values.split_axis() == 0 ? values : values.with_split_axis(0),
        {.attributes = selected_attributes(whole, command.address, text)});
    writer.attach_coordinates(command.output.object,
                              coordinates_of(whole.sample_coordinates(), taken));
    writer.write_provenance(provenance_of(session, files, ""));
    writer.commit();
  }
  finish_selection(session, {.verb = "take",
                             .address = command.address.text,
                             .selection = text,
                             .output = command.output,
                             .source_shape = whole.shape(),
                             .shape = values.shape(),
                             .dtype = values.dtype()});
}

}  // namespace serried::app
