#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>
#include <span>
#include <vector>

#include "backend/cuda/pieces.cuh"
#include "serried/base/tree_nodes.hpp"

// What becomes of the results of leaves: all of them are downloaded, or they are folded along the
// fixed tree first. In both cases the memory that they take on the device is bounded.

namespace serried::cuda {

/// Device memory for the results of leaves at a time, and as much for those of pieces; more only
/// where one leaf or one group of the fold needs it.
inline constexpr std::int64_t result_bytes = std::int64_t{64} << 20;

/// A reduction by column: what of, and how.
template <class T, class Payload, class Reduce>
struct LeafReduction {
  CudaDevice& device;
  const T* rows = nullptr;
  std::int64_t columns = 1;
  PieceShape shape;
  std::span<const std::int64_t> offsets;
  /// Called as reduce(PieceTask, grid); starts the kernel for the pieces.
  Reduce reduce;

  [[nodiscard]] std::int64_t leaves() const {
    return static_cast<std::int64_t>(offsets.size()) - 1;
  }
};

/// A range of leaves and columns.
struct LeafBlock {
  std::int64_t first_leaf = 0;  // of the call
  std::int64_t leaves = 0;
  std::int64_t first_column = 0;
  std::int64_t columns = 0;
};

/// out[leaf * block.columns + column] for all leaves of a block, on the device. Does not wait.
template <class Merge, class T, class Payload, class Reduce>
void reduce_block(const LeafReduction<T, Payload, Reduce>& reduction, const LeafBlock& block,
                  Payload* out) {
  constexpr auto batch_payloads = result_bytes / static_cast<std::int64_t>(sizeof(Payload));
  CudaDevice& device = reduction.device;
  const PieceShape& shape = reduction.shape;
  const std::int64_t width = block.columns;
  const std::int64_t column_blocks = (width + shape.width - 1) / shape.width;
  const auto offsets = reduction.offsets.subspan(static_cast<std::size_t>(block.first_leaf),
                                                 static_cast<std::size_t>(block.leaves) + 1);
  const auto leaves = static_cast<std::size_t>(block.leaves);
  for (std::size_t first = 0; first < leaves;) {
    std::size_t end = first;
    std::int64_t payloads = 0;
    do {
      payloads += width * piece_count(offsets[end + 1] - offsets[end], shape.piece_rows);
      ++end;
    } while (end < leaves && payloads < batch_payloads);
    const PieceTable table(device, offsets.subspan(first, end - first + 1), shape.piece_rows);
    const LeafPieces& pieces = table.pieces();
    Payload* const merged = out + static_cast<std::int64_t>(first) * width;
    const bool is_merging = pieces.count != pieces.leaves;
    const Scratch parts(
        device, is_merging ? static_cast<std::size_t>(pieces.count * width) * sizeof(Payload) : 0);
    reduction.reduce(
        PieceTask<T, Payload>{.rows = reduction.rows + block.first_column,
                              .row_stride = reduction.columns,
                              .columns = width,
                              .column_blocks = static_cast<int>(column_blocks),
                              .shape = shape,
                              .pieces = pieces,
                              .out = is_merging ? parts.template as<Payload>() : merged},
        dim3(static_cast<unsigned>(pieces.count * column_blocks)));
    if (is_merging) {
      const int lanes = lanes_of_merge(reduction.columns, table.most_pieces());
      launch("merging the pieces of leaves", merge_pieces<Payload, Merge>,
             blocks_for(pieces.leaves * width * lanes), dim3(block_threads), 0, device.stream(),
             parts.template as<Payload>(), pieces, width, lanes, merged);
    }
    first = end;
  }
}

/// Copies results of `count` rows of block.columns payloads into rows of `columns` of the host.
template <class Payload>
void download_rows(CudaDevice& device, const Payload* from, std::int64_t count,
                   const LeafBlock& block, std::int64_t columns, Payload* out) {
  const auto row_bytes = static_cast<std::size_t>(block.columns) * sizeof(Payload);
  if (block.columns == columns) {
    device.download(out, from, static_cast<std::size_t>(count) * row_bytes);
    return;
  }
  for (std::int64_t row = 0; row < count; ++row)
    device.download(out + row * columns + block.first_column, from + row * block.columns,
                    row_bytes);
}

/// out[leaf * columns + j] for all leaves, in host memory.
template <class Merge, class T, class Payload, class Reduce>
void download_leaves(const LeafReduction<T, Payload, Reduce>& reduction, std::span<Payload> out) {
  constexpr auto payloads = result_bytes / static_cast<std::int64_t>(sizeof(Payload));
  constexpr std::int64_t most_columns = std::int64_t{1} << 18;
  const std::int64_t columns = reduction.columns;
  const std::int64_t width = std::min(columns, most_columns);
  const std::int64_t at_once = std::max<std::int64_t>(1, payloads / width);
  for (std::int64_t first = 0; first < reduction.leaves(); first += at_once)
    for (std::int64_t column = 0; column < columns; column += width) {
      const LeafBlock block{.first_leaf = first,
                            .leaves = std::min(at_once, reduction.leaves() - first),
                            .first_column = column,
                            .columns = std::min(width, columns - column)};
      const Scratch results(
          reduction.device,
          static_cast<std::size_t>(block.leaves * block.columns) * sizeof(Payload));
      reduce_block<Merge>(reduction, block, results.template as<Payload>());
      download_rows(reduction.device, results.template as<Payload>(), block.leaves, block, columns,
                    out.data() + first * columns);
    }
}

}  // namespace serried::cuda
