// Verbs that move rows between ranks: change of layout, change of split axis, replicate, gather.
#include <algorithm>
#include <cstring>
#include <vector>

#include "array/array_impl.hpp"
#include "array/axis_strides.hpp"
#include "array/strided_copy.hpp"
#include "serried/comm/agree.hpp"

namespace serried {
namespace {

std::span<const std::byte> bytes_at(const std::byte* data, std::int64_t bytes) {
  return {data, static_cast<std::size_t>(bytes)};
}

}  // namespace

std::shared_ptr<Array::Impl> Array::Impl::moved_to(Layout target) const {
  auto moved = make(ctx, shape, dtype, split_axis, std::move(target));
  const RowRange mine = local_rows();
  std::vector<std::int64_t> offsets{0};
  for (int rank = 0; rank < ctx.size(); ++rank)
    offsets.push_back(offsets.back() +
                      intersect(mine, moved->layout.rows_of(rank)).size() * row_bytes());
  // Runs of rows arrive in rank order, which is the order of their rows.
  const auto received = ctx.comm().alltoall(bytes_at(data, mine.size() * row_bytes()),
                                            std::span<const std::int64_t>(offsets));
  if (!received.values.empty())
    std::memcpy(moved->mutable_data(), received.values.data(), received.values.size());
  return moved;
}

void Array::Impl::copy_to_c_order(const std::byte* rows, std::byte* to) const {
  if (shape.elements() == 0) return;
  copy_strided(shape, item_bytes, to, c_strides(shape, item_bytes), rows,
               axis_strides(shape, split_axis, item_bytes));
}

Array Array::balance() const {
  const Layout uniform =
      Layout::uniform(impl_->layout.rows(), impl_->ctx.size(), impl_->ctx.options().max_tiles);
  if (impl_->is_replicated || uniform == impl_->layout) return *this;
  return Impl::wrap(impl_->moved_to(uniform));
}

Array Array::with_split_axis(int axis) const {
  auto changed = Impl::make(impl_->ctx, impl_->shape, impl_->dtype, axis);
  if (impl_->is_replicated || axis == impl_->split_axis) {
    if (!impl_->is_replicated && changed->layout == impl_->layout) return *this;
    if (!impl_->is_replicated) return Impl::wrap(impl_->moved_to(changed->layout));
  }
  const int old_axis = impl_->split_axis;
  const std::int64_t item = impl_->item_bytes;
  const Shape& shape = impl_->shape;
  const RowRange new_rows = changed->local_rows();
  if (impl_->is_replicated) {
    const auto from = axis_strides(shape, old_axis, item);
    const Shape part = shape.with_extent(axis, new_rows.size());
    copy_strided(part, item, changed->mutable_data(), axis_strides(part, axis, item),
                 impl_->data + new_rows.begin * from[static_cast<std::size_t>(axis)], from);
    return Impl::wrap(std::move(changed));
  }

  // To each rank goes the block of this rank's old rows and that rank's new rows, new axis first.
  const RowRange old_rows = impl_->local_rows();
  const Shape held = shape.with_extent(old_axis, old_rows.size());
  const auto held_strides = axis_strides(held, old_axis, item);
  Buffer packed;
  agree(impl_->ctx.comm(), [&] {
    packed.reserve(impl_->ctx.backend(), static_cast<std::size_t>(held.elements() * item));
  });
  std::vector<std::int64_t> offsets{0};
  for (int rank = 0; rank < impl_->ctx.size(); ++rank) {
    const RowRange wanted = changed->layout.rows_of(rank);
    const Shape block = held.with_extent(axis, wanted.size());
    copy_strided(block, item, packed.data() + offsets.back(), axis_strides(block, axis, item),
                 impl_->data + wanted.begin * held_strides[static_cast<std::size_t>(axis)],
                 held_strides);
    offsets.push_back(offsets.back() + block.elements() * item);
  }
  const auto received = impl_->ctx.comm().alltoall(bytes_at(packed.data(), offsets.back()),
                                                   std::span<const std::int64_t>(offsets));
  const Shape part = shape.with_extent(axis, new_rows.size());
  const auto part_strides = axis_strides(part, axis, item);
  for (int rank = 0; rank < impl_->ctx.size(); ++rank) {
    const RowRange rows = impl_->layout.rows_of(rank);
    const Shape block = part.with_extent(old_axis, rows.size());
    copy_strided(
        block, item,
        changed->mutable_data() + rows.begin * part_strides[static_cast<std::size_t>(old_axis)],
        part_strides, received.piece(rank).data(), axis_strides(block, axis, item));
  }
  return Impl::wrap(std::move(changed));
}

Array Array::replicate() const {
  if (impl_->is_replicated) return *this;
  auto whole = Impl::make_replicated(impl_->ctx, impl_->shape, impl_->dtype);
  const auto rows = impl_->ctx.comm().allgather(
      bytes_at(impl_->data, impl_->local_elements() * impl_->item_bytes));
  impl_->copy_to_c_order(rows.values.data(), whole->mutable_data());
  return Impl::wrap(std::move(whole));
}

std::vector<std::byte> Array::gather_bytes(int root) const {
  const Communicator& comm = impl_->ctx.comm();
  if (root < 0 || root >= comm.size())
    throw InvalidArgument("there is no rank " + std::to_string(root) + " to gather on");
  std::vector<std::byte> whole;
  const std::int64_t bytes = impl_->shape.elements() * impl_->item_bytes;
  if (impl_->is_replicated) {
    if (comm.rank() == root) whole.assign(impl_->data, impl_->data + bytes);
    return whole;
  }
  const auto rows =
      comm.gather(bytes_at(impl_->data, impl_->local_elements() * impl_->item_bytes), root);
  if (comm.rank() != root) return whole;
  whole.resize(static_cast<std::size_t>(bytes));
  impl_->copy_to_c_order(rows.values.data(), whole.data());
  return whole;
}

}  // namespace serried
