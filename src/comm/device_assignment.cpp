#include "comm/device_assignment.hpp"

#include <algorithm>
#include <map>
#include <set>

#include "serried/base/error.hpp"

namespace serried::comm {
namespace {

constexpr int nobody = -1;

bool is_near(const NodeRankDevices& rank, const CudaDeviceInfo& device) {
  return std::ranges::find(rank.numa_nodes, device.numa_node) != rank.numa_nodes.end();
}

/// A matching of ranks and GPUs that grows by augmenting paths: a rank which has a GPU keeps one,
/// though perhaps another.
class Matching {
 public:
  explicit Matching(const std::vector<NodeRankDevices>& ranks)
      : ranks_(ranks), device_(ranks.size(), nobody) {}

  /// Gives GPUs to ranks that have none, in their order.
  void grow(bool only_near) {
    for (std::size_t rank = 0; rank < ranks_.size(); ++rank) {
      std::set<std::string> visited;
      if (device_[rank] == nobody) static_cast<void>(augment(rank, only_near, visited));
    }
  }
  [[nodiscard]] const std::vector<int>& devices() const { return device_; }
  [[nodiscard]] int matched() const {
    return static_cast<int>(device_.size() - std::ranges::count(device_, nobody));
  }

 private:
  bool augment(std::size_t rank, bool only_near, std::set<std::string>& visited) {
    const auto& devices = ranks_[rank].devices;
    const auto may_have = [&](const CudaDeviceInfo& device) {
      return !only_near || is_near(ranks_[rank], device);
    };
    // Nobody is moved where something is free.
    for (std::size_t i = 0; i < devices.size(); ++i)
      if (may_have(devices[i]) && !owner_.contains(devices[i].uuid)) return take(rank, i);
    for (std::size_t i = 0; i < devices.size(); ++i) {
      if (!may_have(devices[i]) || !visited.insert(devices[i].uuid).second) continue;
      if (augment(owner_.at(devices[i].uuid), only_near, visited)) return take(rank, i);
    }
    return false;
  }
  bool take(std::size_t rank, std::size_t i) {
    owner_[ranks_[rank].devices[i].uuid] = rank;
    device_[rank] = static_cast<int>(i);
    return true;
  }

  const std::vector<NodeRankDevices>& ranks_;
  std::vector<int> device_;
  std::map<std::string, std::size_t> owner_;  // by UUID
};

std::string number(int count, const char* what) {
  return std::to_string(count) + ' ' + what + (count == 1 ? "" : "s");
}

}  // namespace

int count_devices(const std::vector<NodeRankDevices>& ranks) {
  std::set<std::string> uuids;
  for (const NodeRankDevices& rank : ranks)
    for (const CudaDeviceInfo& device : rank.devices) uuids.insert(device.uuid);
  return static_cast<int>(uuids.size());
}

std::vector<int> assign_devices(const std::vector<NodeRankDevices>& ranks, bool share_gpu) {
  for (std::size_t rank = 0; rank < ranks.size(); ++rank)
    if (ranks[rank].devices.empty())
      throw InvalidArgument("rank " + std::to_string(rank) + " of its node sees no GPU");
  Matching matching(ranks);
  matching.grow(true);
  matching.grow(false);
  std::vector<int> result = matching.devices();
  const auto count = static_cast<int>(ranks.size());
  if (matching.matched() == count) return result;
  if (!share_gpu)
    throw InvalidArgument(
        number(count, "rank") + " of one node see " + number(count_devices(ranks), "GPU") +
        ", so that only " + std::to_string(matching.matched()) +
        " can have one of its own: start fewer ranks on a node, let ranks share a GPU "
        "(--share-gpu), or compute on the host (--device host)");

  std::map<std::string, int> load;
  for (std::size_t rank = 0; rank < ranks.size(); ++rank)
    if (result[rank] != nobody)
      ++load[ranks[rank].devices[static_cast<std::size_t>(result[rank])].uuid];
  for (std::size_t rank = 0; rank < ranks.size(); ++rank) {
    if (result[rank] != nobody) continue;
    const auto& devices = ranks[rank].devices;
    const auto best = std::ranges::min_element(devices, {}, [&](const CudaDeviceInfo& device) {
      return std::pair(load[device.uuid], !is_near(ranks[rank], device));
    });
    result[rank] = static_cast<int>(best - devices.begin());
    ++load[best->uuid];
  }
  return result;
}

int ranks_on_device(const std::vector<NodeRankDevices>& ranks, const std::vector<int>& assignment,
                    int rank) {
  const auto uuid_of = [&](std::size_t r) -> const std::string& {
    return ranks[r].devices[static_cast<std::size_t>(assignment[r])].uuid;
  };
  int count = 0;
  for (std::size_t r = 0; r < ranks.size(); ++r)
    count += uuid_of(r) == uuid_of(static_cast<std::size_t>(rank)) ? 1 : 0;
  return count;
}

}  // namespace serried::comm
