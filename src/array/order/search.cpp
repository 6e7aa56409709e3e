#include "serried/array/search.hpp"

#include <algorithm>
#include <cmath>
#include <functional>
#include <string>
#include <type_traits>
#include <vector>

#include "array/array_bytes.hpp"
#include "array/array_impl.hpp"
#include "array/order/row_questions.hpp"
#include "array/order/sortable.hpp"
#include "expr/promotion.hpp"
#include "serried/base/error.hpp"
#include "serried/base/half.hpp"
#include "serried/base/order_key.hpp"
#include "serried/comm/agree.hpp"

namespace serried {
namespace {

/// Calls use(i, value) for each of this rank's elements, on all threads. Local.
void for_each_number(const Array& array, const auto& use) {
  const std::int64_t elements = array.is_replicated()
                                    ? array.shape().elements()
                                    : array.local_rows().size() * array.row_elements();
  visit_real(array.dtype(), [&](auto tag) {
    using T = typename decltype(tag)::type;
    const auto* from = reinterpret_cast<const T*>(array.local_data());
    for_each_block(array.context(), elements, [&](std::int64_t first, std::int64_t count) {
      for (std::int64_t i = first; i < first + count; ++i) {
        if constexpr (std::is_same_v<T, Half>)
          use(i, static_cast<double>(to_float(from[i])));
        else if constexpr (std::is_same_v<T, float>)
          use(i, static_cast<double>(from[i]));
        else
          use(i, from[i]);
      }
    });
  });
}

/// Order-preserving keys of this rank's elements, as numbers of a dtype that they are promoted to.
std::vector<std::uint64_t> keys_in(const Array& array, DType common) {
  std::vector<std::uint64_t> keys(static_cast<std::size_t>(
      array.is_replicated() ? array.shape().elements()
                            : array.local_rows().size() * array.row_elements()));
  for_each_number(array, [&](std::int64_t i, auto value) {
    std::uint64_t key = 0;
    if (is_floating(common))
      key = order_key(static_cast<double>(value) + 0.0);
    else if (common == DType::u64)
      key = static_cast<std::uint64_t>(value);
    else
      key = order_key(static_cast<std::int64_t>(value));
    keys[static_cast<std::size_t>(i)] = key;
  });
  return keys;
}

std::int64_t place_of(const std::vector<std::uint64_t>& keys, std::uint64_t key, SearchSide side) {
  return (side == SearchSide::left ? std::ranges::lower_bound(keys, key)
                                   : std::ranges::upper_bound(keys, key)) -
         keys.begin();
}

/// A sorted series, of which this rank has a part or all.
class SortedKeys {
 public:
  /// Collective. @throws DataError if it is not sorted.
  SortedKeys(const Array& sorted, DType common) : ctx_(sorted.context()) {
    is_whole_ = sorted.is_replicated() || ctx_.size() == 1;
    keys_ = agree_on(ctx_.comm(), [&] { return keys_in(sorted, common); });
    bool is_sorted = std::ranges::is_sorted(keys_);
    if (!is_whole_) {
      struct Part {
        std::uint64_t first = 0;
        std::uint64_t last = 0;
        std::int64_t begin = 0;
        std::int64_t is_sorted = 1;
      };
      Part own{.begin = keys_.empty() ? -1 : sorted.local_rows().begin,
               .is_sorted = is_sorted ? 1 : 0};
      if (!keys_.empty()) {
        own.first = keys_.front();
        own.last = keys_.back();
      }
      begin_ = own.begin;
      std::uint64_t last = 0;
      const std::vector<Part> parts = ctx_.comm().allgather(own);
      for (std::size_t r = 0; r < parts.size(); ++r) {
        is_sorted = is_sorted && parts[r].is_sorted != 0;
        if (parts[r].begin < 0) continue;
        is_sorted = is_sorted && last <= parts[r].first;
        last = parts[r].last;
        firsts_.push_back(parts[r].first);
        owners_.push_back(static_cast<int>(r));
      }
    }
    if (!is_sorted)
      throw DataError("searchsorted: " + sorted.describe() + " is not sorted in ascending order");
  }

  [[nodiscard]] bool is_whole() const { return is_whole_ || owners_.empty(); }
  [[nodiscard]] const std::vector<std::uint64_t>& keys() const { return keys_; }
  /// The rank in whose part a key has its place: the last one that begins before it.
  [[nodiscard]] int owner_of(std::uint64_t key, SearchSide side) const {
    const std::int64_t part = place_of(firsts_, key, side);
    return owners_[static_cast<std::size_t>(std::max<std::int64_t>(0, part - 1))];
  }
  /// The place among the elements of all ranks, on the rank that has it.
  [[nodiscard]] std::int64_t place(std::uint64_t key, SearchSide side) const {
    return begin_ + place_of(keys_, key, side);
  }

 private:
  const Context& ctx_;
  bool is_whole_ = false;
  std::vector<std::uint64_t> keys_;
  std::int64_t begin_ = 0;
  std::vector<std::uint64_t> firsts_;  ///< of the ranks that have elements
  std::vector<int> owners_;
};

}  // namespace

Array searchsorted(const Array& sorted, const Array& values, SearchSide side) {
  check_sortable(sorted);
  check_sortable(values);
  if (sorted.shape().dimensions() != 1)
    throw InvalidArgument("searchsorted looks in a series, but " + sorted.describe() +
                          " has shape " + sorted.shape().to_string());
  const Context& ctx = values.context();
  const DType common = promote(sorted.dtype(), values.dtype());
  const SortedKeys series(sorted, common);
  Array result = empty_like(values, DType::i64);
  const auto out = result.local_mutable<std::int64_t>();
  std::vector<std::uint64_t> keys = agree_on(ctx.comm(), [&] { return keys_in(values, common); });
  if (series.is_whole()) {
    for_each_block(ctx, static_cast<std::int64_t>(keys.size()),
                   [&](std::int64_t first, std::int64_t count) {
                     for (std::int64_t i = first; i < first + count; ++i) {
                       const auto at = static_cast<std::size_t>(i);
                       out[at] = place_of(series.keys(), keys[at], side);
                     }
                   });
    return result;
  }
  const std::vector<int> owners = agree_on(ctx.comm(), [&] {
    std::vector<int> found;
    for (const std::uint64_t key : keys) found.push_back(series.owner_of(key, side));
    return found;
  });
  const std::vector<std::uint64_t> places = ask_ranks(ctx, keys, owners, [&](std::uint64_t key) {
    return static_cast<std::uint64_t>(series.place(key, side));
  });
  for (std::size_t i = 0; i < places.size(); ++i) out[i] = static_cast<std::int64_t>(places[i]);
  return result;
}

Array digitize(const Array& values, std::span<const double> edges, bool is_right) {
  check_sortable(values);
  const bool is_falling = edges.size() > 1 && edges.front() > edges.back();
  std::vector<double> rising(edges.begin(), edges.end());
  if (is_falling) std::ranges::reverse(rising);
  if (!std::ranges::is_sorted(rising) ||
      std::ranges::any_of(rising, [](double edge) { return std::isnan(edge); }))
    throw InvalidArgument("the edges of digitize must ascend or descend");
  Array result = empty_like(values, DType::i64);
  const auto out = result.local_mutable<std::int64_t>();
  const auto count = static_cast<std::int64_t>(rising.size());
  for_each_number(values, [&](std::int64_t i, auto value) {
    const auto x = static_cast<double>(value);
    const std::int64_t place = std::isnan(x) ? count
                               : is_right    ? std::ranges::lower_bound(rising, x) - rising.begin()
                                             : std::ranges::upper_bound(rising, x) - rising.begin();
    out[static_cast<std::size_t>(i)] = is_falling ? count - place : place;
  });
  return result;
}

}  // namespace serried
