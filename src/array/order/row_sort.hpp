#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "serried/comm/layout.hpp"
#include "serried/context.hpp"
#include "serried/device/buffer.hpp"
#include "serried/device/sort_kernels.hpp"

namespace serried {

/// Pairs in memory that nothing has written to before: zeros would cost as much as a pass.
class KeyPlaces {
 public:
  KeyPlaces() = default;
  /// @throws DeviceError if the memory cannot be had.
  KeyPlaces(const Context& ctx, std::int64_t count)
      : memory_(ctx.backend(), static_cast<std::size_t>(count) * sizeof(KeyPlace)), count_(count) {}
  [[nodiscard]] std::span<KeyPlace> span() {
    return memory_.as<KeyPlace>(static_cast<std::size_t>(count_));
  }
  [[nodiscard]] std::span<const KeyPlace> span() const {
    return memory_.as<KeyPlace>(static_cast<std::size_t>(count_));
  }
  [[nodiscard]] Buffer& memory() { return memory_; }

 private:
  Buffer memory_;
  std::int64_t count_ = 0;
};

/// Takes sorted pairs, the first of which is the rank's pair `first` in the order; called by
/// several threads.
using TakeSorted = std::function<void(std::int64_t first, std::span<const KeyPlace> pairs)>;

/// Sorts pairs that all ranks have together, each of them once: rank r gets those with the numbers
/// layout.rows_of(r) of the order. Collective.
/// @param pairs this rank's, in any order; they differ from each other and from other ranks'.
/// @throws RankError if memory is short on a rank.
void sort_over_ranks(const Context& ctx, KeyPlaces pairs, const Layout& layout,
                     const TakeSorted& take);
/// As pairs. Collective.
[[nodiscard]] KeyPlaces sort_over_ranks(const Context& ctx, KeyPlaces pairs, const Layout& layout);

/// Where each rank's ascending pairs are cut, so that the parts of all ranks together have exactly
/// the rows of each rank: offsets for an alltoall. Collective.
[[nodiscard]] std::vector<std::int64_t> cuts_of_ranks(const Context& ctx,
                                                      std::span<const KeyPlace> sorted,
                                                      const Layout& layout);

/// Sorted runs of pairs, one behind the other, run r in [bounds[r], bounds[r + 1]), given to `take`
/// as one. Local; with the threads of the rank. @param pairs its memory is used for the work.
void merge_runs(const Context& ctx, KeyPlaces pairs, std::vector<std::int64_t> bounds,
                const TakeSorted& take);
/// As one. Memory: that of the pairs once more.
[[nodiscard]] KeyPlaces merge_runs(const Context& ctx, KeyPlaces pairs,
                                   std::vector<std::int64_t> bounds);

}  // namespace serried
