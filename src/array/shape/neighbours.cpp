// What is computed of neighbours along an axis: differences, and blocks.
#include <algorithm>
#include <string>

#include "array/array_bytes.hpp"
#include "array/shape/arrange.hpp"
#include "serried/array/evaluate.hpp"
#include "serried/array/manipulation.hpp"
#include "serried/base/error.hpp"
#include "serried/expr/expr.hpp"
#include "serried/expr/reductions.hpp"

namespace serried {
namespace {

Expr reduced(const Array& blocks, Coarsening how, const std::vector<int>& axes) {
  switch (how) {
    case Coarsening::mean:
      return mean(blocks, {.axes = axes});
    case Coarsening::min:
      return min(blocks, {.axes = axes});
    case Coarsening::max:
      return max(blocks, {.axes = axes});
    default:
      return sum(blocks, {.axes = axes});
  }
}

/// The first whole * factor rows, with the rows of a block on one rank: uniform tiles of blocks.
Array with_whole_blocks(const Array& array, std::int64_t whole, std::int64_t factor) {
  const int axis = array.split_axis();
  const Layout layout = uniform_layout(array.context(), whole);
  std::vector<std::int64_t> begins;
  for (std::int64_t tile = 0; tile <= layout.tiles(); ++tile)
    begins.push_back(layout.tile_begin(tile) * factor);
  std::vector<std::int64_t> owners;
  for (int rank = 0; rank <= layout.ranks(); ++rank) owners.push_back(layout.first_tile(rank));
  const Shape shape = array.shape().with_extent(axis, whole * factor);
  Array to = Array::empty(array.context(), shape, array.dtype(), axis,
                          Layout::from_tiles(std::move(begins), std::move(owners)));
  const Box box = whole_box(shape);
  copy_boxes(to, {&array, 1}, {&box, 1});
  return to;
}

}  // namespace

Array diff(const Array& array, int order, int axis) {
  require_host(array);
  if (order < 0)
    throw InvalidArgument("the order of a difference may not be negative: " +
                          std::to_string(order));
  const int along = checked_axis(array.shape(), axis);
  Array result = array;
  for (int i = 0; i < order; ++i) {
    const std::int64_t count = std::max<std::int64_t>(0, result.shape()[along] - 1);
    const auto from = [&](std::int64_t first) {
      return assembled(result, along, count, {{.count = count, .from = first}});
    };
    const Array next = from(1);
    const Array previous = from(0);
    result = evaluate(array.context(), array.dtype() == DType::b8 ? Expr(next) != Expr(previous)
                                                                  : Expr(next) - Expr(previous));
  }
  return result;
}

Array coarsen(const Array& array, Coarsening how, const std::vector<std::int64_t>& factors,
              const CoarsenOptions& options) {
  require_host(array);
  const Shape& old = array.shape();
  if (factors.size() != old.extents().size())
    throw InvalidArgument("there are " + std::to_string(factors.size()) +
                          " factors for an array of shape " + old.to_string());
  std::vector<std::int64_t> extents;  // of blocks, and within them
  std::vector<int> axes;              // within blocks
  Box box{.from_origin = std::vector<std::int64_t>(factors.size())};
  int split = 0;
  for (int axis = 0; axis < old.dimensions(); ++axis) {
    const std::int64_t factor = factors[static_cast<std::size_t>(axis)];
    if (factor < 1)
      throw InvalidArgument("a factor to coarsen by is at least 1, not " + std::to_string(factor));
    if (old[axis] % factor != 0 && !options.trims_excess)
      throw InvalidArgument("axis " + std::to_string(axis) + " has " + std::to_string(old[axis]) +
                            " indices, which blocks of " + std::to_string(factor) +
                            " do not divide; trims_excess leaves the rest out");
    if (axis == array.split_axis()) split = static_cast<int>(extents.size());
    box.loops.push_back({.count = old[axis] / factor,
                         .to_axis = static_cast<int>(extents.size()),
                         .from_axis = axis,
                         .from_step = factor});
    extents.push_back(old[axis] / factor);
    if (factor == 1) continue;
    axes.push_back(static_cast<int>(extents.size()));
    box.loops.push_back({.count = factor, .to_axis = axes.back(), .from_axis = axis});
    extents.push_back(factor);
  }
  if (axes.empty()) {  // a sum over blocks of one is a sum: it may have another dtype
    axes.push_back(static_cast<int>(extents.size()));
    box.loops.push_back({.count = 1, .to_axis = axes.back()});
    extents.push_back(1);
  }
  if (extents.size() > max_dimensions)
    throw InvalidArgument("an array of shape " + old.to_string() + " cannot be coarsened along " +
                          std::to_string(axes.size()) + " axes at a time");
  box.to_origin.resize(extents.size());
  const Shape shape = shape_of(extents);
  if (array.is_replicated()) {
    Array blocks = Array::empty_replicated(array.context(), shape, array.dtype());
    copy_boxes(blocks, {&array, 1}, {&box, 1});
    return evaluate(array.context(), reduced(blocks, how, axes));
  }
  const std::int64_t factor = factors[static_cast<std::size_t>(array.split_axis())];
  const Array whole = factor == 1 ? array : with_whole_blocks(array, shape[split], factor);
  Array blocks =
      Array::empty(array.context(), shape, array.dtype(), split,
                   factor == 1 ? array.layout() : uniform_layout(array.context(), shape[split]));
  // in units of blocks, the split axis has two: of blocks, and within them
  Place from = place_of(whole);
  if (factor != 1) {
    const auto at = static_cast<std::size_t>(array.split_axis());
    for (std::int64_t& cut : from.cuts) cut /= factor;
    from.strides.push_back(from.strides[at]);
    from.strides[at] *= factor;
    box.from_origin.push_back(0);
    for (BoxLoop& loop : box.loops) {
      if (loop.from_axis != array.split_axis()) continue;
      if (loop.to_axis == split)
        loop.from_step = 1;
      else
        loop.from_axis = old.dimensions();
    }
  }
  copy_boxes_here(array.context(), static_cast<std::int64_t>(size_of(array.dtype())),
                  memory_of(blocks), place_of(blocks), {&from, 1}, {&box, 1});
  return evaluate(array.context(), reduced(blocks, how, axes));
}

}  // namespace serried
