// Arrays from blocks that are cut along several axes.
#include <algorithm>
#include <array>
#include <string>
#include <vector>

#include "array/array_impl.hpp"
#include "array/strided_copy.hpp"
#include "serried/comm/agree.hpp"

namespace serried {
namespace {

using Extents = std::array<std::int64_t, max_dimensions>;

// What a rank brings; compared on all ranks, so that all throw alike.
struct BlockOffer {
  Extents origin{};
  Extents extents{};
  std::int32_t dimensions = 0;
  DType dtype = DType::f64;
  bool has_all_numbers = true;
  bool has_data = true;

  [[nodiscard]] bool is_empty() const {
    return std::find(extents.begin(), extents.begin() + dimensions, 0) !=
           extents.begin() + dimensions;
  }
  [[nodiscard]] Shape shape() const {
    return Shape(std::span(extents).first(static_cast<std::size_t>(dimensions)));
  }
  [[nodiscard]] RowRange rows() const {
    return is_empty() ? RowRange{0, 0} : RowRange{origin[0], origin[0] + extents[0]};
  }
};

[[noreturn]] void refuse(std::size_t rank, const std::string& text) {
  throw InvalidArgument("array from blocks, rank " + std::to_string(rank) + ": " + text);
}

void check_block(const BlockOffer& block, const BlockOffer& first, std::size_t rank) {
  if (block.dimensions == 0) refuse(rank, "a number is no part of a split array");
  if (block.dimensions != first.dimensions || block.dtype != first.dtype)
    refuse(rank, "dimensions or dtype differ from rank 0's");
  if (!block.has_all_numbers)
    refuse(rank, "one number of the origin is needed for each axis, and one stride or none");
  if (!block.has_data) refuse(rank, "the pointer is null");
  if (block.is_empty()) return;
  for (int axis = 0; axis < block.dimensions; ++axis)
    if (block.origin[static_cast<std::size_t>(axis)] < 0)
      refuse(rank, "its origin is negative along axis " + std::to_string(axis));
}

bool are_overlapping(const BlockOffer& a, const BlockOffer& b) {
  for (std::size_t i = 0; i < static_cast<std::size_t>(a.dimensions); ++i)
    if (a.origin[i] >= b.origin[i] + b.extents[i] || b.origin[i] >= a.origin[i] + a.extents[i])
      return false;
  return true;
}

// The shape that the blocks cover. Blocks that do not overlap and have as many elements as the
// shape leave none out.
Shape check_blocks(const std::vector<BlockOffer>& blocks) {
  Extents whole{};
  std::vector<std::size_t> full;
  for (std::size_t rank = 0; rank < blocks.size(); ++rank) {
    const BlockOffer& block = blocks[rank];
    check_block(block, blocks.front(), rank);
    if (block.is_empty()) continue;
    for (std::size_t i = 0; i < whole.size(); ++i)
      whole[i] = std::max(whole[i], block.origin[i] + block.extents[i]);
    for (const std::size_t other : full)
      if (are_overlapping(block, blocks[other]))
        refuse(rank, "its block overlaps with that of rank " + std::to_string(other));
    full.push_back(rank);
  }
  // without any element the first rank says what the shape is
  if (full.empty()) return blocks.front().shape();
  const std::span<const std::int64_t> extents(whole);
  const Shape shape(extents.first(static_cast<std::size_t>(blocks.front().dimensions)));
  std::int64_t elements = 0;
  for (const std::size_t rank : full) elements += blocks[rank].shape().elements();
  if (elements != shape.elements())
    throw InvalidArgument("array from blocks: " + std::to_string(shape.elements() - elements) +
                          " elements of shape " + shape.to_string() + " are in no rank's block");
  return shape;
}

}  // namespace

Array Array::redistribute(const Context& ctx, const void* data, DType dtype,
                          std::span<const std::int64_t> origin, const Shape& block_shape,
                          std::span<const std::int64_t> byte_strides) {
  const auto axes = block_shape.extents().size();
  BlockOffer mine;
  std::ranges::copy(block_shape.extents(), mine.extents.begin());
  mine.dimensions = block_shape.dimensions();
  mine.dtype = dtype;
  mine.has_all_numbers =
      origin.size() == axes && (byte_strides.empty() || byte_strides.size() == axes);
  if (mine.has_all_numbers) std::ranges::copy(origin, mine.origin.begin());
  mine.has_data = data != nullptr || mine.is_empty();
  const std::vector<BlockOffer> blocks = ctx.comm().allgather(mine);
  const auto to = Impl::make(ctx, check_blocks(blocks), dtype, 0);

  const std::int64_t item_bytes = to->item_bytes;
  const std::vector<std::int64_t> strides =
      byte_strides.empty() ? c_strides(block_shape, item_bytes)
                           : std::vector<std::int64_t>(byte_strides.begin(), byte_strides.end());
  Buffer send;
  std::vector<std::int64_t> offsets{0};
  agree(ctx.comm(), [&] {
    const std::int64_t bytes = mine.is_empty() ? 0 : block_shape.elements() * item_bytes;
    send = Buffer(ctx.backend(), static_cast<std::size_t>(bytes));
    for (int rank = 0; rank < ctx.size(); ++rank) {
      const RowRange rows = intersect(to->layout.rows_of(rank), mine.rows());
      const Shape piece = block_shape.with_extent(0, rows.size());
      if (piece.elements() != 0)
        copy_strided(
            piece, item_bytes, send.data() + offsets.back(), c_strides(piece, item_bytes),
            static_cast<const std::byte*>(data) + (rows.begin - mine.origin[0]) * strides[0],
            strides);
      offsets.push_back(offsets.back() + piece.elements() * item_bytes);
    }
  });
  const auto received = ctx.comm().alltoall(
      std::span<const std::byte>(send.data(), static_cast<std::size_t>(offsets.back())), offsets);
  const std::vector<std::int64_t> to_strides = to->strides();
  for (int rank = 0; rank < ctx.size(); ++rank) {
    const BlockOffer& block = blocks[static_cast<std::size_t>(rank)];
    const RowRange rows = intersect(block.rows(), to->local_rows());
    const Shape piece = block.shape().with_extent(0, rows.size());
    if (piece.elements() == 0) continue;
    std::int64_t at = (rows.begin - to->local_rows().begin) * to_strides[0];
    for (std::size_t axis = 1; axis < axes; ++axis) at += block.origin[axis] * to_strides[axis];
    copy_strided(piece, item_bytes, to->mutable_data() + at, to_strides,
                 received.piece(rank).data(), c_strides(piece, item_bytes));
  }
  return Impl::wrap(to);
}

}  // namespace serried
