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

/// One read for all open brackets that are not wide. Collective.
void RankSearch::collect(std::vector<std::vector<Bracket>>& brackets) {
  struct Open {
    Bracket* bracket;
    std::size_t slot;
  };
  std::vector<Open> open;
  std::vector<std::size_t> first_of_slot(brackets.size() + 1);
  for (std::size_t s = 0; s < brackets.size(); ++s) {
    first_of_slot[s] = open.size();
    for (Bracket& each : brackets[s])
      if (!each.found && !each.is_wide) open.push_back({&each, s});
  }
  first_of_slot[brackets.size()] = open.size();
  const auto workers = static_cast<std::size_t>(ctx_.backend()->threads().threads());
  struct Own {
    std::vector<std::int64_t> below;
    std::vector<std::int64_t> inside;
    std::vector<std::vector<std::uint64_t>> kept;
    std::int64_t kept_count = 0;
  };
  std::vector<Own> own(workers);
  for (Own& each : own) {
    each.below.resize(open.size());
    each.inside.resize(open.size());
    each.kept.resize(open.size());
  }
  const std::int64_t most = most_kept / static_cast<std::int64_t>(workers);
  read_([&](const KeyRun& run, int worker) {
    Own& mine = own[static_cast<std::size_t>(worker)];
    const auto take = [&](std::size_t begin, std::size_t end, std::size_t o) {
      const std::uint64_t low = open[o].bracket->low;
      const std::uint64_t width = open[o].bracket->high - low;
      mine.below[o] +=
          visit_bracket(run.keys.subspan(begin, end - begin), low, width, [&](std::size_t i) {
            ++mine.inside[o];
            // of one key the count is enough
            if (width == 0 || mine.kept_count >= most) return;
            mine.kept[o].push_back(run.keys[begin + i]);
            ++mine.kept_count;
          });
    };
    if (run.slots.empty()) {
      for (std::size_t o = 0; o < open.size(); ++o) take(0, run.keys.size(), o);
      return;
    }
    for (std::size_t i = 0; i < run.keys.size(); ++i) {
      const std::uint32_t slot = run.slots[i];
      if (slot >= brackets.size()) continue;
      for (std::size_t o = first_of_slot[slot]; o < first_of_slot[slot + 1]; ++o) take(i, i + 1, o);
    }
  });
  std::vector<std::int64_t> totals;  // below, inside, kept: of each bracket
  for (std::size_t o = 0; o < open.size(); ++o) {
    std::int64_t below = 0;
    std::int64_t inside = 0;
    std::int64_t kept = 0;
    for (const Own& each : own) {
      below += each.below[o];
      inside += each.inside[o];
      kept += static_cast<std::int64_t>(each.kept[o].size());
    }
    totals.insert(totals.end(), {below, inside, kept});
  }
  ctx_.comm().allreduce(std::span<std::int64_t>(totals), ReduceOp::sum);
  // what is kept of brackets that hold their rank travels to all ranks
  std::vector<SampledKey> kept;
  const auto is_whole = [&](std::size_t o) {
    const Bracket& each = *open[o].bracket;
    return each.low == each.high || totals[3 * o + 1] == totals[3 * o + 2];
  };
  const auto holds = [&](std::size_t o) {
    const std::int64_t rank = open[o].bracket->rank;
    return rank >= totals[3 * o] && rank < totals[3 * o] + totals[3 * o + 1];
  };
  std::int64_t travelling = 0;
  std::vector<std::uint8_t> travels(open.size());
  for (std::size_t o = 0; o < open.size(); ++o) {
    if (!holds(o) || !is_whole(o) || open[o].bracket->low == open[o].bracket->high) continue;
    if (travelling > 0 && travelling + totals[3 * o + 2] > 2 * most_kept) continue;
    travelling += totals[3 * o + 2];
    travels[o] = 1;
    for (const Own& each : own)
      for (const std::uint64_t key : each.kept[o]) kept.push_back({key, o});
  }
  const auto all = ctx_.comm().allgather(std::span<const SampledKey>(kept));
  std::vector<std::vector<std::uint64_t>> of_bracket(open.size());
  for (const SampledKey& each : all.values) of_bracket[each.slot].push_back(each.key);
  for (std::size_t o = 0; o < open.size(); ++o) {
    Bracket& each = *open[o].bracket;
    const std::int64_t below = totals[3 * o];
    if (!holds(o)) {
      // the sample has misled: what is left on that side is searched by counts
      if (each.rank < below) {
        each.high = each.low - 1;
        each.low = 0;
      } else {
        each.low = each.high + 1;
        each.high = highest_;
      }
      each.is_wide = true;
    } else if (each.low == each.high) {
      each.found = each.low;
    } else if (travels[o] != 0) {
      auto& keys = of_bracket[o];
      const auto place = keys.begin() + (each.rank - below);
      std::nth_element(keys.begin(), place, keys.end());
      each.found = *place;
    } else {
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
