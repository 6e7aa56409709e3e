#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <vector>

#include "serried/context.hpp"

namespace serried {

/// Keys of one thread's elements: `keys[i]` belongs to slot `slots[i]` (all to 0 if `slots` is
/// empty); element i is number `first + i` of all.
struct KeyRun {
  std::span<const std::uint64_t> keys;
  std::span<const std::uint32_t> slots;
  std::int64_t first = 0;
};

/// One read of all elements: calls `use(run, worker)` from the pool's threads, in runs of any
/// length. Collective.
using ReadKeys = std::function<void(const std::function<void(const KeyRun& run, int worker)>& use)>;

/// What there is in a slot.
struct SlotCount {
  std::int64_t numbers = 0;
  std::int64_t nans = 0;
};

/// Finds order statistics of many elements in slots by selection: a first read counts and takes a
/// sample, which brackets each wanted rank; a second one counts what lies below each bracket and
/// keeps what lies in it, about a hundredth of the data. Brackets that miss their rank, or hold too
/// much, are narrowed by further reads. What is found is exact, so it does not depend on the
/// sample.
class RankSearch {
 public:
  /// @param elements of all slots together; @param all_slots how many there are; @param slots how
  /// many are searched, at most 16 384; others have numbers from there on. @param highest key of a
  /// number; what is above it is NaN.
  RankSearch(const Context& ctx, std::int64_t elements, std::int64_t all_slots, std::int64_t slots,
             std::uint64_t highest, ReadKeys read);

  /// Counts, and samples. Collective. @throws RankError if reading fails.
  [[nodiscard]] const std::vector<SlotCount>& count();

  /// The keys of ranks (0 is the lowest number; below SlotCount::numbers), slot by slot. After
  /// count(). Collective. @throws RankError.
  [[nodiscard]] std::vector<std::vector<std::uint64_t>> find(
      const std::vector<std::vector<std::int64_t>>& ranks);

 private:
  /// A wanted rank and the keys [low, high] among which it is.
  struct Bracket {
    std::int64_t rank = 0;
    std::uint64_t low = 0;
    std::uint64_t high = 0;
    bool is_wide = false;  ///< narrowed by counts alone
    std::optional<std::uint64_t> found;
  };
  void bracket(std::vector<Bracket>& brackets, std::int64_t slot) const;
  void collect(std::vector<std::vector<Bracket>>& brackets);
  void narrow(std::vector<std::vector<Bracket>>& brackets);

  const Context& ctx_;
  std::int64_t all_slots_;
  std::int64_t slots_;
  std::int64_t stride_ = 1;  ///< of the sample, in elements of one slot
  std::uint64_t highest_;
  ReadKeys read_;
  std::vector<SlotCount> counts_;
  std::vector<std::vector<std::uint64_t>> samples_;  ///< of each slot, sorted
};

}  // namespace serried
