// Work on what is known by row while centres are chosen; the data itself is not read.
#include <algorithm>
#include <array>

#include "backend/cuda/kmeans_rows.hpp"
#include "backend/cuda/launch.hpp"

namespace serried::cuda {
namespace {

constexpr unsigned block_threads = 256;

using Count = unsigned long long;  // what atomics take

__device__ std::int64_t first_item() {
  return static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
}
__device__ std::int64_t item_step() {
  return static_cast<std::int64_t>(gridDim.x) * blockDim.x;
}

// A thread takes the four rows of a block of random numbers.
__global__ void draw_kernel(KMeansDraw draw, const float* squared, const double* weights,
                            std::int64_t count, std::int64_t* drawn, std::int64_t capacity,
                            Count* found) {
  const std::int64_t end = draw.first_row + count;
  const std::int64_t first_block = draw.first_row / 4;
  const std::int64_t blocks = (end + 3) / 4 - first_block;
  for (std::int64_t item = first_item(); item < blocks; item += item_step()) {
    const std::int64_t block = first_block + item;
    const auto words = draw.words(block);
    for (std::int64_t row = 4 * block; row < 4 * block + 4; ++row) {
      if (row < draw.first_row || row >= end) continue;
      const std::int64_t i = row - draw.first_row;
      if (!draw.is_drawn(words, row, weights == nullptr ? 1. : weights[i], squared[i])) continue;
      const Count place = atomicAdd(found, Count{1});
      if (place < static_cast<Count>(capacity)) drawn[place] = i;
    }
  }
}

// Counters lie in shared memory where they fit. `sums` are (2, clusters).
template <bool is_shared>
__global__ void label_kernel(const std::int32_t* labels, const double* weights, std::int64_t count,
                             std::int64_t clusters, double weight_scale, double low_scale,
                             Count* sums) {
  SERRIED_DYNAMIC_SHARED(memory);
  auto* const own = is_shared ? reinterpret_cast<Count*>(memory) : sums;
  if (is_shared) {
    for (std::int64_t i = threadIdx.x; i < 2 * clusters; i += blockDim.x) own[i] = 0;
    __syncthreads();
  }
  for (std::int64_t i = first_item(); i < count; i += item_step()) {
    const std::int32_t label = labels[i];
    if (label < 0) continue;
    if (weights == nullptr) {
      atomicAdd(own + label, Count{1});
      continue;
    }
    const KMeansPair pair = kmeans_pair(weights[i], weight_scale, low_scale);
    atomicAdd(own + label, static_cast<Count>(pair.high));
    atomicAdd(own + clusters + label, static_cast<Count>(pair.low));
  }
  if (!is_shared) return;
  __syncthreads();
  for (std::int64_t i = threadIdx.x; i < 2 * clusters; i += blockDim.x)
    if (own[i] != 0) atomicAdd(sums + i, own[i]);
}

dim3 grid_for(const CudaDevice& device, std::int64_t items) {
  const std::int64_t blocks = (items + block_threads - 1) / block_threads;
  return dim3(static_cast<unsigned>(
      std::clamp<std::int64_t>(blocks, 1, std::int64_t{8} * device.multiprocessors())));
}

}  // namespace

std::vector<std::int64_t> draw_rows(CudaDevice& device, const KMeansDraw& draw,
                                    const float* squared, const double* weights,
                                    std::int64_t count) {
  if (count == 0) return {};
  Scratch found(device, sizeof(Count));
  // Few rows are drawn as a rule; where they are more, the second try has room for all.
  std::int64_t capacity = std::min<std::int64_t>(count, 1 << 16);
  for (;;) {
    Scratch list(device, static_cast<std::size_t>(capacity) * sizeof(std::int64_t));
    device.fill_zero(found.as<void>(), sizeof(Count));
    launch("drawing rows", draw_kernel, grid_for(device, count / 4 + 2), dim3(block_threads), 0,
           device.stream(), draw, squared, weights, count, list.as<std::int64_t>(), capacity,
           found.as<Count>());
    Count number = 0;
    device.download(&number, found.as<void>(), sizeof number);
    if (number > static_cast<Count>(capacity)) {
      capacity = static_cast<std::int64_t>(number);
      continue;
    }
    std::vector<std::int64_t> drawn(number);
    device.download(drawn.data(), list.as<void>(), drawn.size() * sizeof(std::int64_t));
    std::ranges::sort(drawn);
    return drawn;
  }
}

void add_label_weights(CudaDevice& device, const std::int32_t* labels, const double* weights,
                       std::int64_t count, std::int64_t clusters, const KMeansFixedPoint& fixed,
                       std::int64_t* high, std::int64_t* low) {
  if (count == 0) return;
  const auto words = static_cast<std::size_t>(2 * clusters);
  Scratch sums(device, words * sizeof(Count));
  device.fill_zero(sums.as<void>(), words * sizeof(Count));
  const std::size_t shared = words * sizeof(Count);
  constexpr std::size_t most_shared = std::size_t{48} << 10;
  const bool is_shared = shared <= most_shared;
  launch("weights of labels", is_shared ? label_kernel<true> : label_kernel<false>,
         grid_for(device, count / 4 + 1), dim3(block_threads), is_shared ? shared : 0,
         device.stream(), labels, weights, count, clusters, fixed.weight_scale, fixed.low_scale,
         sums.as<Count>());
  std::vector<std::int64_t> result(words);
  device.download(result.data(), sums.as<void>(), words * sizeof(Count));
  for (std::int64_t j = 0; j < clusters; ++j) {
    high[j] += result[static_cast<std::size_t>(j)];
    if (weights != nullptr) low[j] += result[static_cast<std::size_t>(clusters + j)];
  }
}

}  // namespace serried::cuda
