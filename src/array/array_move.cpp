// Array verbs that move rows or elements: slices, changes of the layout or split axis, gathering.
#include <algorithm>
#include <cstring>
#include <string>
#include <vector>

#include "array/array_impl.hpp"
#include "array/strided_copy.hpp"
#include "serried/comm/agree.hpp"

namespace serried {
namespace {

// A Slice with its bounds clipped: begin, begin + step, ... (count of them).
struct ClippedSlice {
  std::int64_t begin = 0;
  std::int64_t step = 1;
  std::int64_t count = 0;
};

ClippedSlice clip(const Slice& slice, std::int64_t extent) {
  if (slice.step < 1)
    throw InvalidArgument("a slice needs a step of at least 1, not " + std::to_string(slice.step));
  const auto bound = [&](std::int64_t value) {
    return std::clamp<std::int64_t>(value < 0 ? value + extent : value, 0, extent);
  };
  const std::int64_t begin = bound(slice.begin);
  const std::int64_t length = std::max<std::int64_t>(0, bound(slice.end) - begin);
  return {begin, slice.step, length / slice.step + (length % slice.step != 0)};
}

// The tiles that are left of each tile after the rows were sliced, with the same owners.
Layout sliced_layout(const Layout& layout, const ClippedSlice& slice) {
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

std::shared_ptr<Array::Impl> Array::Impl::moved_to(Layout target) const {
  // Both layouts are cut in ascending rows, so the pieces for the ranks follow each other in memory
  // here, and those that come from the ranks follow each other there.
  const RowRange mine = local_rows();
  std::vector<std::int64_t> offsets;
  for (int rank = 0; rank <= ctx.size(); ++rank) {
    const std::int64_t cut = rank < ctx.size() ? target.rows_of(rank).begin : layout.rows();
    offsets.push_back((std::clamp(cut, mine.begin, mine.end) - mine.begin) * row_bytes());
  }
  auto result = make(ctx, shape, dtype, split_axis, std::move(target));
  const auto received = ctx.comm().alltoall(local_bytes(), offsets);
  std::ranges::copy(received.values, result->mutable_data());
  return result;
}

Array Array::slice(std::span<const Slice> slices) const {
  const Impl& from = *impl_;
  from.require_host();
  if (slices.size() > from.shape.extents().size())
    throw InvalidArgument("an array of shape " + from.shape.to_string() + " cannot have " +
                          std::to_string(slices.size()) + " slices");
  const std::vector<std::int64_t> strides = from.strides();
  std::vector<ClippedSlice> clipped;
  std::vector<std::int64_t> extents;
  for (int axis = 0; axis < from.shape.dimensions(); ++axis) {
    const auto at = static_cast<std::size_t>(axis);
    clipped.push_back(clip(at < slices.size() ? slices[at] : Slice{}, from.shape[axis]));
    extents.push_back(clipped.back().count);
  }
  const Shape shape{std::span<const std::int64_t>(extents)};
  const auto split = static_cast<std::size_t>(from.split_axis);
  auto to = from.is_replicated ? Impl::make_replicated(from.ctx, shape, from.dtype)
                               : Impl::make(from.ctx, shape, from.dtype, from.split_axis,
                                            sliced_layout(from.layout, clipped[split]));
  if (to->local_elements() == 0) return Impl::wrap(std::move(to));
  std::vector<std::int64_t> from_strides(strides.size());
  std::int64_t offset = 0;
  for (std::size_t axis = 0; axis < strides.size(); ++axis) {
    std::int64_t first = clipped[axis].begin;
    if (axis == split) {
      first += to->local_rows().begin * clipped[axis].step - from.local_rows().begin;
      extents[axis] = to->local_rows().size();
    }
    offset += first * strides[axis];
    // a step may be large where only one index is kept
    from_strides[axis] = extents[axis] > 1 ? clipped[axis].step * strides[axis] : strides[axis];
  }
  copy_strided(Shape(std::span<const std::int64_t>(extents)), from.item_bytes, to->mutable_data(),
               to->strides(), from.data + offset, from_strides);
  return Impl::wrap(std::move(to));
}

Array Array::with_split_axis(int axis) const {
  const Impl& from = *impl_;
  if (!from.is_replicated && axis == from.split_axis) return *this;
  from.require_host();
  auto to = Impl::make(from.ctx, from.shape, from.dtype, axis);
  if (to->is_replicated) return *this;  // a number: there is nothing to split
  const auto split = static_cast<std::size_t>(axis);
  const auto old_split = static_cast<std::size_t>(from.split_axis);
  const std::vector<std::int64_t> from_strides = from.strides();
  const std::vector<std::int64_t> to_strides = to->strides();
  // Copies this rank's old rows, cut to some new rows; all axes in global order.
  const auto cut_to = [&](RowRange new_rows, const Shape& block, std::byte* out,
                          std::span<const std::int64_t> out_strides) {
    if (block.elements() != 0)
      copy_strided(block, from.item_bytes, out, out_strides,
                   from.data + new_rows.begin * from_strides[split], from_strides);
  };
  const Shape mine = from.shape.with_extent(from.split_axis, from.local_rows().size());
  const RowRange new_rows = to->local_rows();
  if (from.is_replicated || from.ctx.size() == 1) {
    cut_to(new_rows, from.shape.with_extent(axis, new_rows.size()), to->mutable_data(), to_strides);
    return Impl::wrap(std::move(to));
  }

  Buffer send;
  agree(from.ctx.comm(), [&] { send = Buffer(from.ctx.backend(), from.local_bytes().size()); });
  std::vector<std::int64_t> offsets{0};
  for (int rank = 0; rank < from.ctx.size(); ++rank) {
    const RowRange rows = to->layout.rows_of(rank);
    const Shape block = mine.with_extent(axis, rows.size());
    cut_to(rows, block, send.data() + offsets.back(), c_strides(block, from.item_bytes));
    offsets.push_back(offsets.back() + block.elements() * from.item_bytes);
  }
  const auto received = from.ctx.comm().alltoall(
      std::span<const std::byte>(send.data(), static_cast<std::size_t>(offsets.back())), offsets);
  for (int rank = 0; rank < from.ctx.size(); ++rank) {
    const RowRange rows = from.layout.rows_of(rank);
    const Shape block =
        from.shape.with_extent(axis, new_rows.size()).with_extent(from.split_axis, rows.size());
    if (block.elements() != 0)
      copy_strided(block, from.item_bytes, to->mutable_data() + rows.begin * to_strides[old_split],
                   to_strides, received.piece(rank).data(), c_strides(block, from.item_bytes));
  }
  return Impl::wrap(std::move(to));
}

Array Array::balance() const {
  if (impl_->is_replicated) return *this;
  Layout uniform =
      Layout::uniform(impl_->layout.rows(), impl_->ctx.size(), impl_->ctx.options().max_tiles);
  if (uniform == impl_->layout) return *this;
  impl_->require_host();
  return Impl::wrap(impl_->moved_to(std::move(uniform)));
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
