#include "array/order/row_sort.hpp"

#include <algorithm>
#include <span>

#include "serried/comm/agree.hpp"

namespace serried {
namespace {

/// Pieces of a rank are sorted by one thread each, if they are at least so long.
constexpr std::int64_t least_piece = std::int64_t{1} << 16;

/// Sorted runs, one behind the other, become one: in each round neighbours are merged.
void merge_runs(const Context& ctx, std::vector<KeyPlace>& pairs,
                std::vector<std::int64_t> bounds) {
  std::vector<KeyPlace> other;
  if (bounds.size() > 2) other.resize(pairs.size());
  while (bounds.size() > 2) {
    const auto runs = static_cast<std::int64_t>(bounds.size()) - 1;
    std::vector<std::int64_t> next;
    for (std::int64_t i = 0; i <= runs; i += 2) next.push_back(bounds[static_cast<std::size_t>(i)]);
    if (runs % 2 != 0) next.push_back(bounds.back());
    ctx.backend()->threads().parallel_for((runs + 1) / 2, [&](std::int64_t pair, int) {
      const auto at = [&](std::int64_t i) {
        return bounds[static_cast<std::size_t>(std::min(i, runs))];
      };
      const std::int64_t begin = at(2 * pair);
      const std::int64_t middle = at(2 * pair + 1);
      const std::int64_t end = at(2 * pair + 2);
      std::merge(pairs.begin() + begin, pairs.begin() + middle, pairs.begin() + middle,
                 pairs.begin() + end, other.begin() + begin);
    });
    pairs.swap(other);
    bounds = std::move(next);
  }
}

/// Pairs as numbers of 128 bits.
KeyPlace plus(const KeyPlace& a, const KeyPlace& b) {
  const std::uint64_t place = a.place + b.place;
  return {.place = place, .key = a.key + b.key + (place < a.place ? 1 : 0)};
}
KeyPlace minus(const KeyPlace& a, const KeyPlace& b) {
  return {.place = a.place - b.place, .key = a.key - b.key - (a.place < b.place ? 1 : 0)};
}

/// Each cut is looked for with so many probes in a round: a round then finds six binary digits.
constexpr int probe_bits = 6;
constexpr std::size_t probes = (std::size_t{1} << probe_bits) - 1;

/// Ascending, above `low` and not above `high`; equidistant, as far as there is room.
std::vector<KeyPlace> probes_between(const KeyPlace& low, const KeyPlace& high) {
  const KeyPlace gap = minus(high, low);
  KeyPlace step{.place = gap.place >> probe_bits | gap.key << (64 - probe_bits),
                .key = gap.key >> probe_bits};
  if (step == KeyPlace{}) step.place = 1;
  std::vector<KeyPlace> found;
  for (KeyPlace at = plus(low, step); found.size() < probes && !(high < at); at = plus(at, step)) {
    found.push_back(at);
    if (at == high) break;  // the next one might be beyond all numbers
  }
  return found;
}

/// Where this rank's sorted pairs are cut, so that the parts of all ranks together have exactly the
/// rows of each rank. Collective.
///
/// Between two pairs of which it is known how many lie below them, each cut is sought with 63
/// probes a round: at most 22 rounds, whatever the keys are, as no two pairs are equal.
std::vector<std::int64_t> find_cuts(const Context& ctx, std::span<const KeyPlace> sorted,
                                    const Layout& layout) {
  const int ranks = ctx.size();
  struct Cut {
    std::int64_t wanted = 0;  ///< pairs of all ranks below it
    KeyPlace low;             ///< it is at least this
    KeyPlace high{.place = UINT64_MAX, .key = UINT64_MAX};
    bool is_found = false;
  };
  std::vector<Cut> cuts(static_cast<std::size_t>(ranks) + 1);
  for (int r = 0; r <= ranks; ++r) {
    Cut& cut = cuts[static_cast<std::size_t>(r)];
    cut.wanted = r == ranks ? layout.rows() : layout.rows_of(r).begin;
    if (cut.wanted == 0 || cut.wanted == layout.rows()) cut.is_found = true;
  }
  const auto below = [&](const KeyPlace& pair) {
    return std::lower_bound(sorted.begin(), sorted.end(), pair) - sorted.begin();
  };
  const auto is_open = [](const Cut& cut) { return !cut.is_found; };
  while (std::any_of(cuts.begin(), cuts.end(), is_open)) {
    std::vector<std::vector<KeyPlace>> asked(cuts.size());
    std::vector<std::int64_t> counts;
    for (std::size_t c = 0; c < cuts.size(); ++c) {
      if (cuts[c].is_found) continue;
      asked[c] = probes_between(cuts[c].low, cuts[c].high);
      for (const KeyPlace& probe : asked[c]) counts.push_back(below(probe));
    }
    ctx.comm().allreduce(std::span<std::int64_t>(counts), ReduceOp::sum);
    std::size_t at = 0;
    for (std::size_t c = 0; c < cuts.size(); ++c) {
      Cut& cut = cuts[c];
      // fewer than are wanted lie below `low`, not fewer below `high`
      KeyPlace high = cut.high;
      for (const KeyPlace& probe : asked[c]) {
        const std::int64_t count = counts[at++];
        if (cut.is_found || high < probe) continue;
        if (count == cut.wanted) {
          cut.low = probe;
          cut.is_found = true;
        } else if (count < cut.wanted) {
          cut.low = probe;
        } else {
          high = probe;
        }
      }
      cut.high = high;
    }
  }
  std::vector<std::int64_t> offsets;
  for (const Cut& cut : cuts) {
    if (cut.wanted == 0)
      offsets.push_back(0);
    else if (cut.wanted == layout.rows())
      offsets.push_back(static_cast<std::int64_t>(sorted.size()));
    else
      offsets.push_back(below(cut.low));
  }
  return offsets;
}

}  // namespace

void sort_here(const Context& ctx, std::vector<KeyPlace>& pairs) {
  const auto& kernels = ctx.backend()->kernels<SortKernels>(DType::f64);
  const auto count = static_cast<std::int64_t>(pairs.size());
  const std::int64_t pieces =
      std::clamp<std::int64_t>(count / least_piece, 1, ctx.backend()->threads().threads());
  std::vector<std::int64_t> bounds;
  for (std::int64_t i = 0; i <= pieces; ++i) bounds.push_back(i * count / pieces);
  ctx.backend()->threads().parallel_for(pieces, [&](std::int64_t i, int) {
    const auto begin = static_cast<std::size_t>(bounds[static_cast<std::size_t>(i)]);
    const auto end = static_cast<std::size_t>(bounds[static_cast<std::size_t>(i) + 1]);
    kernels.sort(std::span<KeyPlace>(pairs).subspan(begin, end - begin));
  });
  merge_runs(ctx, pairs, std::move(bounds));
}

std::vector<KeyPlace> sort_over_ranks(const Context& ctx, std::vector<KeyPlace> pairs,
                                      const Layout& layout) {
  {
    const auto span = ctx.recorder().span("sort rows", Activity::computation);
    agree(ctx.comm(), [&] { sort_here(ctx, pairs); });
  }
  if (ctx.size() == 1) return pairs;
  const std::vector<std::int64_t> cuts = find_cuts(ctx, pairs, layout);
  auto received = ctx.comm().alltoall(std::span<const KeyPlace>(pairs), cuts);
  pairs = {};
  const auto span = ctx.recorder().span("merge rows", Activity::computation);
  agree(ctx.comm(), [&] { merge_runs(ctx, received.values, received.offsets); });
  return std::move(received.values);
}

}  // namespace serried
