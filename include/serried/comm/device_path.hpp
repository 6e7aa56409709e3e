#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "serried/base/api.hpp"
#include "serried/comm/communicator.hpp"
#include "serried/device/backend.hpp"

namespace SERRIED_API serried {

/// How data of devices travels between ranks.
enum class DevicePath : std::uint8_t {
  none,    ///< one rank: nothing travels
  nccl,    ///< the devices' own collectives
  staging  ///< through host memory and MPI
};

struct DevicePathChoice {
  DevicePath path = DevicePath::staging;
  /// One sentence without a full stop, for the run report, e.g. "NCCL 2.28.9: each of 4 ranks has a
  /// GPU of its own".
  std::string reason;
};

/// NCCL where every rank has a GPU of its own and can open the same version of NCCL, else staging.
/// NCCL is opened only where every rank has a GPU of its own. Collective.
/// @param host_name and `uuid` say which device the backend works on; no uuid on the host backend.
[[nodiscard]] DevicePathChoice choose_device_path(const Communicator& comm, const Backend& backend,
                                                  const std::string& host_name,
                                                  const std::string& uuid);

}  // namespace serried
