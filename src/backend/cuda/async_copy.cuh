#pragma once

#include <cuda_runtime.h>

#include "backend/cuda/launch.hpp"

namespace serried::cuda {

/// Copies a unit of 4, 8 or 16 bytes from device memory into shared memory without a register,
/// where the architecture can. This thread may read it after wait_for_copies().
template <class Unit>
__device__ inline void copy_to_shared(Unit* shared, const void* from) {
#if !defined(SERRIED_CUDA_EMULATION) && defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 800
  if constexpr (sizeof(Unit) >= 4) {
    const auto address = static_cast<unsigned>(__cvta_generic_to_shared(shared));
    if constexpr (sizeof(Unit) == 16)
      asm volatile("cp.async.cg.shared.global [%0], [%1], 16;" ::"r"(address), "l"(from)
                   : "memory");
    else
      asm volatile("cp.async.ca.shared.global [%0], [%1], %2;" ::"r"(address), "l"(from),
                   "n"(sizeof(Unit))
                   : "memory");
    return;
  }
#endif
  *shared = *static_cast<const Unit*>(from);
}

__device__ inline void wait_for_copies() {
#if !defined(SERRIED_CUDA_EMULATION) && defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 800
  asm volatile("cp.async.wait_all;" ::: "memory");
#endif
}

}  // namespace serried::cuda
