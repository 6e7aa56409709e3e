#include "array/order/row_sort.hpp"

#include <algorithm>
#include <array>
#include <span>
#include <utility>

#include "serried/comm/agree.hpp"

namespace serried {
namespace {

/// Pieces of a rank are sorted by one thread each, if they are at least so long.
constexpr std::int64_t least_piece = std::int64_t{1} << 16;

/// Merged pairs are given on in runs of so many, which stay in a core's cache.
constexpr std::int64_t taken_at_once = 2048;
/// A thread merges so many pairs at a time.
constexpr std::int64_t merged_at_once = std::int64_t{1} << 17;

bool is_less(const KeyPlace& a, const KeyPlace& b) {
  // without a branch: which run has the next pair cannot be foreseen
  return (a.key < b.key) | ((a.key == b.key) & (a.place < b.place));
}

/// Two ascending runs, of which pairs are taken in their common order.
struct TwoRuns {
  std::span<const KeyPlace> a;
  std::span<const KeyPlace> b;

  [[nodiscard]] std::int64_t size() const { return std::ssize(a) + std::ssize(b); }
  /// What is left behind the first `count` pairs. (The co-rank of Siebert and Traff, "Efficient
  /// MPI implementation of a parallel, stable merge algorithm", EuroMPI 2012.)
  [[nodiscard]] TwoRuns behind(std::int64_t count) const {
    std::int64_t low = std::max<std::int64_t>(0, count - std::ssize(b));
    std::int64_t high = std::min<std::int64_t>(count, std::ssize(a));
    while (low < high) {
      const std::int64_t i = low + (high - low) / 2;
      if (is_less(a[static_cast<std::size_t>(i)], b[static_cast<std::size_t>(count - i - 1)]))
        low = i + 1;
      else
        high = i;
    }
    return {a.subspan(static_cast<std::size_t>(low)),
            b.subspan(static_cast<std::size_t>(count - low))};
  }
  void pop(std::span<KeyPlace> to) {
    while (!to.empty()) {
      if (a.empty() || b.empty()) {
        std::span<const KeyPlace>& rest = a.empty() ? b : a;
        std::copy_n(rest.begin(), to.size(), to.begin());
        rest = rest.subspan(to.size());
        return;
      }
      const std::size_t safe = std::min({to.size(), a.size(), b.size()});
      const KeyPlace* next_a = a.data();
      const KeyPlace* next_b = b.data();
      for (std::size_t i = 0; i < safe; ++i) {
        const bool is_b = is_less(*next_b, *next_a);
        const KeyPlace* const next = is_b ? next_b : next_a;
        to[i] = *next;
        next_a += is_b ? 0 : 1;
        next_b += is_b ? 1 : 0;
      }
      a = a.subspan(static_cast<std::size_t>(next_a - a.data()));
      b = b.subspan(static_cast<std::size_t>(next_b - b.data()));
      to = to.subspan(safe);
    }
  }
};

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

}  // namespace

/// Between two pairs of which it is known how many lie below them, each cut is sought with 63
/// probes a round: at most 22 rounds, whatever the keys are, as no two pairs are equal.
std::vector<std::int64_t> cuts_of_ranks(const Context& ctx, std::span<const KeyPlace> sorted,
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

namespace {

/// In each round neighbours are merged; the last round's pairs are given to `take`, where there is
/// one.
KeyPlaces merge_rounds(const Context& ctx, KeyPlaces pairs, std::vector<std::int64_t> bounds,
                       const TakeSorted* take) {
  if (bounds.size() <= 2 && take == nullptr) return pairs;
  const ThreadPool& threads = ctx.backend()->threads();
  KeyPlaces other;
  if (bounds.size() > 3 || take == nullptr) other = KeyPlaces(ctx, std::ssize(pairs.span()));
  while (true) {
    const auto runs = static_cast<std::int64_t>(bounds.size()) - 1;
    const std::span<const KeyPlace> from = pairs.span();
    struct Piece {
      TwoRuns runs;
      std::int64_t first = 0;
      std::int64_t count = 0;
    };
    std::vector<Piece> pieces;
    std::vector<std::int64_t> next{0};
    for (std::int64_t i = 0; i < runs; i += 2) {
      const auto at = [&](std::int64_t bound) {
        return bounds[static_cast<std::size_t>(std::min(bound, runs))];
      };
      const auto run = [&](std::int64_t bound) {
        return from.subspan(static_cast<std::size_t>(at(bound)),
                            static_cast<std::size_t>(at(bound + 1) - at(bound)));
      };
      const TwoRuns two{.a = run(i), .b = i + 1 < runs ? run(i + 1) : std::span<const KeyPlace>{}};
      for (std::int64_t begin = 0; begin < two.size(); begin += merged_at_once)
        pieces.push_back({.runs = two.behind(begin),
                          .first = at(i) + begin,
                          .count = std::min(merged_at_once, two.size() - begin)});
      next.push_back(at(i + 2));
    }
    const bool is_last = runs <= 2;
    const bool is_given = is_last && take != nullptr;
    threads.parallel_for(std::ssize(pieces), [&](std::int64_t p, int) {
      Piece& piece = pieces[static_cast<std::size_t>(p)];
      std::array<KeyPlace, taken_at_once> merged;
      for (std::int64_t done = 0; done < piece.count; done += taken_at_once) {
        const auto count = static_cast<std::size_t>(std::min(taken_at_once, piece.count - done));
        const auto first = static_cast<std::size_t>(piece.first + done);
        if (!is_given) {
          piece.runs.pop(other.span().subspan(first, count));
        } else if (piece.runs.b.empty()) {
          (*take)(piece.first + done, piece.runs.a.first(count));
          piece.runs.a = piece.runs.a.subspan(count);
        } else {
          piece.runs.pop(std::span<KeyPlace>(merged).first(count));
          (*take)(piece.first + done, std::span<const KeyPlace>(merged).first(count));
        }
      }
    });
    if (is_last) return other;
    std::swap(pairs, other);
    bounds = std::move(next);
  }
}

/// Collective.
KeyPlaces sort_rounds(const Context& ctx, KeyPlaces pairs, const Layout& layout,
                      const TakeSorted* take) {
  const auto& kernels = ctx.backend()->kernels<SortKernels>(DType::f64);
  const std::int64_t count = std::ssize(pairs.span());
  const std::int64_t pieces =
      std::clamp<std::int64_t>(count / least_piece, 1, ctx.backend()->threads().threads());
  std::vector<std::int64_t> bounds;
  for (std::int64_t i = 0; i <= pieces; ++i) bounds.push_back(i * count / pieces);
  KeyPlaces sorted;
  {
    const auto span = ctx.recorder().span("sort rows", Activity::computation);
    agree(ctx.comm(), [&] {
      ctx.backend()->threads().parallel_for(pieces, [&](std::int64_t i, int) {
        const auto begin = static_cast<std::size_t>(bounds[static_cast<std::size_t>(i)]);
        const auto end = static_cast<std::size_t>(bounds[static_cast<std::size_t>(i) + 1]);
        kernels.sort(pairs.span().subspan(begin, end - begin));
      });
      sorted =
          merge_rounds(ctx, std::move(pairs), std::move(bounds), ctx.size() == 1 ? take : nullptr);
    });
  }
  if (ctx.size() == 1) return sorted;
  const std::span<const KeyPlace> own = std::as_const(sorted).span();
  const std::vector<std::int64_t> cuts = cuts_of_ranks(ctx, own, layout);
  std::vector<std::int64_t> offsets = ctx.comm().offsets_of_alltoall(own, cuts);
  KeyPlaces received;
  agree(ctx.comm(), [&] { received = KeyPlaces(ctx, offsets.back()); });
  ctx.comm().alltoall_into(own, cuts, offsets, received.memory());
  sorted = {};
  const auto span = ctx.recorder().span("merge rows", Activity::computation);
  agree(ctx.comm(),
        [&] { sorted = merge_rounds(ctx, std::move(received), std::move(offsets), take); });
  return sorted;
}

}  // namespace

void merge_runs(const Context& ctx, KeyPlaces pairs, std::vector<std::int64_t> bounds,
                const TakeSorted& take) {
  static_cast<void>(merge_rounds(ctx, std::move(pairs), std::move(bounds), &take));
}

KeyPlaces merge_runs(const Context& ctx, KeyPlaces pairs, std::vector<std::int64_t> bounds) {
  return merge_rounds(ctx, std::move(pairs), std::move(bounds), nullptr);
}

void sort_over_ranks(const Context& ctx, KeyPlaces pairs, const Layout& layout,
                     const TakeSorted& take) {
  static_cast<void>(sort_rounds(ctx, std::move(pairs), layout, &take));
}

KeyPlaces sort_over_ranks(const Context& ctx, KeyPlaces pairs, const Layout& layout) {
  return sort_rounds(ctx, std::move(pairs), layout, nullptr);
}

}  // namespace serried
