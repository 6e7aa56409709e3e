#include <algorithm>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

#include "array/order/order_keys.hpp"
#include "array/order/row_questions.hpp"
#include "array/order/row_sort.hpp"
#include "array/order/sortable.hpp"
#include "serried/array/sort.hpp"
#include "serried/base/error.hpp"
#include "serried/comm/agree.hpp"

namespace serried {
namespace {

/// What stands at some rows of all ranks, of which this one has `own`. Collective.
std::vector<std::uint64_t> words_at(const Context& ctx, const Layout& layout,
                                    const std::vector<std::uint64_t>& own,
                                    const std::vector<std::uint64_t>& rows) {
  const std::int64_t first = layout.rows_of(ctx.rank()).begin;
  const std::vector<int> owners = agree_on(ctx.comm(), [&] {
    std::vector<int> found;
    for (const std::uint64_t row : rows)
      found.push_back(layout.owner_of_row(static_cast<std::int64_t>(row)));
    return found;
  });
  return ask_ranks(ctx, rows, owners, [&](std::uint64_t row) {
    return own[static_cast<std::size_t>(static_cast<std::int64_t>(row) - first)];
  });
}

/// Keys of several dimensions with their lines, along the last axis, whole on the ranks.
std::vector<Array> by_lines(std::span<const Array> keys) {
  const bool are_replicated = std::ranges::all_of(keys, &Array::is_replicated);
  std::vector<Array> lying;
  for (const Array& key : keys)
    lying.push_back(are_replicated || (!key.is_replicated() && key.split_axis() == 0)
                        ? key.balance()
                        : key.with_split_axis(0));
  return lying;
}

/// The order along the last axis.
Array sort_lines(const std::vector<Array>& keys) {
  const Array& first = keys.front();
  const Context& ctx = first.context();
  const Shape& shape = first.shape();
  const std::int64_t length = shape[shape.dimensions() - 1];
  Array result = first.is_replicated() ? Array::empty_replicated(ctx, shape, DType::i64)
                                       : Array::empty(ctx, shape, DType::i64, 0, first.layout());
  const auto out = result.local_mutable<std::int64_t>();
  if (length == 0) return result;
  const std::int64_t lines = static_cast<std::int64_t>(out.size()) / length;
  agree(ctx.comm(), [&] {
    ctx.backend()->threads().parallel_for(lines, [&](std::int64_t line, int) {
      const auto size = static_cast<std::size_t>(length);
      std::vector<std::uint64_t> words(keys.size() * size);  // of all keys, the last one first
      for (std::size_t k = 0; k < keys.size(); ++k) {
        const Array& key = keys[keys.size() - 1 - k];
        const auto bytes = static_cast<std::int64_t>(size_of(key.dtype()));
        make_order_keys(key.dtype(), key.local_data() + line * length * bytes, length,
                        words.data() + k * size);
      }
      const auto order = out.subspan(static_cast<std::size_t>(line) * size, size);
      std::iota(order.begin(), order.end(), std::int64_t{0});
      std::ranges::sort(order, [&](std::int64_t a, std::int64_t b) {
        for (std::size_t k = 0; k < keys.size(); ++k) {
          const std::uint64_t* const key = words.data() + k * size;
          if (key[a] != key[b]) return key[a] < key[b];
        }
        return a < b;
      });
    });
  });
  return result;
}

}  // namespace

Array lexsort(std::span<const Array> keys) {
  if (keys.empty()) throw InvalidArgument("lexsort needs a key at least");
  for (const Array& key : keys) {
    check_sortable(key);
    if (key.shape().dimensions() == 0 || key.shape() != keys.front().shape())
      throw InvalidArgument("the keys of lexsort have one shape, with an axis at least, but " +
                            keys.front().describe() + " has shape " +
                            keys.front().shape().to_string() + " and " + key.describe() + " " +
                            key.shape().to_string());
  }
  if (keys.front().shape().dimensions() > 1) return sort_lines(by_lines(keys));
  const Context& ctx = keys.front().context();
  const std::int64_t rows = keys.front().shape()[0];
  const Layout layout = Layout::uniform(rows, ctx.size(), ctx.options().max_tiles);
  const std::int64_t first = layout.rows_of(ctx.rank()).begin;
  std::vector<std::uint64_t> order;  // this rank's part
  for (std::size_t k = 0; k < keys.size(); ++k) {
    const Array key = (keys[k].is_replicated() ? keys[k].with_split_axis(0) : keys[k]).balance();
    KeyPlaces own = key_places_of(key);
    const std::span<KeyPlace> pairs = own.span();
    if (k > 0) {
      // the key of each place in the order so far; equal ones keep that order
      std::vector<std::uint64_t> words =
          agree_on(ctx.comm(), [&] { return std::vector<std::uint64_t>(pairs.size()); });
      for (std::size_t i = 0; i < pairs.size(); ++i) words[i] = pairs[i].key;
      words = words_at(ctx, layout, words, order);
      for (std::size_t i = 0; i < pairs.size(); ++i)
        pairs[i] = {.place = static_cast<std::uint64_t>(first + static_cast<std::int64_t>(i)) << 1,
                    .key = words[i]};
    }
    std::vector<std::uint64_t> places =
        agree_on(ctx.comm(), [&] { return std::vector<std::uint64_t>(pairs.size()); });
    sort_over_ranks(ctx, std::move(own), layout,
                    [&](std::int64_t at, std::span<const KeyPlace> sorted) {
                      for (std::size_t i = 0; i < sorted.size(); ++i)
                        places[static_cast<std::size_t>(at) + i] = sorted[i].place >> 1;
                    });
    order = k == 0 ? std::move(places) : words_at(ctx, layout, order, places);
  }
  Array result = Array::empty(ctx, Shape{rows}, DType::i64, 0, layout);
  const auto out = result.local_mutable<std::int64_t>();
  for (std::size_t i = 0; i < order.size(); ++i) out[i] = static_cast<std::int64_t>(order[i]);
  return result;
}

}  // namespace serried
