#include "backend/cuda/dense_steps.hpp"

#include <algorithm>
#include <cmath>
#include <span>

#include "backend/cuda/launch.hpp"

namespace serried::cuda {
namespace {

constexpr unsigned block_threads = 256;

unsigned blocks_for(CudaDevice& device, std::int64_t count) {
  return static_cast<unsigned>(std::clamp<std::int64_t>(
      (count + block_threads - 1) / block_threads, 1, std::int64_t{16} * device.multiprocessors()));
}

template <class T>
__global__ void clear_kernel(T* matrix, std::int64_t n) {
  for (std::int64_t i = std::int64_t{block_threads} * blockIdx.x + threadIdx.x; i < n * n;
       i += std::int64_t{block_threads} * gridDim.x)
    if (i % n > i / n) matrix[i] = 0;
}

// first_bad: the lowest index (in the whole matrix, or on the diagonal) of an element that is bad.
template <class T>
__global__ void finite_kernel(const T* matrix, std::int64_t n, unsigned long long* first_bad) {
  for (std::int64_t i = std::int64_t{block_threads} * blockIdx.x + threadIdx.x; i < n * n;
       i += std::int64_t{block_threads} * gridDim.x)
    if (i % n <= i / n && !(matrix[i] - matrix[i] == 0))
      atomicMin(first_bad, static_cast<unsigned long long>(i));
}

template <class T>
__global__ void diagonal_kernel(const T* matrix, std::int64_t n, unsigned long long* first_bad) {
  for (std::int64_t i = std::int64_t{block_threads} * blockIdx.x + threadIdx.x; i < n;
       i += std::int64_t{block_threads} * gridDim.x) {
    const T value = matrix[i * n + i];
    if (!(value > 0 && value - value == 0))
      atomicMin(first_bad, static_cast<unsigned long long>(i));
  }
}

// One block for each row.
template <class T>
__global__ void __launch_bounds__(block_threads) signs_kernel(T* vectors, std::int64_t n) {
  __shared__ T magnitudes[block_threads];
  __shared__ std::int64_t places[block_threads];
  T* const vector = vectors + static_cast<std::int64_t>(blockIdx.x) * n;
  const unsigned thread = threadIdx.x;
  T magnitude = -1;
  std::int64_t place = n;
  for (std::int64_t i = thread; i < n; i += block_threads) {
    const T value = vector[i] < 0 ? -vector[i] : vector[i];
    if (value > magnitude) {
      magnitude = value;
      place = i;
    }
  }
  magnitudes[thread] = magnitude;
  places[thread] = place;
  __syncthreads();
  for (unsigned half = block_threads / 2; half > 0; half /= 2) {
    if (thread < half) {
      const T other = magnitudes[thread + half];
      const std::int64_t other_place = places[thread + half];
      if (other > magnitudes[thread] ||
          (other == magnitudes[thread] && other_place < places[thread])) {
        magnitudes[thread] = other;
        places[thread] = other_place;
      }
    }
    __syncthreads();
  }
  const bool is_turned = places[0] < n && vector[places[0]] < 0;
  __syncthreads();
  if (!is_turned) return;
  for (std::int64_t i = thread; i < n; i += block_threads) vector[i] = -vector[i];
}

// The lowest index that a kernel finds bad, else `none`.
template <class T>
unsigned long long first_bad(CudaDevice& device, const char* name,
                             void (*kernel)(const T*, std::int64_t, unsigned long long*),
                             const T* matrix, std::int64_t n, std::int64_t count,
                             unsigned long long none) {
  const Scratch found = uploaded(device, std::span<const unsigned long long>(&none, 1));
  launch(name, kernel, dim3(blocks_for(device, count)), dim3(block_threads), 0, device.stream(),
         matrix, n, found.as<unsigned long long>());
  unsigned long long result = none;
  device.download(&result, found.as<void>(), sizeof result);
  return result;
}

}  // namespace

template <class T>
void clear_above_diagonal(CudaDevice& device, T* matrix, std::int64_t n) {
  launch("clearing a triangle", clear_kernel<T>, dim3(blocks_for(device, n * n)),
         dim3(block_threads), 0, device.stream(), matrix, n);
}

template <class T>
bool is_lower_finite(CudaDevice& device, const T* matrix, std::int64_t n) {
  return first_bad(device, "looking for NaN", finite_kernel<T>, matrix, n, n * n, ~0ull) == ~0ull;
}

template <class T>
std::int64_t positive_diagonal(CudaDevice& device, const T* matrix, std::int64_t n) {
  return static_cast<std::int64_t>(first_bad(device, "checking a diagonal", diagonal_kernel<T>,
                                             matrix, n, n, static_cast<unsigned long long>(n)));
}

template <class T>
void fix_signs(CudaDevice& device, T* vectors, std::int64_t n) {
  launch("signs of vectors", signs_kernel<T>, dim3(static_cast<unsigned>(n)), dim3(block_threads),
         0, device.stream(), vectors, n);
}

template void clear_above_diagonal(CudaDevice&, float*, std::int64_t);
template void clear_above_diagonal(CudaDevice&, double*, std::int64_t);
template bool is_lower_finite(CudaDevice&, const float*, std::int64_t);
template bool is_lower_finite(CudaDevice&, const double*, std::int64_t);
template std::int64_t positive_diagonal(CudaDevice&, const float*, std::int64_t);
template std::int64_t positive_diagonal(CudaDevice&, const double*, std::int64_t);
template void fix_signs(CudaDevice&, float*, std::int64_t);
template void fix_signs(CudaDevice&, double*, std::int64_t);

}  // namespace serried::cuda
