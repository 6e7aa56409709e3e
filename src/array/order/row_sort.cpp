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

/// The pair half way between two.
KeyPlace middle_of(const KeyPlace& low, const KeyPlace& high) {
  // (high - low) / 2 + low, in 128 bits
  const std::uint64_t place_gap = high.place - low.place;
  const std::uint64_t borrow = high.place < low.place ? 1 : 0;
  const std::uint64_t key_gap = high.key - low.key - borrow;
  const std::uint64_t half_place = place_gap >> 1 | key_gap << 63;
  const std::uint64_t half_key = key_gap >> 1;
  const std::uint64_t place = low.place + half_place;
  return {.place = place, .key = low.key + half_key + (place < low.place ? 1 : 0)};
}

KeyPlace next_of(const KeyPlace& pair) {
  return {.place = pair.place + 1, .key = pair.key + (pair.place == UINT64_MAX ? 1 : 0)};
}

/// Where this rank's sorted pairs are cut, so that the parts of all ranks together have exactly the
/// rows of each rank. Collective.
///
/// Between two pairs of which it is known how many lie below them, each cut is sought by halving:
/// at most 128 rounds, whatever the keys are, as no two pairs are equal.
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
  std::vector<std::int64_t> counts(cuts.size());
  const auto is_open = [](const Cut& cut) { return !cut.is_found; };
  while (std::any_of(cuts.begin(), cuts.end(), is_open)) {
    for (std::size_t c = 0; c < cuts.size(); ++c)
      counts[c] = cuts[c].is_found ? 0 : below(middle_of(cuts[c].low, cuts[c].high));
    ctx.comm().allreduce(std::span<std::int64_t>(counts), ReduceOp::sum);
    for (std::size_t c = 0; c < cuts.size(); ++c) {
      Cut& cut = cuts[c];
      if (cut.is_found) continue;
      const KeyPlace middle = middle_of(cut.low, cut.high);
      if (counts[c] == cut.wanted) {
        cut.low = middle;
        cut.is_found = true;
      } else if (counts[c] < cut.wanted) {
        cut.low = next_of(middle);
      } else {
        cut.high = middle;
      }
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
