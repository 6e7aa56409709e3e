#pragma once

#include <cstdint>

#include "backend/cuda/cuda_device.hpp"

namespace serried::cuda {

// What the dense kernels do beside their libraries' calls, for T = float and double, on the
// device's stream. Matrices (n, n) in C order.

/// Sets what lies above the diagonal to 0.
template <class T>
void clear_above_diagonal(CudaDevice& device, T* matrix, std::int64_t n);

/// Whether the diagonal and what lies below it are finite; waits for the answer.
template <class T>
[[nodiscard]] bool is_lower_finite(CudaDevice& device, const T* matrix, std::int64_t n);

/// The number of leading entries of the diagonal that are positive and finite; waits for the
/// answer.
template <class T>
[[nodiscard]] std::int64_t positive_diagonal(CudaDevice& device, const T* matrix, std::int64_t n);

/// Turns rows such that their component of the largest magnitude, the first one of those, is
/// positive.
template <class T>
void fix_signs(CudaDevice& device, T* vectors, std::int64_t n);

}  // namespace serried::cuda
