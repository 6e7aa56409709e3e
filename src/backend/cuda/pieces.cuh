#pragma once

#include <cuda_runtime.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <span>
#include <vector>

#include "backend/cuda/cuda_device.hpp"
#include "backend/cuda/launch.hpp"

// Reductions of leaves by column. A leaf is cut into pieces of a fixed number of rows, counted from
// its own begin; a block reduces a piece; the pieces of a leaf are merged in a fixed order. All of
// that follows from the columns, the dtype and the leaf's length alone.

namespace serried::cuda {

inline constexpr int block_threads = 128;

/// A run of rows that one block reduces.
struct Piece {
  std::int64_t begin = 0;
  std::int64_t rows = 0;
};

/// How the threads of a block lie over rows and columns: thread t takes column t % width of the
/// rows t / width, t / width + groups, and so on; threads from width * groups on are idle. With one
/// column, elements lie side by side, and threads take units of 16 bytes in turn.
///
/// Worked example: 3 columns make 42 groups of 3 threads, 2 threads are idle. 300 columns make
/// three blocks, of 128, 128 and 44 columns, with one group.
struct PieceShape {
  int width = 1;
  int groups = block_threads;
  /// Rows that a block takes before it folds its threads' sums.
  int fold_rows = 1;
  std::int64_t piece_rows = 1;
};

/// @param element_bytes, bytes_of_thread bytes that a thread reads between two folds, in units of
/// at least 4 bytes.
/// @param folds of a piece of many columns.
constexpr PieceShape piece_shape(std::int64_t columns, int element_bytes, int bytes_of_thread,
                                 int folds) {
  PieceShape shape;
  if (columns == 1) {
    shape.fold_rows = block_threads * bytes_of_thread / element_bytes;
    shape.piece_rows = shape.fold_rows;
    return shape;
  }
  shape.width = static_cast<int>(std::min<std::int64_t>(columns, block_threads));
  shape.groups = block_threads / shape.width;
  shape.fold_rows = bytes_of_thread / element_bytes * shape.groups;
  // few columns have small results, which may be written often
  shape.piece_rows =
      std::int64_t{shape.fold_rows} * std::clamp(shape.width * folds / 128, 1, folds);
  return shape;
}

/// Where the pieces of some leaves lie, for kernels. Leaves of one length (the last may be shorter)
/// need no tables.
struct LeafPieces {
  std::int64_t leaves = 0;
  std::int64_t count = 0;  // of pieces, in all
  const Piece* table = nullptr;
  const std::int64_t* first_table = nullptr;  // the first piece of each leaf, and the count
  // without tables
  std::int64_t begin = 0;
  std::int64_t end = 0;
  std::int64_t leaf_rows = 1;
  std::int64_t piece_rows = 1;
  unsigned pieces_of_leaf = 1;

  [[nodiscard]] __device__ Piece piece(unsigned index) const {
    if (table != nullptr) return table[index];
    const unsigned leaf = index / pieces_of_leaf;
    const std::int64_t leaf_begin = begin + leaf * leaf_rows;
    const std::int64_t leaf_end = leaf_begin + leaf_rows < end ? leaf_begin + leaf_rows : end;
    const std::int64_t from = leaf_begin + (index - leaf * pieces_of_leaf) * piece_rows;
    return {from, leaf_end - from < piece_rows ? leaf_end - from : piece_rows};
  }
  [[nodiscard]] __device__ std::int64_t first_piece(std::int64_t leaf) const {
    if (first_table != nullptr) return first_table[leaf];
    return leaf < leaves ? leaf * pieces_of_leaf : count;
  }
};

/// The rows and columns of one launch.
template <class T, class Payload>
struct PieceTask {
  const T* rows = nullptr;  // of the first column of this launch
  std::int64_t row_stride = 1;
  std::int64_t columns = 1;  // of this launch
  int column_blocks = 1;
  PieceShape shape;
  LeafPieces pieces;
  Payload* out = nullptr;  // [piece][column]
};

/// What a thread of a block does.
struct PieceThread {
  Piece piece;
  std::int64_t first_column = 0;  // of the block, in the launch
  std::int64_t column = 0;        // of the launch
  int width = 1;                  // columns of this block
  int group = 0;
  bool is_active = true;
  bool is_owner = false;  // writes the result of its column
  std::int64_t out_index = 0;

  template <class T, class Payload>
  __device__ explicit PieceThread(const PieceTask<T, Payload>& task) {
    const auto blocks = static_cast<unsigned>(task.column_blocks);
    piece = task.pieces.piece(blockIdx.x / blocks);
    first_column = static_cast<std::int64_t>(blockIdx.x % blocks) * task.shape.width;
    const std::int64_t left = task.columns - first_column;
    width = left < task.shape.width ? static_cast<int>(left) : task.shape.width;
    group = static_cast<int>(threadIdx.x) / width;
    column = first_column + static_cast<int>(threadIdx.x) % width;
    is_active = group < task.shape.groups;
    is_owner = group == 0;
    out_index = static_cast<std::int64_t>(blockIdx.x / blocks) * task.columns + column;
  }
};

/// The units that a thread reads between two folds.
template <class T>
struct ThreadUnits {
  const T* from = nullptr;
  std::int64_t stride = 0;  // in elements, from one unit to the next
  int whole = 0;
  int rest = 0;  // elements of a partial unit behind the whole ones

  /// @param rows between two folds, from row `first` of the piece on.
  template <class Unit, class Payload>
  __device__ static ThreadUnits of(const PieceTask<T, Payload>& task, const PieceThread& thread,
                                   std::int64_t first, int rows) {
    ThreadUnits units;
    if constexpr (sizeof(Unit) > sizeof(T)) {
      constexpr int size = static_cast<int>(sizeof(Unit) / sizeof(T));
      const int lane = static_cast<int>(threadIdx.x);
      const int whole = rows / size;
      units.from = task.rows + (thread.piece.begin + first + lane * size);
      units.stride = block_threads * size;
      units.whole = (whole - lane + block_threads - 1) / block_threads;
      if (lane == whole % block_threads) units.rest = rows % size;
    } else {
      const int groups = task.shape.groups;
      units.from =
          task.rows + (thread.piece.begin + first + thread.group) * task.row_stride + thread.column;
      units.stride = groups * task.row_stride;
      if (thread.is_active && thread.group < rows)
        units.whole = (rows - thread.group + groups - 1) / groups;
    }
    return units;
  }
};

/// Another lane's value of any trivially copyable type.
template <class V, class Shuffle>
__device__ inline V shuffled(const V& value, Shuffle shuffle) {
  static_assert(sizeof(V) % 4 == 0);
  auto words = std::bit_cast<std::array<unsigned, sizeof(V) / 4>>(value);
#pragma unroll
  for (std::size_t w = 0; w < words.size(); ++w) words[w] = shuffle(words[w]);
  return std::bit_cast<V>(words);
}

/// The fold of the values of a column's threads, for each of them; all threads of the block call
/// it.
/// @param space room for one value of each thread.
template <class V, class Op>
__device__ inline V fold_threads(const V& own, V* space, int width, int groups, Op op) {
  if (groups == 1) return own;
  const int t = static_cast<int>(threadIdx.x);
  V value = own;
  if (groups == block_threads) {
#pragma unroll
    for (int mask = 16; mask > 0; mask /= 2)
      value = op(value, shuffled(value, [&](unsigned word) {
                   return __shfl_xor_sync(0xffffffffu, word, mask);
                 }));
    if (t % 32 == 0) space[t / 32] = value;
    __syncthreads();
    value = op(op(space[0], space[1]), op(space[2], space[3]));
    __syncthreads();
    return value;
  }
  space[t] = value;
  __syncthreads();
  for (int n = groups; n > 1;) {
    const int half = (n + 1) / 2;
    if (t / width + half < n) space[t] = op(space[t], space[t + half * width]);
    __syncthreads();
    n = half;
  }
  value = space[t % width];
  __syncthreads();
  return value;
}

namespace {

// first_pieces[leaf] <= piece < first_pieces[leaf + 1].
__global__ void cut_pieces(const std::int64_t* offsets, const std::int64_t* first_pieces,
                           std::int64_t leaves, std::int64_t pieces, std::int64_t piece_rows,
                           Piece* out) {
  const std::int64_t piece =
      static_cast<std::int64_t>(blockIdx.x) * block_threads + static_cast<int>(threadIdx.x);
  if (piece >= pieces) return;
  std::int64_t low = 0;
  std::int64_t high = leaves;
  while (high - low > 1) {
    const std::int64_t middle = low + (high - low) / 2;
    if (first_pieces[middle] <= piece)
      low = middle;
    else
      high = middle;
  }
  const std::int64_t begin = offsets[low] + (piece - first_pieces[low]) * piece_rows;
  const std::int64_t rest = offsets[low + 1] - begin;
  out[piece] = {begin, rest < piece_rows ? rest : piece_rows};
}

// `lanes` threads (a power of two up to 32) for each leaf and column: each merges a run of
// neighbours, then the runs are merged in pairs.
template <class Payload, class Merge>
__global__ void merge_pieces(const Payload* parts, LeafPieces pieces, std::int64_t columns,
                             int lanes, Payload* out) {
  const std::int64_t thread =
      static_cast<std::int64_t>(blockIdx.x) * block_threads + static_cast<int>(threadIdx.x);
  const std::int64_t node = thread / lanes;
  const auto lane = static_cast<int>(thread % lanes);
  const bool is_valid = node < pieces.leaves * columns;
  Payload total{};
  if (is_valid) {
    const std::int64_t first = pieces.first_piece(node / columns);
    const std::int64_t count = pieces.first_piece(node / columns + 1) - first;
    const std::int64_t run = (count + lanes - 1) / lanes;
    const std::int64_t begin = lane * run;
    const std::int64_t end = begin + run < count ? begin + run : count;
    for (std::int64_t p = begin; p < end; ++p)
      Merge()(total, parts[(first + p) * columns + node % columns]);
  }
  for (int offset = 1; offset < lanes; offset *= 2) {
    const Payload other =
        shuffled(total, [&](unsigned word) { return __shfl_down_sync(0xffffffffu, word, offset); });
    if (lane % (2 * offset) == 0) Merge()(total, other);
  }
  if (is_valid && lane == 0) out[node] = total;
}

}  // namespace

inline dim3 blocks_for(std::int64_t threads) {
  return dim3(static_cast<unsigned>((threads + block_threads - 1) / block_threads));
}

/// A leaf without rows has one piece without rows.
inline std::int64_t piece_count(std::int64_t rows, std::int64_t piece_rows) {
  return std::max<std::int64_t>(1, (rows + piece_rows - 1) / piece_rows);
}

/// Threads that merge the pieces of a leaf, for each column. Where a leaf has fewer pieces, more
/// threads would only add what is empty: its bits follow from the columns and its own length.
inline int lanes_of_merge(std::int64_t columns, std::int64_t most_pieces) {
  const std::int64_t most = columns < 32 ? 32 : 4;
  return static_cast<int>(std::min(
      most, static_cast<std::int64_t>(std::bit_ceil(static_cast<std::uint64_t>(most_pieces)))));
}

/// The pieces of some leaves, with the tables on the device that they may need.
class PieceTable {
 public:
  /// @param offsets of the leaves and the end of the last one.
  PieceTable(CudaDevice& device, std::span<const std::int64_t> offsets, std::int64_t piece_rows) {
    pieces_.leaves = static_cast<std::int64_t>(offsets.size()) - 1;
    pieces_.piece_rows = piece_rows;
    pieces_.begin = offsets.front();
    pieces_.end = offsets.back();
    pieces_.leaf_rows = offsets[1] - offsets[0];
    if (are_uniform(offsets)) {
      const std::int64_t last_rows = offsets.back() - offsets[offsets.size() - 2];
      const std::int64_t each = piece_count(pieces_.leaf_rows, piece_rows);
      pieces_.pieces_of_leaf = static_cast<unsigned>(each);
      pieces_.count = (pieces_.leaves - 1) * each + piece_count(last_rows, piece_rows);
      most_pieces_ = each;
    } else {
      make_tables(device, offsets);
    }
  }
  [[nodiscard]] const LeafPieces& pieces() const noexcept { return pieces_; }
  /// Of one leaf.
  [[nodiscard]] std::int64_t most_pieces() const noexcept { return most_pieces_; }

 private:
  [[nodiscard]] static bool are_uniform(std::span<const std::int64_t> offsets) {
    const std::int64_t rows = offsets[1] - offsets[0];
    bool is_uniform = offsets.back() - offsets[offsets.size() - 2] <= rows;
    for (std::size_t leaf = 1; leaf + 2 < offsets.size(); ++leaf)
      is_uniform &= offsets[leaf + 1] - offsets[leaf] == rows;
    return is_uniform;
  }

  void make_tables(CudaDevice& device, std::span<const std::int64_t> offsets) {
    std::vector<std::int64_t> firsts{0};
    firsts.reserve(offsets.size());
    for (std::size_t leaf = 0; leaf + 1 < offsets.size(); ++leaf) {
      const std::int64_t own = piece_count(offsets[leaf + 1] - offsets[leaf], pieces_.piece_rows);
      firsts.push_back(firsts.back() + own);
      most_pieces_ = std::max(most_pieces_, own);
    }
    pieces_.count = firsts.back();
    first_table_ = uploaded(device, std::span<const std::int64_t>(firsts));
    const Scratch begins = uploaded(device, offsets);
    table_ = Scratch(device, static_cast<std::size_t>(pieces_.count) * sizeof(Piece));
    pieces_.first_table = first_table_.template as<std::int64_t>();
    pieces_.table = table_.template as<Piece>();
    launch("the pieces of leaves", cut_pieces, blocks_for(pieces_.count), dim3(block_threads), 0,
           device.stream(), begins.template as<std::int64_t>(), pieces_.first_table, pieces_.leaves,
           pieces_.count, pieces_.piece_rows, table_.template as<Piece>());
  }

  LeafPieces pieces_;
  std::int64_t most_pieces_ = 1;
  Scratch first_table_;
  Scratch table_;
};

}  // namespace serried::cuda
