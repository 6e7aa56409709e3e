#include "serried/comm/device_choice.hpp"

#include <algorithm>
#include <sstream>
#include <utility>

#include "comm/device_assignment.hpp"
#include "comm/host_cpus.hpp"
#include "comm/numa_nodes.hpp"
#include "serried/base/error.hpp"
#include "serried/comm/agree.hpp"

namespace serried {
namespace {

// Between the fields and the lines of what a rank sees; none of them occurs in a name.
constexpr char field = '\x1f';
constexpr char line = '\n';

std::string to_text(const comm::NodeRankDevices& rank) {
  std::ostringstream out;
  for (const int node : rank.numa_nodes) out << node << ' ';
  out << line;
  for (const CudaDeviceInfo& device : rank.devices)
    out << device.uuid << field << device.name << field << device.ordinal << field
        << device.numa_node << line;
  return out.str();
}

comm::NodeRankDevices from_text(const std::string& text) {
  comm::NodeRankDevices rank;
  std::istringstream in(text);
  std::string row;
  std::getline(in, row, line);
  std::istringstream nodes(row);
  for (int node = 0; nodes >> node;) rank.numa_nodes.push_back(node);
  while (std::getline(in, row, line)) {
    std::istringstream fields(row);
    CudaDeviceInfo device;
    std::string ordinal, numa_node;
    std::getline(fields, device.uuid, field);
    std::getline(fields, device.name, field);
    std::getline(fields, ordinal, field);
    std::getline(fields, numa_node, field);
    device.ordinal = std::stoi(ordinal);
    device.numa_node = std::stoi(numa_node);
    rank.devices.push_back(device);
  }
  return rank;
}

std::string number(std::int64_t count, const char* what) {
  return std::to_string(count) + ' ' + what + (count == 1 ? "" : "s");
}

/// Why some rank has no GPU, the same text on all ranks; nothing where each has one. Collective.
std::optional<std::string> why_not_cuda(const Runtime& runtime) {
  const Communicator& comm = runtime.communicator();
  std::string text;
  try {
    static_cast<void>(find_cuda());
  } catch (const DeviceError& error) {
    text = error.what();
  }
  const int failed = comm.allreduce(text.empty() ? comm.size() : comm.rank(), ReduceOp::min);
  if (failed == comm.size()) return std::nullopt;
  const auto failures = comm.allreduce(text.empty() ? 0 : 1, ReduceOp::sum);
  if (comm.size() > 1 && failures < comm.size())
    text = "rank " + std::to_string(comm.rank()) + " on " + runtime.host_name() + ": " + text;
  return comm.broadcast_text(text, failed);
}

DeviceChoice on_host(std::shared_ptr<Backend> host, const std::string& why) {
  DeviceChoice choice;
  choice.backend = host;
  choice.host = std::move(host);
  choice.explanation.push_back("computing on the host: " + why);
  return choice;
}

/// @throws InvalidArgument on all ranks if they have GPUs of different models. Collective.
void require_one_model(const Runtime& runtime, const std::string& own) {
  const std::vector<std::string> names = runtime.communicator().allgather_text(own);
  const auto other = std::ranges::find_if(names, [&](const auto& n) { return n != names.front(); });
  if (other != names.end())
    throw InvalidArgument(
        "the GPUs of one job must be of one model, because models may differ in the last bits of "
        "a result: rank 0 has " +
        names.front() + ", rank " + std::to_string(other - names.begin()) + " has " + *other);
}

/// How many ranks have how many GPUs. Collective.
std::string sharing_text(const Runtime& runtime, int node_devices, int most_on_one,
                         const std::string& model) {
  const Communicator& comm = runtime.communicator();
  const bool is_first = runtime.node_rank() == 0;
  const std::int64_t nodes = comm.allreduce(std::int64_t{is_first ? 1 : 0}, ReduceOp::sum);
  const std::int64_t devices =
      comm.allreduce(std::int64_t{is_first ? node_devices : 0}, ReduceOp::sum);
  const int most = comm.allreduce(most_on_one, ReduceOp::max);
  const std::string who = number(comm.size(), "rank") + " on " + number(nodes, "node");
  if (most == 1) return who + (comm.size() == 1 ? " has a GPU: " : " have a GPU each: ") + model;
  return who + " share " + number(devices, "GPU") + ", at most " + std::to_string(most) +
         " on one: " + model;
}

DeviceChoice on_cuda(const Runtime& runtime, std::shared_ptr<Backend> host, bool share_gpu) {
  const Communicator& comm = runtime.communicator();
  const Communicator node = comm.split_node();
  const comm::NodeRankDevices own{find_cuda().devices,
                                  comm::numa_nodes_of(comm::cpus_of_this_process())};
  std::vector<comm::NodeRankDevices> ranks;
  for (const std::string& text : node.allgather_text(to_text(own)))
    ranks.push_back(from_text(text));

  const auto self = static_cast<std::size_t>(node.rank());
  std::vector<int> assignment;
  agree(comm, [&] {
    try {
      assignment = comm::assign_devices(ranks, share_gpu);
    } catch (const InvalidArgument& error) {
      throw InvalidArgument("on " + runtime.host_name() + ", " + error.what());
    }
  });
  DeviceChoice choice;
  choice.gpu = own.devices[static_cast<std::size_t>(assignment[self])];
  choice.ranks_on_device = comm::ranks_on_device(ranks, assignment, node.rank());
  require_one_model(runtime, choice.gpu->name);
  choice.backend = agree_on(comm, [&] { return make_cuda_backend(choice.gpu->ordinal, host); });
  choice.host = std::move(host);

  std::vector<std::string> used;
  for (std::size_t r = 0; r < ranks.size(); ++r)
    used.push_back(ranks[r].devices[static_cast<std::size_t>(assignment[r])].uuid);
  std::ranges::sort(used);
  used.erase(std::unique(used.begin(), used.end()), used.end());
  choice.explanation.push_back(sharing_text(runtime, static_cast<int>(used.size()),
                                            choice.ranks_on_device, choice.gpu->name));
  return choice;
}

}  // namespace

DeviceChoice choose_device(const Runtime& runtime, const DeviceOptions& options) {
  auto host = make_host_backend(runtime.threads());
  if (options.request == DeviceRequest::host) return on_host(std::move(host), "it was asked for");
  if (const auto why = why_not_cuda(runtime)) {
    if (options.request == DeviceRequest::automatic) return on_host(std::move(host), *why);
    // Once more, for the error: what was found is remembered.
    agree(runtime.communicator(), [] { static_cast<void>(find_cuda()); });
  }
  try {
    return on_cuda(runtime, host, options.share_gpu);
  } catch (const RankError& error) {
    // Too few GPUs for the ranks, found on all of them together.
    if (options.request != DeviceRequest::automatic || error.kind() != ErrorKind::invalid_argument)
      throw;
    runtime.recorder()->say(Severity::warning,
                            std::string("computing on the host: ") + error.what());
    return on_host(std::move(host), error.what());
  }
}

}  // namespace serried
