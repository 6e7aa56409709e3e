#include <algorithm>
#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "array/order/key_places.hpp"
#include "array/order/order_keys.hpp"
#include "array/order/sortable.hpp"
#include "serried/array/sort.hpp"
#include "serried/base/error.hpp"
#include "serried/comm/agree.hpp"

namespace serried {

Sorted topk(const Array& array, std::int64_t count, bool is_lowest) {
  check_sortable(array);
  if (count < 0) throw InvalidArgument("topk of " + std::to_string(count) + " elements");
  const Context& ctx = array.context();
  if (!array.is_replicated() && array.split_axis() != 0)
    return topk(array.with_split_axis(0), count, is_lowest);
  const std::int64_t row_elements = array.is_replicated() ? 1 : array.row_elements();
  const std::int64_t first = array.is_replicated() ? 0 : array.local_rows().begin * row_elements;
  const std::int64_t elements =
      array.is_replicated() ? array.shape().elements() : array.local_rows().size() * row_elements;
  const std::int64_t wanted = std::min(count, array.shape().elements());
  const auto bytes = static_cast<std::int64_t>(size_of(array.dtype()));
  std::vector<KeyPlace> best;
  agree(ctx.comm(), [&] {
    // Blocks without a key that could be among the best any more are passed over.
    constexpr std::int64_t block = 512;
    const auto workers = static_cast<std::size_t>(ctx.backend()->threads().threads());
    std::vector<std::vector<KeyPlace>> kept(workers);
    std::vector<KeyPlace> limits(workers, {.place = UINT64_MAX, .key = UINT64_MAX});
    const auto keep_best = [&](std::vector<KeyPlace>& own) {
      if (static_cast<std::int64_t>(own.size()) <= wanted) return false;
      std::nth_element(own.begin(), own.begin() + wanted - 1, own.end());
      own.resize(static_cast<std::size_t>(wanted));
      return true;
    };
    constexpr std::int64_t run = 64 * block;
    const std::uint64_t highest = highest_key(array.dtype());
    ctx.backend()->threads().parallel_for((elements + run - 1) / run, [&](std::int64_t r, int w) {
      if (wanted == 0) return;
      auto& own = kept[static_cast<std::size_t>(w)];
      KeyPlace& limit = limits[static_cast<std::size_t>(w)];
      std::array<std::uint64_t, block> keys;
      for (std::int64_t at = r * run; at < std::min(elements, (r + 1) * run); at += block) {
        const std::int64_t length = std::min({block, elements - at, (r + 1) * run - at});
        make_order_keys(array.dtype(), array.local_data() + at * bytes, length, keys.data());
        // plain keys of what is not beyond the limit
        const bool is_all = limit.key == UINT64_MAX;
        const std::uint64_t low = is_lowest || is_all ? 0 : ~limit.key;
        const std::uint64_t high = is_all ? UINT64_MAX : is_lowest ? limit.key : highest;
        visit_bracket(std::span<const std::uint64_t>(keys).first(static_cast<std::size_t>(length)),
                      low, high - low, [&](std::size_t i) {
                        const std::int64_t e = at + static_cast<std::int64_t>(i);
                        KeyPlace pair;
                        make_key_places(array.dtype(), array.local_data() + e * bytes, 1, first + e,
                                        !is_lowest, std::span<KeyPlace>(&pair, 1));
                        if (!(limit < pair)) own.push_back(pair);
                      });
        if (static_cast<std::int64_t>(own.size()) >= 2 * wanted + block && keep_best(own))
          limit = *std::max_element(own.begin(), own.end());
      }
    });
    for (const auto& own : kept) best.insert(best.end(), own.begin(), own.end());
    keep_best(best);
  });
  if (!array.is_replicated()) {
    best = ctx.comm().allgather(std::span<const KeyPlace>(best)).values;
  }
  std::sort(best.begin(), best.end());
  best.resize(std::min(best.size(), static_cast<std::size_t>(wanted)));
  const Shape shape{static_cast<std::int64_t>(best.size())};
  Sorted sorted{.values = Array::empty_replicated(ctx, shape, array.dtype()),
                .indices = Array::empty_replicated(ctx, shape, DType::i64)};
  store_key_places(array.dtype(), best, !is_lowest, memory_of(sorted.values),
                   sorted.indices.local_mutable<std::int64_t>().data());
  return sorted;
}

}  // namespace serried
