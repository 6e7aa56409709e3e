#pragma once

#include <cstddef>

namespace stand_in {

/// Waits for the stream, and copies between host and device memory: by the emulated module where
/// the program has opened it (SERRIED_CUDA_MODULE), else by the CUDA driver. False if that fails.
[[nodiscard]] bool wait_for_stream(void* stream);
[[nodiscard]] bool copy_to_host(void* host, const void* device, std::size_t bytes);
[[nodiscard]] bool copy_to_device(void* device, const void* host, std::size_t bytes);

}  // namespace stand_in
