// Sums over leaves of what is known by row, and small steps of seeding.
#include "backend/cuda/kmeans_functions.hpp"
#include "backend/cuda/launch.hpp"

namespace serried::cuda {
namespace {

constexpr int threads = 256;

/// A warp for each leaf: a lane adds every 32nd value, and the lanes are added in pairs.
__global__ void __launch_bounds__(threads)
    leaf_sums(const float* values, const double* weights, const std::int64_t* offsets,
              std::int64_t leaves, double* sums) {
  const int lane = static_cast<int>(threadIdx.x) % 32;
  const std::int64_t step = std::int64_t{gridDim.x} * threads / 32;
  for (std::int64_t leaf = (std::int64_t{blockIdx.x} * threads + threadIdx.x) / 32; leaf < leaves;
       leaf += step) {
    double sum = 0;
    const std::int64_t end = offsets[leaf + 1];
#pragma unroll 4
    for (std::int64_t i = offsets[leaf] + lane; i < end; i += 32) {
      const auto value = static_cast<double>(values[i]);
      // Missing weights are NaN, and the values of those rows 0.
      if (weights == nullptr)
        sum += value;
      else if (value > 0)
        sum += weights[i] * value;
    }
#pragma unroll
    for (int mask = 16; mask > 0; mask /= 2) sum += __shfl_xor_sync(0xffffffffU, sum, mask);
    if (lane == 0) sums[leaf] = sum;
  }
}

__global__ void __launch_bounds__(threads)
    drop_missing(const double* weights, std::int64_t count, float* squared, std::int32_t* nearest) {
  const std::int64_t step = std::int64_t{gridDim.x} * threads;
  for (std::int64_t i = std::int64_t{blockIdx.x} * threads + threadIdx.x; i < count; i += step) {
    if (weights[i] == weights[i]) continue;
    squared[i] = 0;
    if (nearest != nullptr) nearest[i] = -1;
  }
}

__global__ void __launch_bounds__(threads)
    lower(const float* by, std::int64_t count, float* values) {
  const std::int64_t step = std::int64_t{gridDim.x} * threads;
  for (std::int64_t i = std::int64_t{blockIdx.x} * threads + threadIdx.x; i < count; i += step)
    if (by[i] < values[i]) values[i] = by[i];
}

}  // namespace

void leaf_sums_of(CudaDevice& device, const float* values, const double* weights,
                  std::span<const std::int64_t> offsets, double* sums) {
  const auto leaves = static_cast<std::int64_t>(offsets.size()) - 1;
  const Scratch offsets_there = uploaded(device, offsets);
  const Scratch sums_there(device, static_cast<std::size_t>(leaves) * sizeof(double));
  launch("kmeans leaf sums", &leaf_sums, dim3(blocks_for(device, leaves, threads / 32, 8)),
         dim3(threads), 0, device.stream(), values, weights, offsets_there.as<std::int64_t>(),
         leaves, sums_there.as<double>());
  device.download(sums, sums_there.as<void>(), sums_there.bytes());
}

void drop_missing_rows(CudaDevice& device, const double* weights, std::int64_t count,
                       float* squared, std::int32_t* nearest) {
  launch("kmeans missing rows", &drop_missing, dim3(blocks_for(device, count, threads, 8)),
         dim3(threads), 0, device.stream(), weights, count, squared, nearest);
}

void lower_values(CudaDevice& device, const float* by, std::int64_t count, float* values) {
  launch("kmeans lower", &lower, dim3(blocks_for(device, count, threads, 8)), dim3(threads), 0,
         device.stream(), by, count, values);
}

}  // namespace serried::cuda
