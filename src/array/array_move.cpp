// Array verbs that move rows or elements: slices, changes of the layout or split axis, gathering.
#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "array/array_impl.hpp"
#include "array/shape/arrange.hpp"
#include "array/shape/index_range.hpp"
#include "array/strided_copy.hpp"
#include "serried/comm/agree.hpp"

namespace serried {
namespace {

// The tiles that are left of each tile after the rows were sliced, with the same owners.
Layout sliced_layout(const Layout& layout, const IndexRange& slice) {
  if (slice.begin == 0 && slice.step == 1 && slice.count == layout.rows()) return layout;
  std::vector<std::int64_t> begins;
  for (std::int64_t tile = 0; tile <= layout.tiles(); ++tile) {
    // the first kept row at or after the tile's first row
    const std::int64_t rows = std::max<std::int64_t>(0, layout.tile_begin(tile) - slice.begin);
    begins.push_back(std::min(slice.count, rows / slice.step + (rows % slice.step != 0)));
  }
  std::vector<std::int64_t> first_tiles;
  for (int rank = 0; rank <= layout.ranks(); ++rank) first_tiles.push_back(layout.first_tile(rank));
  return Layout::from_tiles(std::move(begins), std::move(first_tiles));
}

}  // namespace

void Array::Impl::copy_to_c_order(const std::byte* rows, std::byte* to) const {
  copy_strided(shape, item_bytes, to, c_strides(shape, item_bytes), rows, strides());
}

std::vector<std::byte> Array::Impl::to_c_order(std::vector<std::byte> rows) const {
  if (split_axis == 0) return rows;
  std::vector<std::byte> whole(rows.size());
  copy_to_c_order(rows.data(), whole.data());
  return whole;
}

Array Array::slice(std::span<const Slice> slices) const {
  const Impl& from = *impl_;
  from.require_host();
  if (slices.size() > from.shape.extents().size())
    throw InvalidArgument("an array of shape " + from.shape.to_string() + " cannot have " +
                          std::to_string(slices.size()) + " slices");
  Box box = whole_box(from.shape);
  std::vector<std::int64_t> extents;
  std::optional<Layout> layout;
  for (int axis = 0; axis < from.shape.dimensions(); ++axis) {
    const auto at = static_cast<std::size_t>(axis);
    const IndexRange range =
        indices_of(at < slices.size() ? slices[at] : Slice{}, from.shape[axis]);
    extents.push_back(range.count);
    box.loops[at].count = range.count;
    box.loops[at].from_step = range.step;
    box.from_origin[at] = range.begin;
    if (!from.is_replicated && axis == from.split_axis && range.step > 0)
      layout = sliced_layout(from.layout, range);
  }
  Array to = empty_array(from.ctx, shape_of(extents), from.dtype, split_of(*this), layout);
  copy_boxes(to, {this, 1}, {&box, 1}, layout.has_value());
  return to;
}

Array Array::with_split_axis(int axis) const {
  const Impl& from = *impl_;
  if (from.shape.dimensions() == 0 && axis == 0) return *this;  // there is nothing to split
  if (axis < 0 || axis >= from.shape.dimensions())
    throw InvalidArgument("an array of shape " + from.shape.to_string() + " has no axis " +
                          std::to_string(axis) + " to be split along");
  if (!from.is_replicated && axis == from.split_axis) return *this;
  return moved(*this, axis, uniform_layout(from.ctx, from.shape[axis]));
}

Array Array::balance() const {
  if (impl_->is_replicated) return *this;
  return moved(*this, impl_->split_axis, uniform_layout(impl_->ctx, impl_->layout.rows()));
}

Array relabelled(const Array& array, const Shape& shape, int split_axis) {
  auto impl = std::make_shared<Array::Impl>(*array.impl_);
  impl->shape = shape;
  impl->split_axis = split_axis;
  if (impl->is_replicated) {  // its rows are axis 0, and a 0-d array is one row
    const std::int64_t rows = shape.dimensions() == 0 ? 1 : shape[0];
    impl->split_axis = 0;
    impl->layout = uniform_layout(impl->ctx, rows);
    impl->row_elements = shape.dimensions() == 0 ? 1 : shape.without(0).elements();
  }
  return Array::Impl::wrap(std::move(impl));
}

Array Array::replicate() const {
  if (impl_->is_replicated) return *this;
  impl_->require_host();
  auto to = Impl::make_replicated(impl_->ctx, impl_->shape, impl_->dtype);
  const auto rows = impl_->ctx.comm().allgather(impl_->local_bytes());
  if (!rows.values.empty()) impl_->copy_to_c_order(rows.values.data(), to->mutable_data());
  return Impl::wrap(std::move(to));
}

std::vector<std::byte> Array::gather_bytes(int root) const {
  if (root < 0 || root >= impl_->ctx.size())
    throw InvalidArgument("an array cannot be gathered on rank " + std::to_string(root) + " of " +
                          std::to_string(impl_->ctx.size()));
  impl_->require_host();
  const auto local = impl_->local_bytes();
  if (impl_->is_replicated) {
    if (impl_->ctx.rank() != root) return {};
    return {local.begin(), local.end()};
  }
  auto rows = impl_->ctx.comm().gather(local, root);
  if (impl_->ctx.rank() != root) return {};
  return impl_->to_c_order(std::move(rows.values));
}

}  // namespace serried
