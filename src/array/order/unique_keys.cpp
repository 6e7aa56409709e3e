#include "array/order/unique_keys.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <span>

#include "array/order/key_places.hpp"
#include "array/order/order_keys.hpp"
#include "array/order/row_sort.hpp"
#include "serried/base/order_key.hpp"
#include "serried/comm/agree.hpp"

namespace serried {
namespace {

/// A thread sorts at least so many keys.
constexpr std::int64_t least_piece = std::int64_t{1} << 16;
/// Each rank shows so many of its keys, equidistant in number, from which the cuts are chosen: a
/// rank then receives at most so much more than its share as a sample stands for.
constexpr std::int64_t samples = 1024;

/// Different keys, ascending, each with its count in `place`.
struct KeyCounts {
  KeyPlaces memory;
  std::int64_t count = 0;
  [[nodiscard]] std::span<KeyPlace> span() {
    return memory.span().first(static_cast<std::size_t>(count));
  }
};

/// Adds up the counts of equal keys, in place; returns how many different keys there are.
std::int64_t add_equal_keys(std::span<KeyPlace> counts) {
  if (counts.empty()) return 0;
  // without branches, as count_keys
  std::size_t last = 0;
  KeyPlace sum = counts.front();
  for (std::size_t i = 1; i < counts.size(); ++i) {
    const bool is_same = counts[i].key == sum.key;
    sum = {.place = counts[i].place + (is_same ? sum.place : 0), .key = counts[i].key};
    last += is_same ? 0 : 1;
    counts[last] = sum;
  }
  return static_cast<std::int64_t>(last) + 1;
}

/// Runs of ascending counts, one behind the other, as one. Local.
KeyCounts merged(const Context& ctx, KeyPlaces runs, std::vector<std::int64_t> bounds) {
  KeyCounts counts{.memory = {}, .count = bounds.back()};
  counts.memory = merge_runs(ctx, std::move(runs), std::move(bounds));
  counts.count = add_equal_keys(counts.span());
  return counts;
}

/// Counts ascending keys; returns how many different ones there are.
std::int64_t count_keys(std::span<const std::uint64_t> keys, std::span<KeyPlace> to) {
  if (keys.empty()) return 0;
  // where each key ends, without a branch that could not be foreseen
  std::size_t found = 0;
  for (std::size_t i = 0; i + 1 < keys.size(); ++i) {
    to[found] = {.place = i + 1, .key = keys[i]};
    found += keys[i] != keys[i + 1] ? 1 : 0;
  }
  to[found] = {.place = keys.size(), .key = keys.back()};
  for (std::size_t i = found; i > 0; --i) to[i].place -= to[i - 1].place;
  return static_cast<std::int64_t>(found) + 1;
}

/// This rank's different keys. Local.
KeyCounts keys_here(const Array& array) {
  const Context& ctx = array.context();
  const std::int64_t elements = array.local_rows().size() * array.row_elements();
  const auto bytes = static_cast<std::int64_t>(size_of(array.dtype()));
  const auto& kernels = ctx.backend()->kernels<SortKernels>(array.dtype());
  const std::int64_t pieces =
      std::clamp<std::int64_t>(elements / least_piece, 1, ctx.backend()->threads().threads());
  Buffer memory(ctx.backend(), static_cast<std::size_t>(elements) * sizeof(std::uint64_t));
  const auto keys = memory.as<std::uint64_t>(static_cast<std::size_t>(elements));
  KeyPlaces all(ctx, elements);
  std::vector<std::int64_t> found(static_cast<std::size_t>(pieces));
  const auto begin_of = [&](std::int64_t p) { return p * elements / pieces; };
  ctx.backend()->threads().parallel_for(pieces, [&](std::int64_t p, int) {
    const auto begin = static_cast<std::size_t>(begin_of(p));
    const std::int64_t count = begin_of(p + 1) - begin_of(p);
    const auto part = keys.subspan(begin, static_cast<std::size_t>(count));
    make_order_keys(array.dtype(), array.local_data() + begin_of(p) * bytes, count, part.data());
    kernels.sort_keys(part);
    found[static_cast<std::size_t>(p)] =
        count_keys(part, all.span().subspan(begin, static_cast<std::size_t>(count)));
  });
  if (pieces == 1) return {.memory = std::move(all), .count = found.front()};
  memory = {};
  std::vector<std::int64_t> bounds{0};
  for (std::int64_t p = 0; p < pieces; ++p) {
    const std::int64_t count = found[static_cast<std::size_t>(p)];
    std::copy_n(all.span().begin() + begin_of(p), count, all.span().begin() + bounds.back());
    bounds.push_back(bounds.back() + count);
  }
  return merged(ctx, std::move(all), std::move(bounds));
}

/// Where ascending counts are cut for the ranks; equal keys of all ranks go to the same one.
/// Collective.
std::vector<std::int64_t> cuts_of_keys(const Context& ctx, std::span<const KeyPlace> counts) {
  const auto own = std::ssize(counts);
  std::vector<std::uint64_t> shown;
  for (std::int64_t s = 0; s < std::min(samples, own); ++s)
    shown.push_back(counts[static_cast<std::size_t>(s * own / std::min(samples, own))].key);
  // a rank's samples stand for as many keys each as the rank has of them
  const auto all = ctx.comm().allgather(std::span<const std::uint64_t>(shown));
  const std::vector<std::int64_t> sizes = ctx.comm().allgather(own);
  struct Sample {
    std::uint64_t key = 0;
    double weight = 0;
  };
  std::vector<Sample> sampled;
  double total = 0;
  for (int r = 0; r < ctx.size(); ++r) {
    const auto piece = all.piece(r);
    const double weight = piece.empty() ? 0.0
                                        : static_cast<double>(sizes[static_cast<std::size_t>(r)]) /
                                              static_cast<double>(piece.size());
    for (const std::uint64_t key : piece) sampled.push_back({key, weight});
    total += static_cast<double>(sizes[static_cast<std::size_t>(r)]);
  }
  std::ranges::sort(sampled, {}, &Sample::key);
  std::vector<std::int64_t> cuts{0};
  double before = 0;
  std::size_t at = 0;
  for (int r = 1; r < ctx.size(); ++r) {
    const double wanted = total * r / ctx.size();
    while (at < sampled.size() && before < wanted) before += sampled[at++].weight;
    const auto cut = at < sampled.size()
                         ? std::ranges::lower_bound(counts, sampled[at].key, {}, &KeyPlace::key)
                         : counts.end();
    cuts.push_back(cut - counts.begin());
  }
  cuts.push_back(own);
  return cuts;
}

/// Whether the first zero of all elements is -0: it stands for all zeros. Collective.
bool is_first_zero_negative(const Array& array) {
  constexpr std::int64_t block = 512;
  const std::int64_t row_elements = array.row_elements();
  const std::int64_t elements = array.local_rows().size() * row_elements;
  const auto bytes = static_cast<std::int64_t>(size_of(array.dtype()));
  const std::uint64_t zero = order_key(0.0);
  std::uint64_t first = UINT64_MAX;
  std::array<std::uint64_t, block> keys;
  for (std::int64_t begin = 0; begin < elements && first == UINT64_MAX; begin += block) {
    const std::int64_t count = std::min(block, elements - begin);
    make_order_keys(array.dtype(), array.local_data() + begin * bytes, count, keys.data());
    visit_bracket(std::span<const std::uint64_t>(keys).first(static_cast<std::size_t>(count)), zero,
                  0, [&](std::size_t i) {
                    const std::int64_t e = begin + static_cast<std::int64_t>(i);
                    KeyPlace pair;
                    make_key_places(array.dtype(), array.local_data() + e * bytes, 1,
                                    array.local_rows().begin * row_elements + e, false,
                                    std::span<KeyPlace>(&pair, 1));
                    first = std::min(first, pair.place);
                  });
  }
  first = array.context().comm().allreduce(first, ReduceOp::min);
  return first != UINT64_MAX && (first & 1u) != 0;
}

}  // namespace

Unique unique_keys(const Array& array, bool has_counts) {
  const Context& ctx = array.context();
  KeyCounts counts;
  {
    const auto span = ctx.recorder().span("sort keys", Activity::computation);
    agree(ctx.comm(), [&] { counts = keys_here(array); });
  }
  if (ctx.size() > 1) {
    const std::span<const KeyPlace> own = counts.span();
    const std::vector<std::int64_t> cuts = cuts_of_keys(ctx, own);
    std::vector<std::int64_t> bounds = ctx.comm().offsets_of_alltoall(own, cuts);
    KeyPlaces received;
    agree(ctx.comm(), [&] { received = KeyPlaces(ctx, bounds.back()); });
    ctx.comm().alltoall_into(own, cuts, bounds, received.memory());
    counts = {};
    const auto span = ctx.recorder().span("merge keys", Activity::computation);
    agree(ctx.comm(), [&] { counts = merged(ctx, std::move(received), std::move(bounds)); });
  }
  const std::span<KeyPlace> own = counts.span();
  std::optional<Array> numbers;
  if (has_counts)
    numbers = of_pieces(ctx, counts.count, DType::i64, [&](std::byte* to) {
      auto* each = reinterpret_cast<std::int64_t*>(to);
      for (const KeyPlace& key : own) *each++ = static_cast<std::int64_t>(key.place);
    });
  // from here on a place says whether a zero is -0
  for (KeyPlace& key : own) key.place = 0;
  if (is_floating(array.dtype())) {
    const auto zero = std::ranges::lower_bound(own, order_key(0.0), {}, &KeyPlace::key);
    const bool has_zero = zero != own.end() && zero->key == order_key(0.0);
    if (ctx.comm().allreduce(std::int64_t{has_zero}, ReduceOp::max) != 0) {
      const bool is_negative = is_first_zero_negative(array);
      if (has_zero && is_negative) zero->place = 1;
    }
  }
  return {.values = of_pieces(
              ctx, counts.count, array.dtype(),
              [&](std::byte* to) { store_key_places(array.dtype(), own, false, to, nullptr); }),
          .counts = std::move(numbers)};
}

}  // namespace serried
