#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "serried/base/api.hpp"
#include "serried/device/backend.hpp"

namespace SERRIED_API serried {

/// A GPU as the driver shows it to this process.
struct CudaDeviceInfo {
  int ordinal = 0;           ///< among those in sight (CUDA_VISIBLE_DEVICES)
  std::string name;          ///< "NVIDIA H200"
  std::string uuid;          ///< "GPU-..."
  std::string architecture;  ///< "sm_90"
  std::string bus;           ///< PCI address, "0000:3b:00.0"
  std::int64_t memory_bytes = 0;
  int numa_node = -1;  ///< nearest, -1 where it is not known
};

/// What the CUDA module finds.
struct CudaSystem {
  std::string driver;   ///< newest CUDA that the driver can run, "13.0"
  std::string runtime;  ///< CUDA that the module was built with
  std::vector<CudaDeviceInfo> devices;
};

/// Opens libserried_cuda.so, where the CUDA driver can be opened, and asks it for the devices. The
/// module is looked for where SERRIED_CUDA_MODULE says, beside this program (../lib/serried,
/// ../lib, the program's own folder), and in the folder that Serried was installed to; it is never
/// unloaded.
/// Local.
/// @throws DeviceError saying what is missing: the driver, the module, or a device; or that the
/// module belongs to another build.
[[nodiscard]] const CudaSystem& find_cuda();

/// NCCL's version, e.g. "2.28.9". The first call opens the library, which takes a while and some
/// hundred megabytes: libnccl.so.2, or what SERRIED_NCCL_LIBRARY names.
/// Local.
/// @throws DeviceError as find_cuda; or saying why there is no NCCL.
[[nodiscard]] std::string nccl_version();

/// The backend of one device.
/// Local.
/// @param host the backend that serves host memory and threads.
/// @throws DeviceError as find_cuda; or if the device cannot be used.
[[nodiscard]] std::shared_ptr<Backend> make_cuda_backend(int ordinal,
                                                         std::shared_ptr<Backend> host);

}  // namespace serried
