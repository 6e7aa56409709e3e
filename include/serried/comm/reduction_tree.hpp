#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <utility>
#include <vector>

#include "serried/base/api.hpp"
#include "serried/comm/communicator.hpp"
#include "serried/comm/leaves.hpp"

namespace SERRIED_API serried {

/// Combines `right` into `left`; both point to payloads. Never called with a missing side.
using CombineFunction = std::function<void(std::byte* left, const std::byte* right)>;

/// Folds the payloads of consecutive leaves along the fixed binary tree over leaf numbers. Node (l,
/// i) covers the leaves [i * 2^l, (i + 1) * 2^l); its value is combine(left child, right child), or
/// the left child alone where the right one would lie beyond the last leaf. At most 2 log2(leaves)
/// nodes are alive; their memory is used again, so that a leaf costs no allocation. Payloads are
/// aligned to 16 bytes.
///
/// Worked example: leaves 3, 4, 5, 6 are pushed, as on a rank that owns [3, 7). Leaf 3 is a right
/// child whose sibling is elsewhere: it stays, as node (0, 3). Leaves 4 and 5 make (1, 2) =
/// combine(4, 5); 6 stays, as its sibling 7 is not here. The rank holds (0, 3), (1, 2), (0, 6).
class TreeFold {
 public:
  struct Node {
    int level = 0;
    std::int64_t index = 0;
    std::vector<std::byte> payload;
  };
  TreeFold(std::int64_t payload_bytes, CombineFunction combine);
  /// Adds the next leaf; the first may be any, then leaf numbers ascend by one.
  /// @throws InvalidArgument if they do not.
  void push(std::int64_t leaf, const std::byte* payload) { push_node(0, leaf, payload); }
  /// Adds a node that was folded elsewhere, in the tree's own order: all the leaves that it covers
  /// at once. Its first leaf is the next one.
  /// @throws InvalidArgument as push, and where the tree has no such node.
  void push_node(int level, std::int64_t index, const std::byte* payload);
  /// The maximal nodes held, in ascending order of their first leaf.
  [[nodiscard]] std::span<const Node> nodes() const noexcept { return {nodes_.data(), depth_}; }
  /// Hands them over; the fold is empty afterwards.
  [[nodiscard]] std::vector<Node> release() noexcept;

 private:
  std::size_t payload_bytes_;
  CombineFunction combine_;
  std::int64_t next_leaf_ = -1;
  std::vector<Node> nodes_;  ///< the first `depth_` are alive; the others keep their memory
  std::size_t depth_ = 0;
};

/// How the payload of a reduction may be handled.
struct TreeReduceOptions {
  /// If > 0, the payload is an array of items of this many bytes that combine independently
  /// (combine is then called with item-aligned pieces through `combine_items`); large payloads are
  /// cut into slices.
  std::int64_t item_bytes = 0;
  /// Combines `items` items at a time; needed with item_bytes > 0.
  std::function<void(std::byte* left, const std::byte* right, std::int64_t items)> combine_items;
  /// Payloads from this size on travel in slices (1 MiB by default; lowered in tests).
  std::int64_t slice_threshold_bytes = 1 << 20;
};

/// Combines the nodes of all ranks along the fixed tree; every rank gets the root's payload. With
/// no leaves at all, the result is `empty`. The bits depend on the leaves' payloads and numbers
/// alone. Collective. Communication: a partial node travels to the rank that owns the node's first
/// leaf, so at most 2 log2(leaves) payloads leave a rank, log2(leaves) deep; the root is broadcast
/// from the owner of leaf 0. In slices, each rank sends its nodes (2 log2(leaves) at most) once in
/// an all-to-all and gathers one payload.
/// @param nodes what TreeFold holds after this rank's leaves, i.e. [first_leaf(rank),
/// first_leaf(rank + 1)).
/// @param empty a payload; its size is the size of all payloads.
/// @throws InvalidArgument if the layout was made for another number of ranks, or (on this rank
/// alone) if the nodes are not those of this rank's leaves; RankError on all ranks if combine
/// throws on one.
[[nodiscard]] std::vector<std::byte> tree_reduce(const Communicator& comm, const Leaves& leaves,
                                                 std::vector<TreeFold::Node> nodes,
                                                 std::span<const std::byte> empty,
                                                 const CombineFunction& combine,
                                                 const TreeReduceOptions& options = {});

}  // namespace serried
