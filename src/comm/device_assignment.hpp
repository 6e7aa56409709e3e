#pragma once

#include <string>
#include <vector>

#include "serried/device/cuda.hpp"

namespace serried::comm {

/// What one rank of a node sees.
struct NodeRankDevices {
  std::vector<CudaDeviceInfo> devices;
  std::vector<int> numa_nodes;  ///< of the CPUs in its mask, ascending; empty if not known
};

/// Gives the ranks of one node their GPUs: as many as possible get one of their own, preferably on
/// a NUMA node of theirs, the first ranks the first devices that they see. Worked example: ranks 0,
/// 1 with CPUs of NUMA nodes 1, 0 see devices A, B on NUMA nodes 0, 1: rank 0 gets B, rank 1 gets
/// A. Local, and a function of the arguments alone.
/// @return for each rank an index into its `devices`.
/// @throws InvalidArgument naming the numbers if not all get one of their own and !share_gpu, or if
/// a rank sees none.
[[nodiscard]] std::vector<int> assign_devices(const std::vector<NodeRankDevices>& ranks,
                                              bool share_gpu);

/// The ranks of the node that have the same GPU as rank `rank`, itself among them.
/// Local.
[[nodiscard]] int ranks_on_device(const std::vector<NodeRankDevices>& ranks,
                                  const std::vector<int>& assignment, int rank);

/// Number of different GPUs that the ranks see.
/// Local.
[[nodiscard]] int count_devices(const std::vector<NodeRankDevices>& ranks);

}  // namespace serried::comm
