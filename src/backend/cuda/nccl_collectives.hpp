#pragma once

#include <memory>
#include <string>

#include "backend/cuda/cuda_device.hpp"
#include "serried/device/collectives.hpp"

namespace serried::cuda {

/// Opens NCCL; its version, e.g. "2.28.9".
/// Local.
/// @throws DeviceError where there is none.
[[nodiscard]] std::string nccl_version();

/// The bytes of a new ncclUniqueId.
/// Local.
/// @throws DeviceError where there is no NCCL, or with its text.
[[nodiscard]] std::string make_nccl_id(const CudaDevice& device);

/// Collective over the `ranks` ranks that were given `id`.
/// @throws DeviceError as make_nccl_id; InvalidArgument for an id that is none.
[[nodiscard]] std::unique_ptr<DeviceCollectives> make_nccl_collectives(
    CudaDevice& device, const std::string& id, int rank, int ranks,
    const DeviceCollectivesOptions& options);

}  // namespace serried::cuda
