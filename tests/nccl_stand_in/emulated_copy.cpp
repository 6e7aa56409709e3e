// Part of the emulated module: device memory is open only to what is inside it.
#include <cuda_runtime.h>

extern "C" __attribute__((visibility("default"))) int serried_emulated_copy(void* to,
                                                                            const void* from,
                                                                            std::size_t bytes) {
  return cudaMemcpy(to, from, bytes, cudaMemcpyDefault);
}
