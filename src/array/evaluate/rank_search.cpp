#include "array/evaluate/rank_search.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "array/order/order_keys.hpp"
#include "serried/base/error.hpp"

namespace serried {
namespace {

constexpr std::int64_t most_sampled = std::int64_t{1} << 22;  // of all slots
constexpr std::int64_t most_of_slot = std::int64_t{1} << 16;
constexpr std::int64_t least_of_slot = 256;
constexpr std::int64_t most_kept = std::int64_t{1} << 22;  // by one rank, of brackets
constexpr std::int64_t bins = 1024;                        // of a bracket that is narrowed

/// SplitMix64's mixing function (Steele, Lea and Flood 2014).
std::uint64_t mix(std::uint64_t x) {
  x += 0x9e3779b97f4a7c15ull;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ull;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebull;
  return x ^ (x >> 31);
}

struct SampledKey {
  std::uint64_t key = 0;
  std::uint64_t slot = 0;
};

/// The lowest key of bin b of [low, high].
std::uint64_t bin_begin(std::uint64_t low, std::uint64_t high, std::int64_t b) {
  const std::uint64_t width = (high - low) / bins + 1;
  const std::uint64_t step = width * static_cast<std::uint64_t>(b);
  return step > high - low ? high : low + step;
}

std::int64_t bin_of(std::uint64_t low, std::uint64_t high, std::uint64_t key) {
  return static_cast<std::int64_t>((key - low) / ((high - low) / bins + 1));
}

}  // namespace

RankSearch::RankSearch(const Context& ctx, std::int64_t elements, std::int64_t all_slots,
                       std::int64_t slots, std::uint64_t highest, ReadKeys read)
    : ctx_(ctx), all_slots_(all_slots), slots_(slots), highest_(highest), read_(std::move(read)) {
  const std::int64_t of_slot = std::max<std::int64_t>(1, elements / all_slots);
  const std::int64_t wanted = std::clamp(most_sampled / slots, least_of_slot, most_of_slot);
  stride_ = std::max<std::int64_t>(1, of_slot / wanted);
}

const std::vector<SlotCount>& RankSearch::count() {
  const auto workers = static_cast<std::size_t>(ctx_.backend()->threads().threads());
  const auto slots = static_cast<std::size_t>(slots_);
  std::vector<std::vector<std::int64_t>> counts(workers, std::vector<std::int64_t>(2 * slots));
  std::vector<std::vector<SampledKey>> sampled(workers);
  // one element of each slot is taken out of `window` in a row, wherever in it
  const std::int64_t window = stride_ * all_slots_;
  read_([&](const KeyRun& run, int worker) {
    auto& own = counts[static_cast<std::size_t>(worker)];
    if (run.slots.empty()) {
      std::int64_t nans = 0;
      for (const std::uint64_t key : run.keys) nans += key > highest_ ? 1 : 0;
      own[0] += static_cast<std::int64_t>(run.keys.size()) - nans;
      own[1] += nans;
    } else {
      for (std::size_t i = 0; i < run.keys.size(); ++i)
        if (run.slots[i] < slots) ++own[2 * run.slots[i] + (run.keys[i] > highest_ ? 1 : 0)];
    }
    const std::int64_t end = run.first + static_cast<std::int64_t>(run.keys.size());
    for (std::int64_t w = run.first / window; w * window < end; ++w) {
      const std::int64_t begin =
          w * window + static_cast<std::int64_t>(mix(static_cast<std::uint64_t>(w)) %
                                                 static_cast<std::uint64_t>(stride_)) *
                           all_slots_;
      for (std::int64_t e = std::max(begin, run.first); e < std::min(begin + all_slots_, end);
           ++e) {
        const auto i = static_cast<std::size_t>(e - run.first);
        const std::uint32_t slot = run.slots.empty() ? 0 : run.slots[i];
        if (run.keys[i] <= highest_ && slot < slots)
          sampled[static_cast<std::size_t>(worker)].push_back({run.keys[i], slot});
      }
    }
  });
  for (std::size_t worker = 1; worker < workers; ++worker) {
    for (std::size_t i = 0; i < 2 * slots; ++i) counts[0][i] += counts[worker][i];
    sampled[0].insert(sampled[0].end(), sampled[worker].begin(), sampled[worker].end());
  }
  ctx_.comm().allreduce(std::span<std::int64_t>(counts[0]), ReduceOp::sum);
  counts_.resize(slots);
  for (std::size_t s = 0; s < slots; ++s) counts_[s] = {counts[0][2 * s], counts[0][2 * s + 1]};
  const auto all = ctx_.comm().allgather(std::span<const SampledKey>(sampled[0]));
  samples_.assign(slots, {});
  for (const SampledKey& each : all.values) samples_[each.slot].push_back(each.key);
  for (auto& sample : samples_) std::sort(sample.begin(), sample.end());
  return counts_;
}

/// Around the sample's own quantile, as wide as four standard deviations of its rank.
void RankSearch::bracket(std::vector<Bracket>& brackets, std::int64_t slot) const {
  const auto& sample = samples_[static_cast<std::size_t>(slot)];
  const std::int64_t numbers = counts_[static_cast<std::size_t>(slot)].numbers;
  const auto size = static_cast<std::int64_t>(sample.size());
  for (Bracket& each : brackets) {
    if (size == numbers) {
      each.found = sample[static_cast<std::size_t>(each.rank)];
      continue;
    }
    const double share = (static_cast<double>(each.rank) + 0.5) / static_cast<double>(numbers);
    const double centre = share * static_cast<double>(size);
    const double reach = 4 * std::sqrt(static_cast<double>(size) * share * (1 - share)) + 4;
    const auto below = static_cast<std::int64_t>(std::floor(centre - reach));
    const auto above = static_cast<std::int64_t>(std::ceil(centre + reach));
    if (below >= 0 && below < size) each.low = sample[static_cast<std::size_t>(below)];
    if (above >= 0 && above < size) each.high = sample[static_cast<std::size_t>(above)];
  }
}

std::vector<std::vector<std::uint64_t>> RankSearch::find(
    const std::vector<std::vector<std::int64_t>>& ranks) {
  std::vector<std::vector<Bracket>> brackets(ranks.size());
  for (std::size_t s = 0; s < ranks.size(); ++s) {
    for (const std::int64_t rank : ranks[s])
      brackets[s].push_back({.rank = rank, .high = highest_});
    bracket(brackets[s], static_cast<std::int64_t>(s));
  }
  const auto is_open = [&](bool is_wide) {
    return std::any_of(brackets.begin(), brackets.end(), [&](const auto& of_slot) {
      return std::any_of(of_slot.begin(), of_slot.end(), [&](const Bracket& each) {
        return !each.found && each.is_wide == is_wide;
      });
    });
  };
  while (is_open(false) || is_open(true)) {
    while (is_open(true)) narrow(brackets);
    if (is_open(false)) collect(brackets);
  }
  std::vector<std::vector<std::uint64_t>> found(ranks.size());
  for (std::size_t s = 0; s < ranks.size(); ++s)
    for (const Bracket& each : brackets[s]) found[s].push_back(*each.found);
  return found;
}

namespace {

/// Keys that are looked for in one go, and what there is of them.
struct KeyRange {
  std::uint64_t low = 0;
  std::uint64_t high = 0;
  std::int64_t below = 0;
  std::int64_t inside = 0;
  std::vector<std::uint64_t> kept = {};

  [[nodiscard]] bool is_one_key() const noexcept { return low == high; }
  [[nodiscard]] bool holds(std::int64_t rank) const noexcept {
    return rank >= below && rank < below + inside;
  }
};

}  // namespace

/// One read for all open brackets that are not wide. Collective.
void RankSearch::collect(std::vector<std::vector<Bracket>>& brackets) {
  // neighbouring ranks have brackets that overlap
  std::vector<KeyRange> ranges;
  std::vector<std::size_t> first_of_slot(brackets.size() + 1);
  std::vector<std::pair<Bracket*, std::size_t>> open;  // with the number of its range
  for (std::size_t s = 0; s < brackets.size(); ++s) {
    first_of_slot[s] = ranges.size();
    for (Bracket& each : brackets[s]) {
      if (each.found || each.is_wide) continue;
      if (ranges.size() > first_of_slot[s] && each.low <= ranges.back().high) {
        ranges.back().low = std::min(ranges.back().low, each.low);
        ranges.back().high = std::max(ranges.back().high, each.high);
      } else {
        ranges.push_back({.low = each.low, .high = each.high});
      }
      open.emplace_back(&each, ranges.size() - 1);
    }
  }
  first_of_slot[brackets.size()] = ranges.size();
  const auto workers = static_cast<std::size_t>(ctx_.backend()->threads().threads());
  struct Own {
    std::vector<KeyRange> ranges;
    std::int64_t kept = 0;
  };
  std::vector<Own> own(workers, Own{.ranges = ranges});
  const std::int64_t most = most_kept / static_cast<std::int64_t>(workers);
  read_([&](const KeyRun& run, int worker) {
    Own& mine = own[static_cast<std::size_t>(worker)];
    const auto take = [&](std::size_t begin, std::size_t end, KeyRange& range) {
      range.below += visit_bracket(run.keys.subspan(begin, end - begin), range.low,
                                   range.high - range.low, [&](std::size_t i) {
                                     ++range.inside;
                                     // of one key the count is enough
                                     if (range.is_one_key() || mine.kept >= most) return;
                                     range.kept.push_back(run.keys[begin + i]);
                                     ++mine.kept;
                                   });
    };
    if (run.slots.empty()) {
      for (KeyRange& range : mine.ranges) take(0, run.keys.size(), range);
      return;
    }
    for (std::size_t i = 0; i < run.keys.size(); ++i) {
      const std::uint32_t slot = run.slots[i];
      if (slot >= brackets.size()) continue;
      for (std::size_t r = first_of_slot[slot]; r < first_of_slot[slot + 1]; ++r)
        take(i, i + 1, mine.ranges[r]);
    }
  });
  std::vector<std::int64_t> totals;  // below, inside, kept: of each range
  for (std::size_t r = 0; r < ranges.size(); ++r) {
    std::int64_t kept = 0;
    for (const Own& each : own) {
      ranges[r].below += each.ranges[r].below;
      ranges[r].inside += each.ranges[r].inside;
      kept += static_cast<std::int64_t>(each.ranges[r].kept.size());
    }
    totals.insert(totals.end(), {ranges[r].below, ranges[r].inside, kept});
  }
  ctx_.comm().allreduce(std::span<std::int64_t>(totals), ReduceOp::sum);
  std::vector<std::uint8_t> is_wanted(ranges.size());
  for (std::size_t r = 0; r < ranges.size(); ++r) {
    ranges[r].below = totals[3 * r];
    ranges[r].inside = totals[3 * r + 1];
  }
  for (const auto& [bracket, r] : open)
    if (ranges[r].holds(bracket->rank)) is_wanted[r] = 1;
  // what is kept of ranges that hold a rank travels to all ranks of the program
  std::vector<SampledKey> kept;
  std::int64_t travelling = 0;
  std::vector<std::uint8_t> travels(ranges.size());
  for (std::size_t r = 0; r < ranges.size(); ++r) {
    const std::int64_t all_kept = totals[3 * r + 2];
    if (is_wanted[r] == 0 || ranges[r].is_one_key() || all_kept != ranges[r].inside) continue;
    if (travelling > 0 && travelling + all_kept > 2 * most_kept) continue;
    travelling += all_kept;
    travels[r] = 1;
    for (const Own& each : own)
      for (const std::uint64_t key : each.ranges[r].kept) kept.push_back({key, r});
  }
  const auto all = ctx_.comm().allgather(std::span<const SampledKey>(kept));
  for (const SampledKey& each : all.values) ranges[each.slot].kept.push_back(each.key);
  for (const auto& [bracket, r] : open) {
    KeyRange& range = ranges[r];
    Bracket& each = *bracket;
    if (!range.holds(each.rank)) {
      // the sample has misled: what is left on that side is searched by counts
      if (each.rank < range.below) {
        each.high = range.low - 1;
        each.low = 0;
      } else {
        each.low = range.high + 1;
        each.high = highest_;
      }
      each.is_wide = true;
    } else if (range.is_one_key()) {
      each.found = range.low;
    } else if (travels[r] != 0) {
      const auto place = range.kept.begin() + (each.rank - range.below);
      std::nth_element(range.kept.begin(), place, range.kept.end());
      each.found = *place;
    } else {
      each.low = range.low;
      each.high = range.high;
      each.is_wide = true;
    }
  }
}

/// One read that divides each wide bracket by 1024. Collective.
void RankSearch::narrow(std::vector<std::vector<Bracket>>& brackets) {
  std::vector<Bracket*> open;
  std::vector<std::size_t> first_of_slot(brackets.size() + 1);
  // so many at a time as their counters have room
  constexpr std::size_t most_open = 4096;
  for (std::size_t s = 0; s < brackets.size(); ++s) {
    first_of_slot[s] = open.size();
    for (Bracket& each : brackets[s])
      if (!each.found && each.is_wide && open.size() < most_open) open.push_back(&each);
  }
  first_of_slot[brackets.size()] = open.size();
  const auto workers = static_cast<std::size_t>(ctx_.backend()->threads().threads());
  constexpr std::size_t cells = bins + 1;  // what is below, then the bins
  std::vector<std::vector<std::int64_t>> counts(workers,
                                                std::vector<std::int64_t>(open.size() * cells));
  read_([&](const KeyRun& run, int worker) {
    auto& own = counts[static_cast<std::size_t>(worker)];
    for (std::size_t i = 0; i < run.keys.size(); ++i) {
      const std::size_t slot = run.slots.empty() ? 0 : run.slots[i];
      if (slot >= brackets.size()) continue;
      for (std::size_t o = first_of_slot[slot]; o < first_of_slot[slot + 1]; ++o) {
        const Bracket& each = *open[o];
        const std::uint64_t key = run.keys[i];
        if (key > each.high) continue;
        const std::size_t cell =
            key < each.low ? 0 : 1 + static_cast<std::size_t>(bin_of(each.low, each.high, key));
        ++own[o * cells + cell];
      }
    }
  });
  for (std::size_t worker = 1; worker < workers; ++worker)
    for (std::size_t i = 0; i < counts[0].size(); ++i) counts[0][i] += counts[worker][i];
  ctx_.comm().allreduce(std::span<std::int64_t>(counts[0]), ReduceOp::sum);
  for (std::size_t o = 0; o < open.size(); ++o) {
    Bracket& each = *open[o];
    std::int64_t below = counts[0][o * cells];
    for (std::int64_t b = 0; b < bins; ++b) {
      const std::int64_t inside = counts[0][o * cells + 1 + static_cast<std::size_t>(b)];
      if (each.rank >= below + inside) {
        below += inside;
        continue;
      }
      const std::uint64_t low = bin_begin(each.low, each.high, b);
      const std::uint64_t width = (each.high - each.low) / bins;
      each.high = each.high - low < width ? each.high : low + width;
      each.low = low;
      if (each.low == each.high) each.found = each.low;
      // few enough to be kept
      each.is_wide = inside > most_kept / 2;
      break;
    }
  }
}

}  // namespace serried
