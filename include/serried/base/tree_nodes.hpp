#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>
#include <vector>

#include "serried/base/api.hpp"

namespace SERRIED_API serried {

/// A node of the fixed binary tree over leaf numbers: it covers the leaves [index * 2^level,
/// (index + 1) * 2^level).
struct TreeNode {
  int level = 0;
  std::int64_t index = 0;

  [[nodiscard]] constexpr std::int64_t first_leaf() const noexcept { return index << level; }
  [[nodiscard]] constexpr std::int64_t leaves() const noexcept { return std::int64_t{1} << level; }
  friend constexpr bool operator==(const TreeNode&, const TreeNode&) = default;
};

/// The largest nodes whose leaves all lie in [first, last), ascending; each of those leaves is in
/// one of them. They are at most 2 log2(last - first) + 1, and (last - first) / 2^max_level more
/// where `max_level` bounds their level. Local.
///
/// Worked example: [3, 12) is covered by (0, 3), (2, 1) for the leaves 4 to 7, and (2, 2) for 8 to
/// 11; with max_level = 1 by (0, 3), (1, 2), (1, 3), (1, 4), (1, 5).
[[nodiscard]] inline std::vector<TreeNode> maximal_nodes(std::int64_t first, std::int64_t last,
                                                         int max_level = 62) {
  std::vector<TreeNode> nodes;
  while (first < last) {
    int level = static_cast<int>(std::bit_width(static_cast<std::uint64_t>(last - first))) - 1;
    if (first != 0) level = std::min(level, std::countr_zero(static_cast<std::uint64_t>(first)));
    level = std::min(level, max_level);
    nodes.push_back({level, first >> level});
    first += std::int64_t{1} << level;
  }
  return nodes;
}

}  // namespace serried
