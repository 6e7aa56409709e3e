// The direct form of squared distances, in f64: each a chain of fused multiply-adds over ascending
// features.
#pragma once

#include <cuda_runtime.h>

#include <cstdint>

#include "backend/cuda/kmeans_tiles.cuh"

namespace serried::cuda {

/// The centres as the direct form reads them.
struct DirectCenters {
  const double* masters = nullptr;
  const double* transposed = nullptr;
  std::int64_t stride = 0;
  int clusters = 0;
  int features = 0;
  double scale = 1;

  DirectCenters() = default;
  explicit DirectCenters(const CudaCenters& centers)
      : masters(centers.masters),
        transposed(centers.transposed),
        stride(centers.stride),
        clusters(static_cast<int>(centers.clusters)),
        features(centers.features),
        scale(centers.scale) {}
};

/// d^2(x, c) where element f of the centre stands at c[f * stride].
template <class T>
__device__ __forceinline__ double direct_distance(const T* x, const double* c, std::int64_t stride,
                                                  int features) {
  double sum = 0;
#pragma unroll 4
  for (int f = 0; f < features; ++f) {
    const double difference = static_cast<double>(x[f]) - c[f * stride];
    sum = __fma_rn(difference, difference, sum);
  }
  return sum;
}
/// As direct_distance, of everything times 2^-600.
template <class T>
__device__ __forceinline__ double small_distance(const T* x, const double* c, std::int64_t stride,
                                                 int features) {
  constexpr double small = 0x1.0p-600;
  double sum = 0;
#pragma unroll 1
  for (int f = 0; f < features; ++f) {
    const double difference = static_cast<double>(x[f]) * small - c[f * stride] * small;
    sum = __fma_rn(difference, difference, sum);
  }
  return sum;
}
/// scale^2 d^2(x, c).
template <class T>
__device__ __forceinline__ float scaled_distance(const T* x, const double* c, int features,
                                                 double scale) {
  double sum = 0;
#pragma unroll 1
  for (int f = 0; f < features; ++f) {
    const double difference = (static_cast<double>(x[f]) - c[f]) * scale;
    sum = __fma_rn(difference, difference, sum);
  }
  return static_cast<float>(sum);
}

template <class T>
__device__ __forceinline__ bool is_finite_row(const T* x, int features) {
  T zero = 0;
#pragma unroll 1
  for (int f = 0; f < features; ++f) zero += x[f] * T{0};
  return zero == T{0};
}

/// The lesser of a pair, ties to the lower index; all lanes of a group of `lanes` get the group's.
template <int lanes>
__device__ __forceinline__ void least_of_lanes(double& least, int& index) {
#pragma unroll
  for (int mask = lanes / 2; mask > 0; mask /= 2) {
    const double other = __shfl_xor_sync(full_warp, least, mask);
    const int other_index = __shfl_xor_sync(full_warp, index, mask);
    if (other < least || (other == least && other_index < index)) {
      least = other;
      index = other_index;
    }
  }
}

/// The nearest centre by the direct form, ties to the lowest index; -1 for a row with NaN or Inf. A
/// group of `lanes` lanes (beside each other) decides a row; all lanes of a warp call this, with a
/// row that can be read.
template <int lanes, class T>
__device__ __forceinline__ int direct_nearest(const DirectCenters& centers, const T* x) {
  const int lane = static_cast<int>(threadIdx.x) % lanes;
  constexpr int none = 0x7fffffff;
  T zero = 0;
  for (int f = lane; f < centers.features; f += lanes) zero += x[f] * T{0};
  const unsigned finite = __ballot_sync(full_warp, zero == T{0});
  const int first_lane = static_cast<int>(threadIdx.x) % 32 / lanes * lanes;
  const unsigned own = (lanes == 32 ? full_warp : (1U << (lanes % 32)) - 1) << first_lane;
  const bool is_finite = (finite & own) == own;
  double least = infinite<double>();
  int index = none;
  for (int j = lane; is_finite && j < centers.clusters; j += lanes) {
    const double d = direct_distance(x, centers.transposed + j, centers.stride, centers.features);
    if (d < least) {
      least = d;
      index = j;
    }
  }
  least_of_lanes<lanes>(least, index);
  const bool is_huge = is_finite && index == none;  // all squares overflow
  if (__any_sync(full_warp, is_huge)) {
    for (int j = lane; is_huge && j < centers.clusters; j += lanes) {
      const double d = small_distance(x, centers.transposed + j, centers.stride, centers.features);
      if (d < least) {
        least = d;
        index = j;
      }
    }
    least_of_lanes<lanes>(least, index);
  }
  if (!is_finite) return -1;
  return index == none ? 0 : index;
}

}  // namespace serried::cuda
