#include "serried/comm/reduction_tree.hpp"

#include <algorithm>
#include <bit>
#include <cstring>
#include <exception>
#include <iterator>
#include <string>

#include "serried/base/error.hpp"
#include "serried/base/tree_nodes.hpp"
#include "serried/comm/agree.hpp"

namespace serried {
namespace {

constexpr int max_node_level = 61;
constexpr std::int64_t max_leaf = (std::int64_t{1} << 62) - 1;

}  // namespace

TreeFold::TreeFold(std::int64_t payload_bytes, CombineFunction combine)
    : payload_bytes_(static_cast<std::size_t>(payload_bytes)), combine_(std::move(combine)) {}

void TreeFold::push_node(int level, std::int64_t index, const std::byte* payload) {
  if (level < 0 || level > max_node_level || index < 0 || index > max_leaf >> level)
    throw InvalidArgument("there is no node " + std::to_string(index) + " of level " +
                          std::to_string(level));
  const std::int64_t first = index << level;
  if (next_leaf_ >= 0 && first != next_leaf_)
    throw InvalidArgument("leaf " + std::to_string(first) + " was folded where leaf " +
                          std::to_string(next_leaf_) + " comes next");
  next_leaf_ = first + (std::int64_t{1} << level);
  if (index % 2 == 0 || depth_ == 0 || nodes_[depth_ - 1].level != level) {
    if (depth_ == nodes_.size()) nodes_.push_back({0, 0, std::vector<std::byte>(payload_bytes_)});
    Node& node = nodes_[depth_++];
    node.level = level;
    node.index = index;
    if (payload_bytes_ != 0) std::memcpy(node.payload.data(), payload, payload_bytes_);
    return;
  }
  // A right child: its sibling is the last node alive, and what they make may be one too.
  combine_(nodes_[depth_ - 1].payload.data(), payload);
  ++level;
  index /= 2;
  for (; index % 2 != 0 && depth_ >= 2 && nodes_[depth_ - 2].level == level; --depth_) {
    combine_(nodes_[depth_ - 2].payload.data(), nodes_[depth_ - 1].payload.data());
    ++level;
    index /= 2;
  }
  nodes_[depth_ - 1].level = level;
  nodes_[depth_ - 1].index = index;
}

std::vector<TreeFold::Node> TreeFold::release() noexcept {
  next_leaf_ = -1;
  nodes_.resize(std::exchange(depth_, 0));
  return std::exchange(nodes_, {});
}

namespace {

using Payload = std::vector<std::byte>;
using Node = TreeFold::Node;

constexpr int tree_tag = 31001;

int bit_width_of(std::int64_t value) {
  return static_cast<int>(std::bit_width(static_cast<std::uint64_t>(value)));
}

TreeNode root_of(std::int64_t leaves) {
  return {bit_width_of(leaves - 1), 0};
}

// Evaluates one rank's part of the tree. All ranks go through their nodes in the post-order of the
// one tree, so that the earliest outstanding message always has both of its ranks at hand: no
// deadlock. A payload in flight has one more byte behind it: whether combine has failed below. So a
// failure reaches the root, and costs nothing while there is none.
class TreeWalk {
 public:
  TreeWalk(const Communicator& comm, const Leaves& leaves, std::vector<Node> nodes,
           std::size_t payload_bytes, const CombineFunction& combine)
      : comm_(comm),
        leaves_(leaves),
        first_(leaves.first_leaf(comm.rank())),
        last_(leaves.first_leaf(comm.rank() + 1)),
        nodes_(std::move(nodes)),
        payload_bytes_(payload_bytes),
        combine_(combine) {}

  // The root's payload, on every rank.
  Payload run() {
    Payload result;
    if (first_ < last_) result = evaluate(root_of(leaves_.count()));
    for (auto& request : sends_) request.wait();
    result.resize(payload_bytes_ + 1);
    if (comm_.size() > 1) comm_.broadcast(std::span<std::byte>(result), leaves_.owner(0));
    if (result.back() != std::byte{0})
      agree(comm_, [&] {
        if (failure_) std::rethrow_exception(failure_);
      });
    result.pop_back();
    return result;
  }

 private:
  [[nodiscard]] bool is_touched(TreeNode node) const {
    const std::int64_t begin = node.first_leaf();
    return begin < last_ && begin + (node.leaves()) > first_;
  }

  void combine(Payload& left, const Payload& right) {
    left.back() |= right.back();
    if (left.back() != std::byte{0}) return;
    try {
      combine_(left.data(), right.data());
    } catch (...) {
      failure_ = std::current_exception();
      left.back() = std::byte{1};
    }
  }

  // The node's payload if this rank owns its first leaf; empty else.
  Payload evaluate(TreeNode node) {
    if (next_ < nodes_.size() && node == TreeNode{nodes_[next_].level, nodes_[next_].index}) {
      Payload held = std::move(nodes_[next_++].payload);
      held.push_back(std::byte{0});
      return held;
    }
    const TreeNode left{node.level - 1, 2 * node.index};
    const TreeNode right{node.level - 1, 2 * node.index + 1};
    Payload payload;
    if (is_touched(left)) payload = evaluate(left);
    if (right.first_leaf() >= leaves_.count()) return payload;
    Payload other;
    if (is_touched(right)) other = evaluate(right);
    const int receiver = leaves_.owner(left.first_leaf());
    const int sender = leaves_.owner(right.first_leaf());
    const int rank = comm_.rank();
    if (receiver == rank && sender == rank) {
      combine(payload, other);
    } else if (receiver == rank) {
      received_.resize(payload_bytes_ + 1);
      comm_.receive(std::span<std::byte>(received_), sender, tree_tag);
      combine(payload, received_);
    } else if (sender == rank) {
      sent_.push_back(std::move(other));
      sends_.push_back(comm_.isend(std::span<const std::byte>(sent_.back()), receiver, tree_tag));
    }
    return payload;
  }

  const Communicator& comm_;
  const Leaves& leaves_;
  std::int64_t first_;
  std::int64_t last_;
  std::vector<Node> nodes_;
  std::size_t next_ = 0;
  std::size_t payload_bytes_;
  const CombineFunction& combine_;
  std::exception_ptr failure_;
  Payload received_;
  std::vector<Payload> sent_;  // a moved vector keeps its memory, so pending sends stay valid
  std::vector<Communicator::Request> sends_;
};

// One slice of the items of all ranks' nodes.
class SliceWalk {
 public:
  using Combine = std::function<void(std::byte* left, const std::byte* right)>;
  SliceWalk(std::int64_t leaves, const std::vector<TreeNode>& nodes, std::byte* slices,
            std::size_t slice_bytes, const Combine& combine)
      : leaves_(leaves),
        nodes_(nodes),
        slices_(slices),
        slice_bytes_(slice_bytes),
        combine_(combine) {}

  // Returns where the node's slice stands; nodes are met in ascending order.
  std::byte* evaluate(TreeNode node) {
    if (node == nodes_[next_]) return slices_ + slice_bytes_ * next_++;
    std::byte* left = evaluate({node.level - 1, 2 * node.index});
    const TreeNode right{node.level - 1, 2 * node.index + 1};
    if (right.first_leaf() < leaves_) combine_(left, evaluate(right));
    return left;
  }

 private:
  std::int64_t leaves_;
  const std::vector<TreeNode>& nodes_;
  std::byte* slices_;
  std::size_t slice_bytes_;
  const Combine& combine_;
  std::size_t next_ = 0;
};

// [begin, end) of the items that rank r combines.
std::pair<std::int64_t, std::int64_t> slice_of(std::int64_t items, int ranks, int r) {
  const std::int64_t quotient = items / ranks;
  const std::int64_t rest = items % ranks;
  return {r * quotient + r * rest / ranks, (r + 1) * quotient + (r + 1) * rest / ranks};
}

Payload reduce_in_slices(const Communicator& comm, const Leaves& leaves,
                         const std::vector<Node>& nodes, std::int64_t payload_bytes,
                         const TreeReduceOptions& options) {
  const std::int64_t items = payload_bytes / options.item_bytes;
  Payload send;
  send.reserve(nodes.size() * static_cast<std::size_t>(payload_bytes));
  std::vector<std::int64_t> offsets{0};
  for (int r = 0; r < comm.size(); ++r) {
    const auto [begin, end] = slice_of(items, comm.size(), r);
    for (const Node& node : nodes)
      send.insert(send.end(), node.payload.begin() + begin * options.item_bytes,
                  node.payload.begin() + end * options.item_bytes);
    offsets.push_back(static_cast<std::int64_t>(send.size()));
  }
  auto received = comm.alltoall(std::span<const std::byte>(send), offsets);
  send = {};

  std::vector<TreeNode> all_nodes;
  for (int r = 0; r < comm.size(); ++r)
    std::ranges::copy(maximal_nodes(leaves.first_leaf(r), leaves.first_leaf(r + 1)),
                      std::back_inserter(all_nodes));
  const auto [begin, end] = slice_of(items, comm.size(), comm.rank());
  const std::int64_t slice_items = end - begin;
  const auto slice_bytes = static_cast<std::size_t>(slice_items * options.item_bytes);
  const SliceWalk::Combine combine = [&](std::byte* left, const std::byte* right) {
    if (slice_items != 0) options.combine_items(left, right, slice_items);
  };
  SliceWalk walk(leaves.count(), all_nodes, received.values.data(), slice_bytes, combine);
  const std::byte* mine = received.values.data();
  agree(comm, [&] { mine = walk.evaluate(root_of(leaves.count())); });
  return comm.allgather(std::span<const std::byte>(mine, slice_bytes)).values;
}

void check_nodes(const Leaves& leaves, int rank, const std::vector<Node>& nodes,
                 std::size_t payload_bytes) {
  const auto expected = maximal_nodes(leaves.first_leaf(rank), leaves.first_leaf(rank + 1));
  const auto is_expected = [&](const Node& node, TreeNode id) {
    return TreeNode{node.level, node.index} == id && node.payload.size() == payload_bytes;
  };
  if (!std::ranges::equal(nodes, expected, is_expected))
    throw InvalidArgument("the nodes given to tree_reduce are not those of rank " +
                          std::to_string(rank) + "'s leaves [" +
                          std::to_string(leaves.first_leaf(rank)) + ", " +
                          std::to_string(leaves.first_leaf(rank + 1)) + ")");
}

}  // namespace

std::vector<std::byte> tree_reduce(const Communicator& comm, const Leaves& leaves,
                                   std::vector<TreeFold::Node> nodes,
                                   std::span<const std::byte> empty, const CombineFunction& combine,
                                   const TreeReduceOptions& options) {
  if (leaves.layout().ranks() != comm.size())
    throw InvalidArgument("a layout of " + std::to_string(leaves.layout().ranks()) +
                          " ranks cannot be reduced by " + std::to_string(comm.size()));
  const auto payload_bytes = static_cast<std::int64_t>(empty.size());
  if (options.item_bytes > 0 && (!options.combine_items || payload_bytes % options.item_bytes != 0))
    throw InvalidArgument("a payload of items needs combine_items and a whole number of items");
  check_nodes(leaves, comm.rank(), nodes, empty.size());
  if (leaves.count() == 0 || empty.empty()) return {empty.begin(), empty.end()};
  if (comm.size() > 1 && options.item_bytes > 0 && payload_bytes >= options.slice_threshold_bytes)
    return reduce_in_slices(comm, leaves, nodes, payload_bytes, options);
  return TreeWalk(comm, leaves, std::move(nodes), empty.size(), combine).run();
}

}  // namespace serried
