// Indices of axes in another order, and more often: lists of segments.
#include <algorithm>
#include <string>

#include "array/shape/arrange.hpp"
#include "serried/array/evaluate.hpp"
#include "serried/array/indexing.hpp"
#include "serried/array/manipulation.hpp"
#include "serried/array/scan.hpp"
#include "serried/array/search.hpp"
#include "serried/base/error.hpp"
#include "serried/expr/reductions.hpp"

namespace serried {
namespace {

/// All indices, moved on cyclically.
Segments rolled(std::int64_t extent, std::int64_t shift) {
  if (extent == 0) return {};
  const std::int64_t by = (shift % extent + extent) % extent;
  if (by == 0) return {};
  return {{.count = by, .to = 0, .from = extent - by}, {.count = extent - by, .to = by, .from = 0}};
}

/// The index that stands at `place` of an axis that goes on beyond its ends, and whether the next
/// one is below it.
struct Mirrored {
  std::int64_t index = 0;
  bool is_backwards = false;
  std::int64_t run = 1;  ///< as many follow in this direction, itself counted
};

Mirrored index_beyond(std::int64_t place, std::int64_t extent, PadMode mode) {
  if (mode == PadMode::edge || extent == 1)
    return {.index = place < 0 ? 0 : extent - 1, .is_backwards = false, .run = INT64_MAX};
  const std::int64_t period = mode == PadMode::wrap        ? extent
                              : mode == PadMode::symmetric ? 2 * extent
                                                           : 2 * extent - 2;
  const std::int64_t at = (place % period + period) % period;
  if (at < extent) return {.index = at, .is_backwards = false, .run = extent - at};
  return {.index = (mode == PadMode::symmetric ? period - 1 : period) - at,
          .is_backwards = true,
          .run = period - at};
}

/// What stands at the places [begin, end) beyond an axis.
void append_beyond(Segments& segments, std::int64_t begin, std::int64_t end, std::int64_t shift,
                   std::int64_t extent, PadMode mode) {
  while (begin < end) {
    Segment segment{.count = end - begin, .to = begin + shift, .from = -1};
    if (mode != PadMode::constant) {
      const Mirrored found = index_beyond(begin, extent, mode);
      segment.count = std::min(segment.count, found.run);
      segment.from = found.index;
      segment.from_step = mode == PadMode::edge || extent == 1 ? 0 : found.is_backwards ? -1 : 1;
    }
    segments.push_back(segment);
    begin += segment.count;
  }
}

/// `times` copies of an axis one behind the other, or of each of its indices: by copies or by
/// indices, whichever are fewer.
Segments repeated(std::int64_t extent, std::int64_t times, bool is_each) {
  Segments segments;
  const std::int64_t step_of_copy = is_each ? 1 : extent;
  const std::int64_t step_of_index = is_each ? times : 1;
  for (std::int64_t i = 0; i < std::min(extent, times); ++i)
    segments.push_back(
        times <= extent
            ? Segment{.count = extent, .to = i * step_of_copy, .from = 0, .to_step = step_of_index}
            : Segment{.count = times,
                      .to = i * step_of_index,
                      .from = i,
                      .from_step = 0,
                      .to_step = step_of_copy});
  return segments;
}

Array repeated(const Array& array, int axis, std::int64_t times, bool is_each) {
  if (times < 0) throw InvalidArgument("repetitions may not be negative: " + std::to_string(times));
  const std::int64_t extent = array.shape()[axis];
  if (times == 1) return array;
  Segments segments = repeated(extent, times, is_each);
  if (segments.empty()) segments.push_back({});
  return assembled(array, axis, extent * times, segments);
}

}  // namespace

Array flip(const Array& array, const std::vector<int>& axes) {
  std::vector<Slice> slices(static_cast<std::size_t>(array.shape().dimensions()));
  for (const int axis : checked_axes(array.shape(), axes, true))
    slices[static_cast<std::size_t>(axis)].step = -1;
  return array.slice(slices);
}

Array roll(const Array& array, const std::vector<std::int64_t>& shifts,
           const std::vector<int>& axes) {
  require_host(array);
  if (shifts.size() != axes.size())
    throw InvalidArgument("there are " + std::to_string(shifts.size()) + " shifts for " +
                          std::to_string(axes.size()) + " axes");
  std::vector<std::int64_t> sums(static_cast<std::size_t>(array.shape().dimensions()));
  for (std::size_t i = 0; i < axes.size(); ++i) {
    const int axis = checked_axis(array.shape(), axes[i]);
    const std::int64_t extent = std::max<std::int64_t>(1, array.shape()[axis]);
    auto& sum = sums[static_cast<std::size_t>(axis)];
    sum = (sum + shifts[i] % extent) % extent;
  }
  std::vector<Segments> by_axis;
  for (int axis = 0; axis < array.shape().dimensions(); ++axis)
    by_axis.push_back(rolled(array.shape()[axis], sums[static_cast<std::size_t>(axis)]));
  return assembled(array, array.shape(), by_axis);
}

Array roll(const Array& array, std::int64_t shift) {
  const Array moved = roll(ravel(array), {shift}, {0});
  const Array shaped = reshape(moved, extents_of(array.shape()));
  return array.is_replicated() ? shaped : shaped.with_split_axis(array.split_axis());
}

Array pad(const Array& array, const std::vector<std::pair<std::int64_t, std::int64_t>>& widths,
          const PadOptions& options) {
  require_host(array);
  const Shape& old = array.shape();
  if (widths.size() != 1 && widths.size() != old.extents().size())
    throw InvalidArgument("there are " + std::to_string(widths.size()) +
                          " pairs of widths for an array of shape " + old.to_string());
  std::vector<std::int64_t> extents;
  std::vector<Segments> by_axis;
  for (int axis = 0; axis < old.dimensions(); ++axis) {
    const auto [before, behind] = widths[widths.size() == 1 ? 0 : static_cast<std::size_t>(axis)];
    const std::int64_t extent = old[axis];
    if (before < 0 || behind < 0) throw InvalidArgument("widths to pad by may not be negative");
    if (extent == 0 && before + behind > 0 && options.mode != PadMode::constant)
      throw InvalidArgument("axis " + std::to_string(axis) + " of shape " + old.to_string() +
                            " has nothing that it could be padded with but a constant");
    Segments segments;
    append_beyond(segments, -before, 0, before, extent, options.mode);
    if (before + behind > 0) segments.push_back({.count = extent, .to = before});
    append_beyond(segments, extent, extent + behind, before, extent, options.mode);
    extents.push_back(before + extent + behind);
    by_axis.push_back(segments);
  }
  std::optional<Array> fill;
  if (options.mode == PadMode::constant)
    fill = Array::full(array.context(), Shape{}, array.dtype(), options.value);
  return assembled(array, shape_of(extents), by_axis, fill);
}

Array tile(const Array& array, const std::vector<std::int64_t>& repetitions) {
  require_host(array);
  Array tiled = array;
  while (tiled.shape().extents().size() < repetitions.size()) tiled = expand_dims(tiled, 0);
  const int added = tiled.shape().dimensions() - static_cast<int>(repetitions.size());
  for (std::size_t i = 0; i < repetitions.size(); ++i)
    tiled = repeated(tiled, static_cast<int>(i) + added, repetitions[i], false);
  return tiled;
}

Array repeat(const Array& array, std::int64_t count, int axis) {
  require_host(array);
  return repeated(array, checked_axis(array.shape(), axis), count, true);
}

Array repeat(const Array& array, const Array& counts, int axis) {
  require_host(array);
  require_host(counts);
  const int along = checked_axis(array.shape(), axis);
  const std::int64_t extent = array.shape()[along];
  if (!is_integer(counts.dtype()) && counts.dtype() != DType::b8)
    throw InvalidArgument("counts of repetitions are integers, not " +
                          std::string(name(counts.dtype())));
  if (counts.shape().dimensions() != 1 || (counts.shape()[0] != extent && counts.shape()[0] != 1))
    throw InvalidArgument("counts of shape " + counts.shape().to_string() +
                          " could not be broadcast together with axis " + std::to_string(along) +
                          " of shape " + array.shape().to_string());
  const Context& ctx = array.context();
  const Array each = counts.cast(DType::i64);
  if (each.shape().elements() == 0) return array;
  const Expr number(to_operand(each));
  const std::vector<Expr> questions = {min(number), sum(number)};
  const std::vector<Array> answers = evaluate(ctx, questions);
  const std::int64_t least = answers[0].local<std::int64_t>()[0];
  if (least < 0) throw DataError("repetitions may not be negative: " + std::to_string(least));
  if (each.shape()[0] == 1) return repeat(array, answers[1].local<std::int64_t>()[0], along);
  const auto total = static_cast<double>(answers[1].local<std::int64_t>()[0]);
  // which index each place of the result is of
  const Array places =
      searchsorted(cumsum(each), Array::arange(ctx, 0, total, 1, DType::i64), SearchSide::right);
  return take(array, array.is_replicated() ? places.replicate() : places, along);
}

}  // namespace serried
