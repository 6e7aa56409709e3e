#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "serried/comm/communicator.hpp"
#include "serried/comm/leaves.hpp"

namespace serried {

/// Combines `right` into `left`; both point to payloads. Never called with a missing side.
using CombineFunction = std::function<void(std::byte* left, const std::byte* right)>;

/// Folds the payloads of consecutive leaves along the fixed binary tree over leaf numbers. Node (l, i)
/// covers the leaves [i * 2^l, (i + 1) * 2^l); its value is combine(left child, right child), or the left
/// child alone where the right one would lie beyond the last leaf. At most 2 log2(leaves) nodes are alive.
class TreeFold {
 public:
  struct Node {
    int level = 0;
    std::int64_t index = 0;
    std::vector<std::byte> payload;
  };
  TreeFold(std::int64_t payload_bytes, CombineFunction combine);
  /// Adds the next leaf; leaf numbers must ascend by one.
  void push(std::int64_t leaf, const std::byte* payload);
  /// The maximal nodes held, in ascending order of their first leaf.
  [[nodiscard]] const std::vector<Node>& nodes() const noexcept { return nodes_; }
  [[nodiscard]] std::vector<Node> release() noexcept { return std::move(nodes_); }

 private:
  std::int64_t payload_bytes_;
  CombineFunction combine_;
  std::vector<Node> nodes_;
};

/// How the payload of a reduction may be handled.
struct TreeReduceOptions {
  /// If > 0, the payload is an array of items of this many bytes that combine independently (combine is
  /// then called with item-aligned pieces through `combine_items`); large payloads are cut into slices.
  std::int64_t item_bytes = 0;
  /// Combines `items` items at a time; needed with item_bytes > 0.
  std::function<void(std::byte* left, const std::byte* right, std::int64_t items)> combine_items;
  /// Payloads from this size on travel in slices (1 MiB by default; lowered in tests).
  std::int64_t slice_threshold_bytes = 1 << 20;
};

/// Combines the nodes of all ranks along the fixed tree; every rank gets the root's payload. With no leaves
/// at all, the result is `empty`. The bits depend on the leaves' payloads and numbers alone.
/// Collective.
/// Communication: at most 2 log2(leaves) payloads leave a rank, and one broadcast; or, in slices, about two
/// payloads a rank.
[[nodiscard]] std::vector<std::byte> tree_reduce(const Communicator& comm, const Leaves& leaves,
                                                 std::vector<TreeFold::Node> nodes,
                                                 std::span<const std::byte> empty,
                                                 const CombineFunction& combine,
                                                 const TreeReduceOptions& options = {});

}  // namespace serried
