// serial
// Which rank of a node gets which GPU, from lists of what each rank sees; and by which way the
// GPUs' data travels. choose_device itself runs in tests/cuda/collectives_test.cpp.
#include "serried/comm/device_choice.hpp"

#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "comm/device_assignment.hpp"
#include "comm/device_path_rule.hpp"
#include "comm/numa_nodes.hpp"
#include "serried/base/error.hpp"
#include "support/spmd.hpp"

namespace serried::comm {
namespace {

using Ranks = std::vector<NodeRankDevices>;

CudaDeviceInfo gpu(int ordinal, const std::string& uuid, int numa_node = -1) {
  return {.ordinal = ordinal, .name = "NVIDIA H100", .uuid = uuid, .numa_node = numa_node};
}

/// The GPUs' UUIDs in rank order.
std::vector<std::string> assigned(const Ranks& ranks, bool share_gpu = false) {
  std::vector<std::string> uuids;
  const std::vector<int> devices = assign_devices(ranks, share_gpu);
  for (std::size_t r = 0; r < ranks.size(); ++r)
    uuids.push_back(ranks[r].devices.at(static_cast<std::size_t>(devices[r])).uuid);
  return uuids;
}

std::string error_of(const Ranks& ranks, bool share_gpu = false) {
  try {
    static_cast<void>(assign_devices(ranks, share_gpu));
  } catch (const InvalidArgument& error) {
    return error.what();
  }
  return "no error";
}

using Texts = std::vector<std::string>;

TEST(AssignDevices, all_visible_on_each_rank) {
  const NodeRankDevices all{{gpu(0, "A"), gpu(1, "B"), gpu(2, "C")}, {}};
  EXPECT_EQ(assigned({all}), Texts{"A"});
  EXPECT_EQ(assigned({all, all}), (Texts{"A", "B"}));
  EXPECT_EQ(assigned({all, all, all}), (Texts{"A", "B", "C"}));
}

TEST(AssignDevices, one_per_rank_under_different_numbers) {
  // CUDA_VISIBLE_DEVICES=0 and =1: the ordinal is 0 in both.
  EXPECT_EQ(assigned({{{gpu(0, "A")}, {}}, {{gpu(0, "B")}, {}}}), (Texts{"A", "B"}));
  EXPECT_EQ(assigned({{{gpu(0, "B")}, {}}, {{gpu(0, "A")}, {}}}), (Texts{"B", "A"}));
}

TEST(AssignDevices, the_same_one_on_each_rank_is_too_few) {
  const Ranks ranks{{{gpu(0, "A")}, {}}, {{gpu(0, "A")}, {}}};
  const std::string error = error_of(ranks);
  EXPECT_NE(error.find("2 ranks of one node see 1 GPU,"), std::string::npos) << error;
  EXPECT_NE(error.find("--share-gpu"), std::string::npos) << error;
  EXPECT_EQ(assigned(ranks, true), (Texts{"A", "A"}));
  EXPECT_EQ(ranks_on_device(ranks, assign_devices(ranks, true), 1), 2);
  EXPECT_EQ(count_devices(ranks), 1);
}

TEST(AssignDevices, set_but_empty_is_none) {
  EXPECT_NE(error_of({{{gpu(0, "A")}, {}}, {}}).find("rank 1 of its node sees no GPU"),
            std::string::npos);
  EXPECT_NE(error_of({{}}, true).find("sees no GPU"), std::string::npos);
}

TEST(AssignDevices, what_ranks_see_may_overlap) {
  // Rank 0 would take A first, but rank 1 sees nothing else.
  const Ranks ranks{{{gpu(0, "A"), gpu(1, "B")}, {}}, {{gpu(0, "A")}, {}}};
  EXPECT_EQ(assigned(ranks), (Texts{"B", "A"}));
  const Ranks chain{{{gpu(0, "A"), gpu(1, "B")}, {}},
                    {{gpu(0, "B"), gpu(1, "C")}, {}},
                    {{gpu(0, "A")}, {}},
                    {{gpu(0, "B")}, {}}};
  // A and B are all that ranks 0, 2 and 3 see.
  EXPECT_NE(error_of(chain).find("4 ranks of one node see 3 GPUs, so that only 3"),
            std::string::npos);
  // Three GPUs, but two of the ranks see one alone, the same.
  const Ranks narrow{
      {{gpu(0, "A"), gpu(1, "B"), gpu(2, "C")}, {}}, {{gpu(0, "A")}, {}}, {{gpu(0, "A")}, {}}};
  EXPECT_NE(error_of(narrow).find("3 ranks of one node see 3 GPUs, so that only 2"),
            std::string::npos)
      << error_of(narrow);
}

TEST(AssignDevices, ranks_share_evenly) {
  const NodeRankDevices all{{gpu(0, "A"), gpu(1, "B")}, {}};
  EXPECT_EQ(assigned({all, all, all, all}, true), (Texts{"A", "B", "A", "B"}));
  EXPECT_EQ(assigned({all, all, all, all, all}, true), (Texts{"A", "B", "A", "B", "A"}));
  const NodeRankDevices only_a{{gpu(0, "A")}, {}};
  EXPECT_EQ(assigned({only_a, only_a, all}, true), (Texts{"A", "A", "B"}));
}

TEST(AssignDevices, the_nearest_numa_node_comes_first) {
  const std::vector<CudaDeviceInfo> devices{gpu(0, "A", 3), gpu(1, "B", 2), gpu(2, "C", 1),
                                            gpu(3, "D", 0)};
  // As on Perlmutter: the numbers of the GPUs are inverse to those of the CPUs.
  EXPECT_EQ(assigned({{devices, {0}}, {devices, {1}}, {devices, {2}}, {devices, {3}}}),
            (Texts{"D", "C", "B", "A"}));
  EXPECT_EQ(assigned({{devices, {1}}}), Texts{"C"});
  // Masks that cover all nodes prefer nothing.
  const std::vector<int> everywhere{0, 1, 2, 3};
  EXPECT_EQ(assigned({{devices, everywhere}, {devices, everywhere}}), (Texts{"A", "B"}));
  // Two ranks near one GPU: the second takes what is left, and none goes without.
  EXPECT_EQ(assigned({{devices, {0}}, {devices, {0}}, {devices, {1}}}), (Texts{"D", "A", "C"}));
  // The nearest is taken from a rank that can have another near one.
  const std::vector<CudaDeviceInfo> two{gpu(0, "A", 0), gpu(1, "B", 1)};
  EXPECT_EQ(assigned({{two, {0, 1}}, {two, {0}}}), (Texts{"B", "A"}));
  // Shared: the load comes first, then what is near.
  EXPECT_EQ(assigned({{two, {0}}, {two, {1}}, {two, {1}}, {two, {0}}}, true),
            (Texts{"A", "B", "B", "A"}));
}

TEST(AssignDevices, is_the_same_whatever_the_ranks_call_a_device) {
  // The second rank sees the same GPUs in another order.
  const Ranks ranks{{{gpu(0, "A"), gpu(1, "B")}, {}}, {{gpu(0, "B"), gpu(1, "A")}, {}}};
  EXPECT_EQ(assigned(ranks), (Texts{"A", "B"}));
  EXPECT_EQ(assign_devices(ranks, false), (std::vector<int>{0, 0}));
}

TEST(NumaNodes, of_cpus) {
  EXPECT_EQ(parse_cpu_list("0-2,5"), (std::vector<int>{0, 1, 2, 5}));
  EXPECT_EQ(parse_cpu_list("7"), std::vector<int>{7});
  EXPECT_EQ(parse_cpu_list(""), std::vector<int>{});
  EXPECT_EQ(parse_cpu_list("1-x"), std::vector<int>{});

  namespace fs = std::filesystem;
  const fs::path root = fs::temp_directory_path() / ("serried_numa_" + std::to_string(getpid()));
  for (const auto& [node, cpus] : {std::pair{"node0", "0-3,8-11"}, {"node1", "4-7"}}) {
    fs::create_directories(root / "sys/devices/system/node" / node);
    std::ofstream(root / "sys/devices/system/node" / node / "cpulist") << cpus << '\n';
  }
  EXPECT_EQ(numa_nodes_of({9}, root), std::vector<int>{0});
  EXPECT_EQ(numa_nodes_of({4, 5}, root), std::vector<int>{1});
  EXPECT_EQ(numa_nodes_of({3, 4}, root), (std::vector<int>{0, 1}));
  EXPECT_EQ(numa_nodes_of({64}, root), std::vector<int>{});
  EXPECT_EQ(numa_nodes_of({0}, root / "nowhere"), std::vector<int>{});
  fs::remove_all(root);
}

TEST(DevicePath, without_nccl) {
  const RankDevice a{true, "n1", "A"}, b{true, "n1", "B"}, host{false, "n1", ""};
  EXPECT_EQ(path_without_nccl({a})->path, DevicePath::none);
  EXPECT_FALSE(path_without_nccl({a, b}));
  // Emulated GPUs have the same UUIDs on every node.
  EXPECT_FALSE(path_without_nccl({a, {true, "n2", "A"}}));
  const auto shared = path_without_nccl({b, a, a});
  ASSERT_TRUE(shared);
  EXPECT_EQ(shared->path, DevicePath::staging);
  EXPECT_NE(shared->reason.find("ranks 1 and 2 share a GPU (A on n1)"), std::string::npos);
  EXPECT_EQ(path_without_nccl({host, host})->path, DevicePath::staging);
}

TEST(DevicePath, with_nccl) {
  const RankNccl there{true, "2.28.9"};
  EXPECT_EQ(path_with_nccl({there, there}).path, DevicePath::nccl);
  EXPECT_EQ(path_with_nccl({there, there}).reason,
            "NCCL 2.28.9: each of 2 ranks has a GPU of its own");
  const auto missing = path_with_nccl({there, {false, "no such file"}});
  EXPECT_EQ(missing.path, DevicePath::staging);
  EXPECT_NE(missing.reason.find("rank 1 has no NCCL: no such file"), std::string::npos);
  const auto mixed = path_with_nccl({there, {true, "2.21.5"}});
  EXPECT_EQ(mixed.path, DevicePath::staging);
  EXPECT_NE(mixed.reason.find("rank 0 has NCCL 2.28.9, rank 1 has 2.21.5"), std::string::npos);
}

}  // namespace
}  // namespace serried::comm
