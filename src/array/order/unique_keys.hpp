#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include "array/array_bytes.hpp"
#include "serried/array/array.hpp"
#include "serried/array/sort.hpp"

namespace serried {

/// The pieces of all ranks, of which this one has `count` elements, as an array of uniform tiles.
/// Collective.
template <class Fill>
Array of_pieces(const Context& ctx, std::int64_t count, DType dtype, Fill fill) {
  // one tile for each rank, then uniform ones
  std::vector<std::int64_t> begins{0};
  std::vector<std::int64_t> owners{0};
  for (const std::int64_t each : ctx.comm().allgather(count)) {
    begins.push_back(begins.back() + each);
    owners.push_back(static_cast<std::int64_t>(owners.size()));
  }
  const Shape shape{begins.back()};
  const Layout layout = Layout::from_tiles(std::move(begins), std::move(owners));
  Array array = Array::empty(ctx, shape, dtype, 0, layout);
  fill(memory_of(array));
  return array.balance();
}

/// unique() without places: keys alone are sorted, and of each rank only different ones travel. The
/// array is split along axis 0. Collective.
[[nodiscard]] Unique unique_keys(const Array& array, bool has_counts);

}  // namespace serried
