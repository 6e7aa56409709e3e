#pragma once

#include <cuda_runtime.h>

#include <string>

#include "serried/device/cuda.hpp"

namespace serried::cuda {

/// Driver, runtime and the devices in sight.
/// @throws DeviceError where there is no driver or no device.
[[nodiscard]] CudaSystem read_system();

/// E.g. "sm_90".
[[nodiscard]] std::string architecture_name(const cudaDeviceProp& properties);

}  // namespace serried::cuda
