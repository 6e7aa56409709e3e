#pragma once

#include <cuda_runtime.h>

#include <string>
#include <utility>

#include "serried/base/error.hpp"

// The memory of a block whose size the launch decides: `SERRIED_DYNAMIC_SHARED(name);` declares
// `std::byte* name`, aligned to 16 bytes.
#ifdef SERRIED_CUDA_EMULATION
#define SERRIED_DYNAMIC_SHARED(name) \
  std::byte* const name = static_cast<std::byte*>(serried_emulated_dynamic_shared())
#else
#define SERRIED_DYNAMIC_SHARED(name)                       \
  extern __shared__ uint4 serried_dynamic_shared_memory[]; \
  std::byte* const name = reinterpret_cast<std::byte*>(serried_dynamic_shared_memory)
#endif

namespace serried::cuda {

/// @throws DeviceError naming the call that failed.
inline void check(cudaError_t status, const char* what) {
  if (status != cudaSuccess)
    throw DeviceError(std::string(what) + ": " + cudaGetErrorString(status) + " (" +
                      cudaGetErrorName(status) + ")");
}

/// Starts a kernel: no chevrons, so that plain C++ compilers read the same source.
/// @throws DeviceError if it cannot be started.
template <class... Parameters, class... Arguments>
void launch(const char* name, void (*kernel)(Parameters...), dim3 grid, dim3 block,
            std::size_t shared_bytes, cudaStream_t stream, Arguments&&... arguments) {
  cudaLaunchConfig_t config{};
  config.gridDim = grid;
  config.blockDim = block;
  config.dynamicSmemBytes = shared_bytes;
  config.stream = stream;
  check(cudaLaunchKernelEx(&config, kernel, static_cast<Parameters>(arguments)...), name);
}

}  // namespace serried::cuda
