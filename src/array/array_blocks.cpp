// Arrays from blocks that are cut along several axes.
#include <algorithm>
#include <array>
#include <string>
#include <vector>

#include "array/array_bytes.hpp"
#include "array/shape/arrange.hpp"
#include "array/strided_copy.hpp"

namespace serried {
namespace {

using Extents = std::array<std::int64_t, max_dimensions>;

// What a rank brings; compared on all ranks, so that all throw alike.
struct BlockOffer {
  Extents origin{};
  Extents extents{};
  Extents strides{};
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
  const std::vector<std::int64_t> strides =
      byte_strides.empty() ? c_strides(block_shape, static_cast<std::int64_t>(size_of(dtype)))
                           : std::vector<std::int64_t>(byte_strides.begin(), byte_strides.end());
  if (mine.has_all_numbers) std::ranges::copy(strides, mine.strides.begin());
  const std::vector<BlockOffer> blocks = ctx.comm().allgather(mine);
  const Shape shape = check_blocks(blocks);
  Array to = Array::empty(ctx, shape, dtype, 0, uniform_layout(ctx, shape[0]));

  // each block is an array that one rank alone has
  std::vector<Place> places;
  std::vector<Box> boxes;
  for (std::size_t rank = 0; rank < blocks.size(); ++rank) {
    const BlockOffer& block = blocks[rank];
    if (block.is_empty()) continue;
    Box box = whole_box(block.shape(), places.size());
    std::copy_n(block.origin.begin(), box.to_origin.size(), box.to_origin.begin());
    boxes.push_back(std::move(box));
    std::vector<std::int64_t> cuts(blocks.size() + 1, block.extents[0]);
    std::fill_n(cuts.begin(), rank + 1, 0);
    places.push_back({.data = static_cast<const std::byte*>(data),
                      .strides = {block.strides.begin(), block.strides.begin() + block.dimensions},
                      .split_axis = 0,
                      .cuts = std::move(cuts)});
  }
  copy_boxes(ctx, static_cast<std::int64_t>(size_of(dtype)), memory_of(to), place_of(to), places,
             boxes);
  return to;
}

}  // namespace serried
