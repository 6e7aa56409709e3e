#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "serried/device/backend.hpp"
#include "serried/device/cuda.hpp"

namespace serried {

/// What libserried_cuda.so gives to the core: the only symbol that is looked up in it is
/// `serried_cuda_module`, a function that returns a pointer to this.
struct CudaModule {
  /// Must be cuda_build_identity() of the core: interfaces are C++ classes, so that both must have
  /// been built together.
  const char* build_identity = nullptr;
  /// The devices in sight. @throws DeviceError where there is no driver or no device.
  CudaSystem (*system)() = nullptr;
  /// @param host what serves host memory and threads.
  std::shared_ptr<Backend> (*make_backend)(int ordinal, std::shared_ptr<Backend> host) = nullptr;
  /// Opens NCCL. @throws DeviceError where it cannot be had.
  std::string (*nccl_version)() = nullptr;
};

using CudaModuleFunction = const CudaModule* (*)();

/// Version, commit and configuration that core and module have in common.
/// Local.
[[nodiscard]] std::string cuda_build_identity();

}  // namespace serried
