#include "io/read_costs.hpp"

#include <algorithm>

#include "io/chunk_slabs.hpp"
#include "io/open_items.hpp"

namespace serried {
namespace {

constexpr std::int64_t most_cache_bytes = std::int64_t{256} << 20;
constexpr std::int64_t most_piece_bytes = std::int64_t{256} << 20;
constexpr std::int64_t most_batch_bytes = std::int64_t{64} << 20;
/// Runs in the file below this are slow to gather.
constexpr std::int64_t least_run_bytes = 4096;
constexpr std::int64_t least_piece_bytes = std::int64_t{1} << 20;
constexpr std::size_t max_open_items = 64;

/// The axes of the file that the selection keeps.
std::vector<std::size_t> kept_axes(const ItemMeta& item) {
  std::vector<std::size_t> kept;
  for (std::size_t i = 0; i < item.axes.size(); ++i)
    if (!item.axes[i].is_dropped) kept.push_back(i);
  return kept;
}

/// Bytes of all chunks that have the same index along the leading sample axis: consecutive rows go
/// through them before they go on to the next. Saturates instead of overflowing.
std::int64_t slab_bytes(const PartMeta& part, const PartGeometry& geometry, const ItemMeta& item) {
  const auto kept = kept_axes(item);
  int leading = -1;
  for (const int axis : geometry.roles.samples)
    if (leading < 0 && !(part.is_series && axis == 0)) leading = axis - (part.is_series ? 1 : 0);
  double bytes = static_cast<double>(size_of(item.rule.raw));
  for (std::size_t i = 0; i < item.axes.size(); ++i) {
    const SelectedAxis& axis = item.axes[i];
    const bool is_leading = leading >= 0 && kept[static_cast<std::size_t>(leading)] == i;
    const std::int64_t chunk = std::max<std::int64_t>(item.chunks[i], 1);
    const std::int64_t span = std::max<std::int64_t>((axis.count - 1) * axis.step + 1, 1);
    const std::int64_t chunks = is_leading ? 1 : (axis.start % chunk + span + chunk - 1) / chunk;
    bytes *= static_cast<double>(chunks) * static_cast<double>(chunk);
  }
  return static_cast<std::int64_t>(std::min(bytes, 1e18));
}

/// Whether the file's fastest axis is a sample axis while slower ones are features, so that a row
/// is scattered over the file.
bool is_scattered(const PartMeta& part, const PartGeometry& geometry) {
  if (part.shape.dimensions() == 0 || geometry.roles.features.empty()) return false;
  const int last = part.shape.dimensions() - 1;
  return std::find(geometry.roles.samples.begin(), geometry.roles.samples.end(), last) !=
         geometry.roles.samples.end();
}

}  // namespace

ReadCosts estimate_read_costs(const std::vector<PartMeta>& parts,
                              const std::vector<PartGeometry>& geometry, std::int64_t row_elements,
                              std::int64_t memory_bytes) {
  const std::int64_t max_cache_bytes = std::min(most_cache_bytes, memory_bytes / 8);
  const std::int64_t large_batch_bytes = std::min(most_batch_bytes, memory_bytes / 32);
  ReadCosts costs;
  costs.max_piece_bytes =
      std::min(most_piece_bytes, std::max(least_piece_bytes, memory_bytes / 32));
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const ItemMeta& item = parts[i].items.front();
    const auto element_bytes = static_cast<std::int64_t>(size_of(item.rule.raw));
    if (is_scattered(parts[i], geometry[i])) {
      const std::int64_t rows = least_run_bytes / element_bytes;
      const auto row_bytes = row_elements * static_cast<std::int64_t>(size_of(item.rule.result));
      costs.least_batch_bytes =
          std::max(costs.least_batch_bytes, std::min(large_batch_bytes, row_bytes * rows));
    }
    if (!item.is_filtered) continue;
    const bool is_crossing_series = parts[i].is_series && (geometry[i].roles.samples.empty() ||
                                                           geometry[i].roles.samples.front() != 0);
    const auto open_items = static_cast<std::int64_t>(
        is_crossing_series ? std::min(parts[i].items.size(), max_open_items) : std::size_t{1});
    const std::int64_t slab = slab_bytes(parts[i], geometry[i], item);
    costs.chunk_cache_bytes =
        std::max(costs.chunk_cache_bytes, std::min(slab, max_cache_bytes / open_items));
    const std::int64_t cache = cache_bytes_of(item, costs.chunk_cache_bytes);
    costs.all_cache_bytes = std::max(costs.all_cache_bytes, open_items * cache);
    if (slab > max_cache_bytes / open_items) costs.has_wide_slabs = true;
    if (costs.has_wide_slabs)
      costs.least_batch_bytes = std::max(costs.least_batch_bytes, large_batch_bytes);
  }
  return costs;
}

}  // namespace serried
