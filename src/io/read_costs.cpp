#include "io/read_costs.hpp"

#include <algorithm>
#include <cstdlib>
#include <unordered_set>

#include "io/chunk_slabs.hpp"
#include "io/open_items.hpp"

namespace serried {
namespace {

constexpr std::int64_t most_cache_bytes = std::int64_t{256} << 20;
constexpr std::int64_t most_piece_bytes = std::int64_t{256} << 20;
/// Stays in a core's cache while elements are picked from it.
constexpr std::int64_t most_slab_bytes = std::int64_t{1} << 20;
constexpr std::int64_t most_batch_bytes = std::int64_t{64} << 20;
/// Runs in the file below this are slow to gather.
constexpr std::int64_t least_run_bytes = 4096;
constexpr std::int64_t least_piece_bytes = std::int64_t{1} << 20;
constexpr std::size_t max_open_items = 64;

/// Parts that select from one dataset, with filters; of series, from the same first dataset.
struct SameSource {
  std::vector<std::size_t> parts;
  std::int64_t open_items = 1;
};

std::vector<SameSource> filtered_sources(const std::vector<PartMeta>& parts,
                                         const std::vector<PartGeometry>& geometry) {
  std::vector<SameSource> sources;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const ItemMeta& item = parts[i].items.front();
    if (!item.is_filtered) continue;
    const auto known = std::ranges::find_if(sources, [&](const SameSource& other) {
      return parts[other.parts.front()].items.front().source == item.source;
    });
    SameSource& source = known == sources.end() ? sources.emplace_back() : *known;
    source.parts.push_back(i);
    const std::vector<int>& samples = geometry[i].roles.samples;
    if (parts[i].is_series && (samples.empty() || samples.front() != 0))
      source.open_items =
          std::max(source.open_items,
                   static_cast<std::int64_t>(std::min(parts[i].items.size(), max_open_items)));
  }
  return sources;
}

/// The first and the last chunk along an axis.
struct ChunkSpan {
  std::int64_t first = 0;
  std::int64_t last = 0;
  bool is_reversed = false;  ///< the last one is gone through first

  [[nodiscard]] double size() const { return static_cast<double>(last - first + 1); }
};

ChunkSpan chunk_span(const ItemMeta& item, std::size_t axis) {
  const SelectedAxis& selected = item.axes[axis];
  const std::int64_t chunk = std::max<std::int64_t>(item.chunks[axis], 1);
  const std::int64_t last = selected.start + (selected.count - 1) * selected.step;
  return {selected.start / chunk, std::max(selected.start, last) / chunk, selected.is_reversed};
}

/// How many chunks along the leading axis rows go through at a time: more than one where several
/// selections take a row's elements from different places. Example: `x[:-1]` and `x[1:]` go through
/// two; `x[:10]` and `x[10:20]` in chunks of 10 too, one of each; `x[:20]` and `x[10:30]` through
/// three, as the second chunk is needed again when the first selection comes to it; `x` and
/// `x[::-1]` through all that there are.
double layers_at_a_time(const std::vector<PartMeta>& parts, const SameSource& source,
                        std::size_t axis) {
  std::vector<SelectedAxis> selections;
  std::vector<ChunkSpan> spans;
  for (const std::size_t part : source.parts) {
    const ItemMeta& item = parts[part].items.front();
    if (std::ranges::find(selections, item.axes[axis]) != selections.end()) continue;
    selections.push_back(item.axes[axis]);
    spans.push_back(chunk_span(item, axis));
  }
  std::ranges::sort(spans, {}, [](const ChunkSpan& span) { return span.first + span.last; });
  double layers = 1;
  for (std::size_t i = 1; i < spans.size(); ++i) {
    const bool is_apart = spans[i - 1].last <= spans[i].first;
    const std::int64_t lag = spans[i].is_reversed != spans[i - 1].is_reversed
                                 ? std::max(spans[i].last, spans[i - 1].last) -
                                       std::min(spans[i].first, spans[i - 1].first)
                                 : std::max(std::abs(spans[i].first - spans[i - 1].first),
                                            std::abs(spans[i].last - spans[i - 1].last));
    layers += is_apart ? 1 : static_cast<double>(lag) + (i == 1 ? 1 : 0);
  }
  return layers;
}

/// Bytes of the chunks that consecutive rows go through before they go on to others: those that
/// have the same index along the leading sample axis. Saturates instead of overflowing.
std::int64_t slab_bytes(const std::vector<PartMeta>& parts,
                        const std::vector<PartGeometry>& geometry, const SameSource& source) {
  const std::size_t front = source.parts.front();
  const ItemMeta& first = parts[front].items.front();
  const std::size_t none = first.axes.size();
  std::size_t leading = leading_axis(parts[front], geometry[front]).value_or(none);
  for (const std::size_t part : source.parts)
    if (leading_axis(parts[part], geometry[part]).value_or(none) != leading) leading = none;
  std::vector<ChunkSpan> all;
  for (std::size_t axis = 0; axis < first.axes.size(); ++axis)
    all.push_back(chunk_span(first, axis));
  double chunks_of_each = 0;  // of selections that have no chunks in common
  for (const std::size_t part : source.parts) {
    double chunks = 1;
    for (std::size_t axis = 0; axis < all.size(); ++axis) {
      const ChunkSpan span = chunk_span(parts[part].items.front(), axis);
      if (axis != leading) chunks *= span.size();
      all[axis] = {std::min(all[axis].first, span.first), std::max(all[axis].last, span.last)};
    }
    chunks_of_each += chunks;
  }
  double chunks = 1;
  for (std::size_t axis = 0; axis < all.size(); ++axis)
    if (axis != leading) chunks *= all[axis].size();
  chunks = std::min(chunks, chunks_of_each);
  if (leading < none)
    chunks *= std::min(all[leading].size(), layers_at_a_time(parts, source, leading));
  return static_cast<std::int64_t>(
      std::min(chunks * static_cast<double>(chunk_bytes(first)), 1e18));
}

/// What all selections of one dataset have in a chunk at most, as values.
std::int64_t values_in_chunk(const std::vector<PartMeta>& parts, const SameSource& source) {
  std::int64_t bytes = 0;
  for (const std::size_t part : source.parts) {
    const ItemMeta& item = parts[part].items.front();
    auto values = static_cast<std::int64_t>(size_of(item.rule.result));
    for (std::size_t axis = 0; axis < item.axes.size(); ++axis)
      values *= std::clamp<std::int64_t>(
          (item.chunks[axis] + item.axes[axis].step - 1) / item.axes[axis].step, 1,
          std::max<std::int64_t>(1, item.axes[axis].count));
    bytes += values;
  }
  return bytes;
}

/// Whether elements may be picked from reads that bring others too.
bool is_picking(const std::vector<PartMeta>& parts) {
  std::unordered_set<std::int64_t> sources;
  for (const PartMeta& part : parts)
    for (const ItemMeta& item : part.items) {
      if (!sources.insert(item.source).second) return true;
      for (std::size_t axis = 0; axis < item.axes.size(); ++axis) {
        const SelectedAxis& selected = item.axes[axis];
        if (selected.step > 1 || (axis > 0 && selected.count < item.extents[axis])) return true;
      }
    }
  return false;
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
  costs.slab_bytes = std::min(costs.max_piece_bytes, most_slab_bytes);
  if (is_picking(parts)) costs.picking_bytes = costs.slab_bytes;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    if (!is_scattered(parts[i], geometry[i])) continue;
    const ItemMeta& item = parts[i].items.front();
    const std::int64_t rows = least_run_bytes / static_cast<std::int64_t>(size_of(item.rule.raw));
    const auto row_bytes = row_elements * static_cast<std::int64_t>(size_of(item.rule.result));
    costs.least_batch_bytes =
        std::max(costs.least_batch_bytes, std::min(large_batch_bytes, row_bytes * rows));
  }
  const std::vector<SameSource> sources = filtered_sources(parts, geometry);
  std::int64_t open_items = 0;
  for (const SameSource& source : sources) open_items += source.open_items;
  open_items = std::min(open_items, static_cast<std::int64_t>(max_open_items));
  for (const SameSource& source : sources) {
    const ItemMeta& item = parts[source.parts.front()].items.front();
    const std::int64_t slab = slab_bytes(parts, geometry, source);
    const std::int64_t room = max_cache_bytes / open_items;
    costs.chunk_cache_bytes = std::max(costs.chunk_cache_bytes, std::min(slab, room));
    if (slab > room) costs.has_wide_slabs = true;
    costs.block_bytes =
        std::max({costs.block_bytes, chunk_bytes(item), values_in_chunk(parts, source)});
  }
  for (const SameSource& source : sources)
    costs.all_cache_bytes +=
        source.open_items *
        cache_bytes_of(parts[source.parts.front()].items.front(), costs.chunk_cache_bytes);
  if (costs.has_wide_slabs)
    costs.least_batch_bytes = std::max(costs.least_batch_bytes, large_batch_bytes);
  return costs;
}

}  // namespace serried
