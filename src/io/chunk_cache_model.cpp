#include "io/chunk_cache_model.hpp"

#include <algorithm>
#include <vector>

namespace serried {

void ChunkCacheModel::use(const Transfer& transfer, std::int64_t room) {
  const ItemMeta& item = *transfer.item;
  if (!item.is_filtered || transfer.elements == 0) return;
  Cache& cache = caches_[&item];
  std::vector<std::int64_t> first, last;
  for (std::size_t i = 0; i < item.axes.size(); ++i) {
    const SelectedAxis& axis = item.axes[i];
    const auto chunk_of = [&](std::int64_t index) {
      return (axis.start + index * axis.step) / std::max<std::int64_t>(1, item.chunks[i]);
    };
    first.push_back(chunk_of(transfer.begin[i]));
    last.push_back(chunk_of(transfer.begin[i] + transfer.count[i] - 1));
  }
  std::vector<std::int64_t> at = first;
  while (true) {
    std::uint64_t name = 0;
    for (const std::int64_t index : at)
      name = name * 0x9E3779B97F4A7C15U + static_cast<std::uint64_t>(index);
    use_chunk(cache, name, static_cast<std::size_t>(room));
    std::size_t axis = at.size();
    while (axis > 0 && ++at[axis - 1] > last[axis - 1]) {
      --axis;
      at[axis] = first[axis];
    }
    if (axis == 0) return;
  }
}

void ChunkCacheModel::use_chunk(Cache& cache, std::uint64_t chunk, std::size_t room) {
  const auto known = cache.places.find(chunk);
  if (known != cache.places.end()) {
    cache.chunks.splice(cache.chunks.begin(), cache.chunks, known->second);
    return;
  }
  ++decompressions_;
  cache.chunks.push_front(chunk);
  cache.places[chunk] = cache.chunks.begin();
  if (cache.chunks.size() <= room) return;
  cache.places.erase(cache.chunks.back());
  cache.chunks.pop_back();
}

}  // namespace serried
