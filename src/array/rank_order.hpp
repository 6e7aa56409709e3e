#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace serried {

/// Entries in the order of the ranks that they are for, as an alltoall wants them; those for one
/// rank keep their order.
struct RankOrder {
  std::vector<std::int64_t> offsets;  ///< rank r's are [offsets[r], offsets[r + 1])
  std::vector<std::int64_t> places;   ///< where each entry stands

  /// Local. @param owners the rank of each entry, below `ranks`.
  RankOrder(std::span<const int> owners, int ranks)
      : offsets(static_cast<std::size_t>(ranks) + 1), places(owners.size()) {
    for (const int owner : owners) ++offsets[static_cast<std::size_t>(owner) + 1];
    for (std::size_t r = 1; r < offsets.size(); ++r) offsets[r] += offsets[r - 1];
    std::vector<std::int64_t> next(offsets.begin(), offsets.end() - 1);
    for (std::size_t i = 0; i < owners.size(); ++i)
      places[i] = next[static_cast<std::size_t>(owners[i])]++;
  }
  RankOrder() = default;
};

}  // namespace serried
