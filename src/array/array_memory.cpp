// Arrays from memory that is there already.
#include <cstring>
#include <string>
#include <vector>

#include "array/array_impl.hpp"
#include "array/axis_strides.hpp"
#include "array/strided_copy.hpp"
#include "serried/comm/agree.hpp"

namespace serried {
namespace {

/// Throws alike on all ranks unless every rank's extents agree but for the split axis.
void check_extents(const Communicator& comm, const Shape& local, int split_axis) {
  std::vector<std::int64_t> bounds{local.dimensions(), -local.dimensions(), split_axis,
                                   -split_axis};
  for (int axis = 0; axis < max_dimensions; ++axis) {
    const bool is_compared = axis < local.dimensions() && axis != split_axis;
    bounds.push_back(is_compared ? local[axis] : 0);
    bounds.push_back(-bounds.back());
  }
  comm.allreduce(std::span<std::int64_t>(bounds), ReduceOp::min);
  for (std::size_t i = 0; i < bounds.size(); i += 2)
    if (bounds[i] != -bounds[i + 1])
      throw InvalidArgument(
          "the ranks' pieces of one array differ in more than the extent of the split axis");
}

bool is_alike(const Shape& shape, std::span<const std::int64_t> a,
              std::span<const std::int64_t> b) {
  for (int axis = 0; axis < shape.dimensions(); ++axis) {
    const auto i = static_cast<std::size_t>(axis);
    if (shape[axis] > 1 && a[i] != b[i]) return false;
  }
  return true;
}

}  // namespace

Array Array::replicated(const Context& ctx, const Shape& shape, DType dtype, const void* data) {
  auto impl = Impl::make_replicated(ctx, shape, dtype);
  const auto bytes = static_cast<std::size_t>(shape.elements() * impl->item_bytes);
  if (bytes > 0) std::memcpy(impl->mutable_data(), data, bytes);
  return Impl::wrap(std::move(impl));
}

Array Array::from_memory(const Context& ctx, const void* data, DType dtype,
                         const Shape& local_shape, std::span<const std::int64_t> byte_strides,
                         int split_axis) {
  if (split_axis < 0 || split_axis >= local_shape.dimensions())
    throw InvalidArgument("an array of shape " + local_shape.to_string() + " has no axis " +
                          std::to_string(split_axis) + " to be split along");
  if (!byte_strides.empty() &&
      byte_strides.size() != static_cast<std::size_t>(local_shape.dimensions()))
    throw InvalidArgument(std::to_string(byte_strides.size()) + " strides for an array of shape " +
                          local_shape.to_string());
  check_extents(ctx.comm(), local_shape, split_axis);
  const std::int64_t rows = local_shape[split_axis];
  const std::int64_t begin = ctx.comm().exscan(rows, ReduceOp::sum);
  const std::int64_t all_rows = ctx.comm().allreduce(rows, ReduceOp::sum);
  const Shape shape = local_shape.with_extent(split_axis, all_rows);
  const Layout uniform = Layout::uniform(all_rows, ctx.size(), ctx.options().max_tiles);
  const bool is_cut_alike =
      ctx.comm().allreduce(uniform.rows_of(ctx.rank()) == RowRange{begin, begin + rows} ? 1 : 0,
                           ReduceOp::min) == 1;

  const auto item = static_cast<std::int64_t>(size_of(dtype));
  const auto strides = byte_strides.empty()
                           ? c_strides(local_shape, item)
                           : std::vector<std::int64_t>(byte_strides.begin(), byte_strides.end());
  const auto wanted = axis_strides(local_shape, split_axis, item);
  const auto* from = static_cast<const std::byte*>(data);
  const bool is_in_order = is_alike(local_shape, strides, wanted);
  if (is_cut_alike && is_in_order) {
    auto impl = std::make_shared<Impl>(ctx, shape, dtype, split_axis, uniform, false);
    impl->data = from;
    // the other ranks may have to copy, and agree on having the memory
    agree(ctx.comm(), [] {});
    return Impl::wrap(std::move(impl));
  }

  Layout cuts = uniform;
  if (!is_cut_alike) {  // the caller's cuts as a layout of one tile for each rank
    std::vector<std::int64_t> begins{0};
    std::vector<std::int64_t> owners{0};
    for (const std::int64_t count : ctx.comm().allgather(rows)) {
      begins.push_back(begins.back() + count);
      owners.push_back(owners.back() + 1);
    }
    cuts = Layout::from_tiles(std::move(begins), std::move(owners));
  }
  auto held = Impl::make(ctx, shape, dtype, split_axis, cuts);
  if (local_shape.elements() > 0)
    copy_strided(local_shape, item, held->mutable_data(), wanted, from, strides);
  if (is_cut_alike) return Impl::wrap(std::move(held));
  ctx.recorder().say(
      Severity::note,
      "the caller's cuts are not on tile boundaries: rows of cut tiles were copied to "
      "their owners (Layout::uniform tells where the cuts are)");
  return Impl::wrap(held->moved_to(uniform));
}

Array Array::from_buffer(const Context& ctx, const Shape& shape, DType dtype, Layout layout,
                         Buffer local) {
  auto impl = std::make_shared<Impl>(ctx, shape, dtype, 0, std::move(layout), false);
  const auto bytes = static_cast<std::size_t>(impl->local_elements() * impl->item_bytes);
  if (local.bytes() < bytes)
    throw InvalidArgument("a buffer of " + std::to_string(local.bytes()) +
                          " bytes does not hold this rank's rows of an array of shape " +
                          shape.to_string() + ", " + std::to_string(bytes) + " bytes");
  impl->memory = std::make_shared<Buffer>(std::move(local));
  impl->data = impl->memory->data();
  return Impl::wrap(std::move(impl));
}

}  // namespace serried
