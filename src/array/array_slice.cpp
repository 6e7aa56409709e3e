// Range slices: each rank takes its part of what is selected; no row moves.
#include <algorithm>
#include <string>
#include <vector>

#include "array/array_impl.hpp"
#include "array/axis_strides.hpp"
#include "array/strided_copy.hpp"

namespace serried {
namespace {

/// The indices start, start + step, ... of an axis, count of them.
struct Selected {
  std::int64_t start = 0;
  std::int64_t step = 1;
  std::int64_t count = 0;

  /// How many of them lie below `index`.
  [[nodiscard]] std::int64_t below(std::int64_t index) const {
    return std::clamp<std::int64_t>((index - start + step - 1) / step, 0, count);
  }
};

Selected resolve(const Slice& slice, std::int64_t extent) {
  if (slice.step < 1)
    throw InvalidArgument("a slice's step must be positive, not " + std::to_string(slice.step));
  const auto bound = [extent](std::int64_t index) {
    return std::clamp<std::int64_t>(index < 0 ? index + extent : index, 0, extent);
  };
  const std::int64_t begin = bound(slice.begin);
  const std::int64_t end = std::max(begin, bound(slice.end));
  return {begin, slice.step, (end - begin + slice.step - 1) / slice.step};
}

/// Tiles shrink to what is selected of them and keep their owners.
Layout shrink(const Layout& layout, const Selected& rows) {
  std::vector<std::int64_t> begins;
  for (std::int64_t tile = 0; tile <= layout.tiles(); ++tile)
    begins.push_back(rows.below(layout.tile_begin(tile)));
  std::vector<std::int64_t> owners;
  for (int rank = 0; rank <= layout.ranks(); ++rank) owners.push_back(layout.first_tile(rank));
  return Layout::from_tiles(std::move(begins), std::move(owners));
}

}  // namespace

Array Array::slice(std::span<const Slice> slices) const {
  const Shape& shape = impl_->shape;
  if (slices.size() > static_cast<std::size_t>(shape.dimensions()))
    throw InvalidArgument(std::to_string(slices.size()) + " slices of an array of shape " +
                          shape.to_string());
  std::vector<Selected> selected;
  Shape result_shape = shape;
  bool is_whole = true;
  for (int axis = 0; axis < shape.dimensions(); ++axis) {
    const auto i = static_cast<std::size_t>(axis);
    selected.push_back(resolve(i < slices.size() ? slices[i] : Slice{}, shape[axis]));
    result_shape = result_shape.with_extent(axis, selected.back().count);
    is_whole = is_whole && selected.back().count == shape[axis];
  }
  if (is_whole) return *this;

  const int split = impl_->split_axis;
  const Selected& rows = selected[static_cast<std::size_t>(split)];
  std::shared_ptr<Impl> result;
  if (impl_->is_replicated)
    result = Impl::make_replicated(impl_->ctx, result_shape, impl_->dtype);
  else if (rows.count == shape[split])
    result = Impl::make(impl_->ctx, result_shape, impl_->dtype, split, impl_->layout);
  else
    result = Impl::make(impl_->ctx, result_shape, impl_->dtype, split, shrink(impl_->layout, rows));

  const std::int64_t item = impl_->item_bytes;
  const RowRange held = impl_->local_rows();
  const RowRange kept = result->local_rows();
  auto from_strides = axis_strides(shape.with_extent(split, held.size()), split, item);
  const Shape part = result_shape.with_extent(split, kept.size());
  const std::byte* from = impl_->data;
  for (int axis = 0; axis < shape.dimensions(); ++axis) {
    const Selected& indices = selected[static_cast<std::size_t>(axis)];
    std::int64_t& stride = from_strides[static_cast<std::size_t>(axis)];
    const std::int64_t first =
        axis == split ? indices.start + kept.begin * indices.step - held.begin : indices.start;
    if (part.elements() > 0) from += first * stride;
    stride *= indices.step;
  }
  if (part.elements() > 0)
    copy_strided(part, item, result->mutable_data(), axis_strides(part, split, item), from,
                 from_strides);
  return Impl::wrap(std::move(result));
}

}  // namespace serried
