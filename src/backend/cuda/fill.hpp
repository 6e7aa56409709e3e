#pragma once

#include <cstddef>
#include <cstdint>

#include "backend/cuda/cuda_device.hpp"

namespace serried::cuda {

/// Writes a word `words` times, on the device's stream.
void fill(CudaDevice& device, void* memory, std::uint32_t word, std::size_t words);

}  // namespace serried::cuda
