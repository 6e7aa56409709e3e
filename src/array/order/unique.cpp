#include <algorithm>
#include <utility>
#include <vector>

#include "array/order/key_places.hpp"
#include "array/order/row_sort.hpp"
#include "array/order/sortable.hpp"
#include "array/order/unique_keys.hpp"
#include "array/rank_order.hpp"
#include "serried/array/sort.hpp"
#include "serried/comm/agree.hpp"

namespace serried {
namespace {

/// The sorted elements of all ranks, of which this rank has those from `first` on, and the runs of
/// equal keys that begin here.
struct Runs {
  KeyPlaces memory;
  std::span<const KeyPlace> pairs;
  std::int64_t first = 0;
  std::vector<std::int64_t> starts;  ///< numbers in the order of all, ascending
  std::int64_t before = 0;           ///< runs that begin on lower ranks
  std::int64_t end = 0;  ///< where the last run of this rank ends: at the next one, or at the end
};

/// Collective.
Runs find_runs(const Context& ctx, KeyPlaces pairs, const Layout& layout) {
  Runs runs{.memory = std::move(pairs), .first = layout.rows_of(ctx.rank()).begin};
  runs.pairs = runs.memory.span();
  struct Edge {
    std::uint64_t last_key = 0;
    std::int64_t count = 0;
  };
  const Edge own{.last_key = runs.pairs.empty() ? 0 : runs.pairs.back().key,
                 .count = static_cast<std::int64_t>(runs.pairs.size())};
  const std::vector<Edge> edges = ctx.comm().allgather(own);
  bool has_previous = false;
  std::uint64_t previous = 0;
  for (int r = 0; r < ctx.rank(); ++r)
    if (edges[static_cast<std::size_t>(r)].count > 0) {
      has_previous = true;
      previous = edges[static_cast<std::size_t>(r)].last_key;
    }
  for (std::size_t i = 0; i < runs.pairs.size(); ++i) {
    if (!has_previous || runs.pairs[i].key != previous)
      runs.starts.push_back(runs.first + static_cast<std::int64_t>(i));
    has_previous = true;
    previous = runs.pairs[i].key;
  }
  struct Starts {
    std::int64_t count = 0;
    std::int64_t first = 0;
  };
  const auto all =
      ctx.comm().allgather(Starts{.count = static_cast<std::int64_t>(runs.starts.size()),
                                  .first = runs.starts.empty() ? 0 : runs.starts.front()});
  runs.end = layout.rows();
  for (int r = ctx.size() - 1; r >= 0; --r) {
    const Starts& its = all[static_cast<std::size_t>(r)];
    if (r < ctx.rank()) runs.before += its.count;
    if (r > ctx.rank() && its.count > 0) runs.end = its.first;
  }
  return runs;
}

/// The number of each element's run, back on the rank that has the element. Collective.
Array inverse_of(const Array& array, const Runs& runs) {
  const Context& ctx = array.context();
  struct Answer {
    std::int64_t element = 0;
    std::int64_t run = 0;
  };
  const Layout& layout = array.layout();
  const std::int64_t row_elements = std::max<std::int64_t>(1, array.row_elements());
  std::vector<Answer> answers;
  RankOrder order;
  agree(ctx.comm(), [&] {
    answers.resize(runs.pairs.size());
    const auto owner = [&](const KeyPlace& pair) {
      return layout.owner_of_row(static_cast<std::int64_t>(pair.place >> 1) / row_elements);
    };
    std::vector<int> owners;
    for (const KeyPlace& pair : runs.pairs) owners.push_back(owner(pair));
    order = RankOrder(owners, ctx.size());
    std::size_t start = 0;
    for (std::size_t i = 0; i < runs.pairs.size(); ++i) {
      const std::int64_t number = runs.first + static_cast<std::int64_t>(i);
      while (start < runs.starts.size() && runs.starts[start] <= number) ++start;
      answers[static_cast<std::size_t>(order.places[i])] = {
          .element = static_cast<std::int64_t>(runs.pairs[i].place >> 1),
          .run = runs.before + static_cast<std::int64_t>(start) - 1};
    }
  });
  const auto received = ctx.comm().alltoall(std::span<const Answer>(answers), order.offsets);
  Array inverse = Array::empty(ctx, array.shape(), DType::i64, 0, layout);
  const std::int64_t first = inverse.local_rows().begin * row_elements;
  const auto numbers = inverse.local_mutable<std::int64_t>();
  for (const Answer& answer : received.values)
    numbers[static_cast<std::size_t>(answer.element - first)] = answer.run;
  return inverse;
}

}  // namespace

Unique unique(const Array& array, const UniqueOptions& options) {
  check_sortable(array);
  if (array.is_replicated()) {
    // every rank keeps its part; a number is a series of one
    const Context& ctx = array.context();
    const std::int64_t elements = array.shape().elements();
    const Array flat = Array::replicated(ctx, Shape{elements}, array.dtype(), array.local_data());
    Unique found = unique(flat.with_split_axis(0), options);
    if (found.inverse) {
      const Array all = found.inverse->replicate();
      found.inverse = Array::replicated(ctx, array.shape(), DType::i64, all.local_data());
    }
    return found;
  }
  if (array.split_axis() != 0) {
    Unique found = unique(array.with_split_axis(0), options);
    if (found.inverse) found.inverse = found.inverse->with_split_axis(array.split_axis());
    return found;
  }
  if (!options.has_indices && !options.has_inverse) return unique_keys(array, options.has_counts);
  const Context& ctx = array.context();
  const Layout layout =
      Layout::uniform(array.shape().elements(), ctx.size(), ctx.options().max_tiles);
  const Runs runs = find_runs(ctx, sort_over_ranks(ctx, key_places_of(array), layout), layout);
  const auto firsts = [&] {
    std::vector<KeyPlace> pairs;
    for (const std::int64_t start : runs.starts)
      pairs.push_back(runs.pairs[static_cast<std::size_t>(start - runs.first)]);
    return pairs;
  }();
  const auto own = std::ssize(runs.starts);
  Unique found{.values = of_pieces(ctx, own, array.dtype(), [&](std::byte* to) {
                 store_key_places(array.dtype(), firsts, false, to, nullptr);
               })};
  if (options.has_counts)
    found.counts = of_pieces(ctx, own, DType::i64, [&](std::byte* to) {
      auto* counts = reinterpret_cast<std::int64_t*>(to);
      for (std::size_t i = 0; i < runs.starts.size(); ++i)
        counts[i] = (i + 1 < runs.starts.size() ? runs.starts[i + 1] : runs.end) - runs.starts[i];
    });
  if (options.has_indices)
    found.indices = of_pieces(ctx, own, DType::i64, [&](std::byte* to) {
      auto* indices = reinterpret_cast<std::int64_t*>(to);
      for (std::size_t i = 0; i < firsts.size(); ++i)
        indices[i] = static_cast<std::int64_t>(firsts[i].place >> 1);
    });
  if (options.has_inverse) found.inverse = inverse_of(array, runs);
  return found;
}

}  // namespace serried
