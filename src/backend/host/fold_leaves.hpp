#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "serried/base/tree_nodes.hpp"

namespace serried::host {

/// Folds payloads along the fixed tree over leaf numbers, so many leaves at a time that their
/// payloads take little room.
/// @param Payload of one column; a leaf has `columns` of them.
/// @param reduce called as reduce(offsets, payloads): makes the payloads of a run of leaves.
/// @param combine called as combine(left, right, columns) on arrays of payloads.
template <class Payload, class Reduce, class Combine>
class LeafFold {
 public:
  LeafFold(std::int64_t columns, std::span<const std::int64_t> offsets, std::int64_t first_leaf,
           Reduce reduce, Combine combine)
      : columns_(columns),
        offsets_(offsets),
        first_leaf_(first_leaf),
        reduce_(reduce),
        combine_(combine) {}

  /// out[n * columns + j] for the maximal nodes of the leaves.
  void run(std::span<Payload> out) {
    const auto leaves = static_cast<std::int64_t>(offsets_.size()) - 1;
    Payload* to = out.data();
    for (const TreeNode& node : maximal_nodes(first_leaf_, first_leaf_ + leaves)) {
      evaluate(node, to);
      to += columns_;
    }
  }

 private:
  static constexpr int levels_at_once = 6;

  void evaluate(TreeNode node, Payload* to) {
    std::vector<Payload> room;
    if (node.level > levels_at_once) {
      room.resize(static_cast<std::size_t>(columns_));
      evaluate({node.level - 1, 2 * node.index}, to);
      evaluate({node.level - 1, 2 * node.index + 1}, room.data());
      combine_(to, room.data(), columns_);
      return;
    }
    const std::int64_t leaves = node.leaves();
    room.resize(static_cast<std::size_t>(leaves * columns_));
    reduce_(offsets_.subspan(static_cast<std::size_t>(node.first_leaf() - first_leaf_),
                             static_cast<std::size_t>(leaves + 1)),
            std::span<Payload>(room));
    for (std::int64_t step = 1; step < leaves; step *= 2)
      for (std::int64_t i = 0; i < leaves; i += 2 * step)
        combine_(room.data() + i * columns_, room.data() + (i + step) * columns_, columns_);
    std::copy(room.begin(), room.begin() + columns_, to);
  }

  std::int64_t columns_;
  std::span<const std::int64_t> offsets_;
  std::int64_t first_leaf_;
  Reduce reduce_;
  Combine combine_;
};

}  // namespace serried::host
