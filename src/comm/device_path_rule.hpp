#pragma once

#include <optional>
#include <string>
#include <vector>

#include "serried/comm/device_path.hpp"

namespace serried::comm {

/// Where one rank computes.
struct RankDevice {
  bool is_cuda = false;
  std::string host_name;
  std::string uuid;
};

/// Why the ranks cannot each have a GPU of their own; nothing where they can.
/// Local.
[[nodiscard]] std::optional<DevicePathChoice> path_without_nccl(
    const std::vector<RankDevice>& ranks);

/// What one rank knows of NCCL.
struct RankNccl {
  bool is_there = false;
  std::string text;  ///< its version, or why there is none
};

/// The decision where each rank has a GPU of its own.
/// Local.
[[nodiscard]] DevicePathChoice path_with_nccl(const std::vector<RankNccl>& ranks);

}  // namespace serried::comm
