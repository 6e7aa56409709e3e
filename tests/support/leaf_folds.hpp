#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "serried/base/tree_nodes.hpp"

namespace serried::test {

/// `count` leaves over `rows` rows: of one length but for the last, or of many, some of them empty.
inline std::vector<std::int64_t> leaf_offsets(std::int64_t rows, std::int64_t count,
                                              bool is_uniform) {
  std::vector<std::int64_t> offsets{0};
  const std::int64_t each = (rows + count - 1) / count;
  for (std::int64_t leaf = 0; leaf < count; ++leaf) {
    const std::int64_t own = is_uniform ? each : leaf * 7919 % (2 * each);
    offsets.push_back(std::min(rows, offsets.back() + own));
  }
  return offsets;
}

/// The payloads of the maximal nodes, [node][column], by the definition of the tree.
/// @param leaves [leaf][column]
/// @param combine called as combine(left, right) for one column.
template <class Payload, class Combine>
std::vector<Payload> fold_serially(const std::vector<Payload>& leaves, std::int64_t columns,
                                   std::int64_t first_leaf, Combine combine) {
  const std::int64_t count = static_cast<std::int64_t>(leaves.size()) / columns;
  std::vector<Payload> result;
  for (const TreeNode& node : maximal_nodes(first_leaf, first_leaf + count))
    for (std::int64_t j = 0; j < columns; ++j) {
      std::vector<Payload> level;
      for (std::int64_t i = 0; i < node.leaves(); ++i)
        level.push_back(
            leaves[static_cast<std::size_t>((node.first_leaf() - first_leaf + i) * columns + j)]);
      while (level.size() > 1) {
        std::vector<Payload> above;
        for (std::size_t i = 0; i < level.size(); i += 2) {
          above.push_back(level[i]);
          combine(above.back(), level[i + 1]);
        }
        level = above;
      }
      result.push_back(level.front());
    }
  return result;
}

}  // namespace serried::test
