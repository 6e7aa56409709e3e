#include "serried/comm/device_path.hpp"

#include <map>
#include <utility>

#include "comm/device_path_rule.hpp"
#include "serried/base/error.hpp"
#include "serried/device/cuda.hpp"

namespace serried {
namespace comm {
namespace {

DevicePathChoice staging(const std::string& why) {
  return {DevicePath::staging, "pinned host memory and MPI: " + why};
}

}  // namespace

std::optional<DevicePathChoice> path_without_nccl(const std::vector<RankDevice>& ranks) {
  if (ranks.size() == 1) return DevicePathChoice{DevicePath::none, "one rank: nothing travels"};
  std::map<std::pair<std::string, std::string>, std::size_t> owners;
  for (std::size_t r = 0; r < ranks.size(); ++r) {
    const RankDevice& rank = ranks[r];
    if (!rank.is_cuda)
      return DevicePathChoice{DevicePath::staging, "host memory and MPI: the device is the host"};
    const auto [owner, is_new] = owners.try_emplace({rank.host_name, rank.uuid}, r);
    if (!is_new)
      return staging("ranks " + std::to_string(owner->second) + " and " + std::to_string(r) +
                     " share a GPU (" + rank.uuid + " on " + rank.host_name + ")");
  }
  return std::nullopt;
}

DevicePathChoice path_with_nccl(const std::vector<RankNccl>& ranks) {
  for (std::size_t r = 0; r < ranks.size(); ++r) {
    if (!ranks[r].is_there)
      return staging("rank " + std::to_string(r) + " has no NCCL: " + ranks[r].text);
    if (ranks[r].text != ranks.front().text)
      return staging("rank 0 has NCCL " + ranks.front().text + ", rank " + std::to_string(r) +
                     " has " + ranks[r].text);
  }
  return {DevicePath::nccl, "NCCL " + ranks.front().text + ": each of " +
                                std::to_string(ranks.size()) + " ranks has a GPU of its own"};
}

}  // namespace comm

DevicePathChoice choose_device_path(const Communicator& comm, const Backend& backend,
                                    const std::string& host_name, const std::string& uuid) {
  const auto kinds = comm.allgather(backend.kind());
  const std::vector<std::string> hosts = comm.allgather_text(host_name);
  const std::vector<std::string> uuids = comm.allgather_text(uuid);
  std::vector<comm::RankDevice> devices;
  for (std::size_t r = 0; r < kinds.size(); ++r)
    devices.push_back({kinds[r] == DeviceKind::cuda, hosts[r], uuids[r]});
  if (auto choice = comm::path_without_nccl(devices)) return *choice;

  comm::RankNccl own;
  try {
    own = {true, nccl_version()};
  } catch (const DeviceError& error) {
    own = {false, error.what()};
  }
  const auto is_there = comm.allgather(own.is_there ? 1 : 0);
  const std::vector<std::string> texts = comm.allgather_text(own.text);
  std::vector<comm::RankNccl> ranks;
  for (std::size_t r = 0; r < texts.size(); ++r) ranks.push_back({is_there[r] != 0, texts[r]});
  return comm::path_with_nccl(ranks);
}

}  // namespace serried
