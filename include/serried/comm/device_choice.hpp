#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "serried/base/api.hpp"
#include "serried/comm/runtime.hpp"
#include "serried/device/backend.hpp"
#include "serried/device/cuda.hpp"

namespace SERRIED_API serried {

/// What the user asks for: `--device auto`, `host`, `cuda`.
enum class DeviceRequest : std::uint8_t { automatic, host, cuda };

struct DeviceOptions {
  DeviceRequest request = DeviceRequest::automatic;
  /// Where a node has more ranks than GPUs, ranks share them; otherwise that is an error.
  bool share_gpu = false;
};

/// Where a rank computes.
struct DeviceChoice {
  std::shared_ptr<Backend> backend;
  std::shared_ptr<Backend> host;      ///< what serves host memory and threads; `backend` itself on
                                      ///< the host
  std::optional<CudaDeviceInfo> gpu;  ///< this rank's; nothing on the host
  int ranks_on_device = 1;            ///< of this node, this rank among them
  /// Sentences without full stops that say what all ranks took and why, the same on every rank, for
  /// the run report, e.g. "4 ranks on 2 nodes have a GPU each: NVIDIA H100 80GB HBM3".
  std::vector<std::string> explanation;

  /// The GPU's UUID; empty on the host.
  [[nodiscard]] std::string uuid() const { return gpu ? gpu->uuid : std::string(); }
};

/// Gives every rank its device; all ranks take the same kind, and GPUs of one model.
///
/// Each rank may see all GPUs of its node, some, or one alone (CUDA_VISIBLE_DEVICES and control
/// groups decide, and ordinals count for one rank only): GPUs are told apart by their UUIDs. Of the
/// GPUs that it sees, a rank gets one of its own, if possible one whose NUMA node its CPUs belong
/// to, else by its number on the node; the ranks of a node compute this alike from what all of them
/// see. With fewer GPUs than ranks, `share_gpu` gives each GPU about the same number of ranks.
///
/// `automatic` takes the host if any rank finds no GPU, and says which and why; and, with a
/// warning, if there are fewer GPUs than ranks and they may not be shared. Collective.
/// Communication: a few texts of each rank.
/// @throws RankError of kind device if `cuda` is asked for and a rank finds none, or if a rank
/// cannot use its GPU; of kind invalid_argument if `cuda` is asked for, a node has fewer GPUs than
/// ranks, and they may not be shared.
/// @throws InvalidArgument on all ranks if they got GPUs of different models.
[[nodiscard]] DeviceChoice choose_device(const Runtime& runtime, const DeviceOptions& options);

}  // namespace serried
