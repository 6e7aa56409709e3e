#pragma once

#include "backend/cuda/leaf_results.cuh"

// The fold of leaves along the fixed tree (base/tree_nodes.hpp), in steps of fold_levels levels: a
// step makes nodes of at most fold_levels levels more out of those before, each by a block.

namespace serried::cuda {

inline constexpr int fold_levels = 9;

/// A node as the fold of 2^levels neighbours of the step before.
struct FoldedNode {
  std::int64_t first = 0;  // neighbour
  std::int64_t levels = 0;
};

/// Columns of a block: what lies side by side fills a few sectors of memory.
template <class Payload>
inline constexpr int columns_of_fold = sizeof(Payload) >= 16 ? 2 : 4;

namespace {

template <int kLevels, class Merge, class Payload>
__device__ Payload fold_run(const Payload* from, std::int64_t stride) {
  if constexpr (kLevels == 0) {
    return *from;
  } else {
    Payload left = fold_run<kLevels - 1, Merge>(from, stride);
    Merge()(left, fold_run<kLevels - 1, Merge>(from + (stride << (kLevels - 1)), stride));
    return left;
  }
}

// 2^levels neighbours, levels <= kMost.
template <int kMost, class Merge, class Payload>
__device__ Payload fold_run_of(int levels, const Payload* from, std::int64_t stride) {
  if constexpr (kMost > 0)
    if (levels < kMost) return fold_run_of<kMost - 1, Merge>(levels, from, stride);
  return fold_run<kMost, Merge>(from, stride);
}

// A block takes kColumns columns of a node. Every thread folds a run of neighbours, then runs are
// combined in pairs, level by level.
template <class Merge, int kColumns, class Payload>
__global__ void __launch_bounds__(block_threads)
    fold_nodes(const Payload* from, std::int64_t first, const FoldedNode* nodes,
               std::int64_t columns, int column_blocks, Payload* out) {
  constexpr int lanes = block_threads / kColumns;
  constexpr int lane_levels = std::countr_zero(static_cast<unsigned>(lanes));
  __shared__ uint4 room[(block_threads * sizeof(Payload) + 15) / 16];
  auto* const space = reinterpret_cast<Payload*>(room);
  const auto node_index =
      static_cast<std::int64_t>(blockIdx.x / static_cast<unsigned>(column_blocks));
  const auto column_block = static_cast<int>(blockIdx.x % static_cast<unsigned>(column_blocks));
  const int t = static_cast<int>(threadIdx.x);
  const int lane = t / kColumns;
  const std::int64_t column = static_cast<std::int64_t>(column_block) * kColumns + t % kColumns;
  const FoldedNode node = nodes[node_index];
  const int levels = static_cast<int>(node.levels);
  const int own_levels = levels > lane_levels ? levels - lane_levels : 0;
  int active = 1 << (levels - own_levels);
  Payload value{};
  if (lane < active && column < columns)
    value = fold_run_of<fold_levels - lane_levels, Merge>(
        own_levels,
        from + (node.first - first + (static_cast<std::int64_t>(lane) << own_levels)) * columns +
            column,
        columns);
  for (; active > 1; active /= 2) {
    if (lane < active) space[t] = value;
    __syncthreads();
    if (lane < active / 2) {
      value = space[2 * lane * kColumns + t % kColumns];
      Merge()(value, space[(2 * lane + 1) * kColumns + t % kColumns]);
    }
    __syncthreads();
  }
  if (lane == 0 && column < columns) out[node_index * columns + column] = value;
}

}  // namespace

/// The lists of a fold's steps, on the device.
class FoldSteps {
 public:
  struct Step {
    std::int64_t first = 0;  // of its nodes in the list
    std::int64_t count = 0;
  };

  FoldSteps(CudaDevice& device, std::int64_t first_leaf, std::int64_t leaves) {
    const std::int64_t last_leaf = first_leaf + leaves;
    const auto whole = maximal_nodes(first_leaf, last_leaf);
    std::vector<FoldedNode> list;
    std::vector<TreeNode> nodes;
    for (int level = 0; level == 0 || nodes != whole; level += fold_levels) {
      const auto folded = maximal_nodes(first_leaf, last_leaf, level + fold_levels);
      steps_.push_back(
          {static_cast<std::int64_t>(list.size()), static_cast<std::int64_t>(folded.size())});
      std::int64_t at = 0;
      for (const TreeNode& node : folded) {
        const int levels = std::max(0, node.level - level);
        list.push_back({at, levels});
        at += std::int64_t{1} << levels;
      }
      nodes = folded;
    }
    list_ = uploaded(device, std::span<const FoldedNode>(list));
  }

  [[nodiscard]] std::span<const Step> steps() const { return steps_; }
  [[nodiscard]] const FoldedNode* list() const { return list_.template as<FoldedNode>(); }

 private:
  std::vector<Step> steps_;
  Scratch list_;
};

/// Folds into out[node][column]. Does not wait.
/// @param first the neighbour that `from` begins with.
template <class Merge, class Payload>
void fold_on_device(CudaDevice& device, const Payload* from, std::int64_t first,
                    const FoldedNode* nodes, std::int64_t count, std::int64_t columns,
                    Payload* out) {
  const int width = columns == 1 ? 1 : columns_of_fold<Payload>;
  const std::int64_t column_blocks = (columns + width - 1) / width;
  const auto kernel = columns == 1 ? fold_nodes<Merge, 1, Payload>
                                   : fold_nodes<Merge, columns_of_fold<Payload>, Payload>;
  launch("a fold of leaves", kernel, dim3(static_cast<unsigned>(count * column_blocks)),
         dim3(block_threads), 0, device.stream(), from, first, nodes, columns,
         static_cast<int>(column_blocks), out);
}

/// out[n * columns + j] for the maximal nodes of the leaves first_leaf, first_leaf + 1, ..., in
/// host memory. Leaves are folded so many at a time, a multiple of 2^fold_levels but at the ends,
/// that their results fit their memory; many columns are taken in turns.
template <class Merge, class T, class Payload, class Reduce>
void download_nodes(const LeafReduction<T, Payload, Reduce>& reduction, std::int64_t first_leaf,
                    std::span<Payload> out) {
  constexpr std::int64_t group = std::int64_t{1} << fold_levels;
  constexpr auto payloads = result_bytes / static_cast<std::int64_t>(sizeof(Payload));
  CudaDevice& device = reduction.device;
  const std::int64_t columns = reduction.columns;
  const std::int64_t leaves = reduction.leaves();
  std::int64_t most_columns = payloads / std::min(group, leaves);
  // whole blocks of columns, whose rows begin where vectors do
  if (most_columns > block_threads) most_columns -= most_columns % block_threads;
  const std::int64_t width = std::min(columns, std::max<std::int64_t>(1, most_columns));
  const std::int64_t at_once = std::max(group, payloads / width / group * group);
  const FoldSteps fold(device, first_leaf, leaves);
  const auto bytes_of = [](std::int64_t rows, std::int64_t row_payloads) {
    return static_cast<std::size_t>(rows * row_payloads) * sizeof(Payload);
  };
  for (std::int64_t column = 0; column < columns; column += width) {
    LeafBlock block{.first_column = column, .columns = std::min(width, columns - column)};
    const auto first_step = fold.steps().front();
    Scratch nodes(device, bytes_of(first_step.count, block.columns));
    std::int64_t made = 0;
    for (std::int64_t begin = 0; begin < leaves; begin += block.leaves) {
      const std::int64_t end =
          std::min(leaves, (first_leaf + begin + at_once) / group * group - first_leaf);
      block.first_leaf = begin;
      block.leaves = end - begin;
      const Scratch results(device, bytes_of(block.leaves, block.columns));
      reduce_block<Merge>(reduction, block, results.template as<Payload>());
      const auto count = static_cast<std::int64_t>(
          maximal_nodes(first_leaf + begin, first_leaf + end, fold_levels).size());
      fold_on_device<Merge>(device, results.template as<Payload>(), begin, fold.list() + made,
                            count, block.columns,
                            nodes.template as<Payload>() + made * block.columns);
      made += count;
    }
    for (const auto& step : fold.steps().subspan(1)) {
      Scratch folded(device, bytes_of(step.count, block.columns));
      fold_on_device<Merge>(device, nodes.template as<Payload>(), 0, fold.list() + step.first,
                            step.count, block.columns, folded.template as<Payload>());
      nodes = std::move(folded);
    }
    download_rows(device, nodes.template as<Payload>(), fold.steps().back().count, block, columns,
                  out.data());
  }
}

}  // namespace serried::cuda
