#include "io/chunk_cache_model.hpp"

#include <algorithm>
#include <vector>

namespace serried {

void ChunkCacheModel::use(const FileRead& read, std::int64_t room) {
  const ItemMeta& item = *read.item;
  if (!item.is_filtered) return;
  Cache& cache = caches_[item.source];
  const FileBox& box = read.box;
  std::vector<std::vector<std::int64_t>> chunks;
  for (std::size_t i = 0; i < box.count.size(); ++i)
    chunks.push_back(chunks_of(box.start[i], box.step[i], box.count[i],
                               std::max<std::int64_t>(1, item.chunks[i])));
  visit_names(chunks,
              [&](std::uint64_t name) { use_chunk(cache, name, static_cast<std::size_t>(room)); });
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
