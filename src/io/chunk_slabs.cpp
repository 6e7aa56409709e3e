#include "io/chunk_slabs.hpp"

#include <algorithm>
#include <unordered_map>
#include <unordered_set>

#include "io/file_reads.hpp"

namespace serried {
namespace {

std::int64_t divide_up(std::int64_t a, std::int64_t b) {
  return a > 0 ? (a + b - 1) / b : 0;
}

RowRange slab_in_part(const PartMeta& part, const PartGeometry& geometry, std::int64_t row) {
  const RowRange alone{row, row + 1};
  const std::vector<int>& samples = geometry.roles.samples;
  const bool is_series_first = part.is_series && !samples.empty() && samples.front() == 0;
  const std::size_t leading = is_series_first ? 1 : 0;
  if (leading >= samples.size()) return alone;
  std::int64_t inner = 1;  // rows with the same index along the leading axis
  for (std::size_t i = leading + 1; i < samples.size(); ++i)
    inner *= geometry.samples[static_cast<int>(i)];
  const std::int64_t extent = geometry.samples[static_cast<int>(leading)];
  const std::int64_t outer = row / inner / extent;
  const ItemMeta& item = part.items[is_series_first ? static_cast<std::size_t>(outer) : 0];
  if (!item.is_filtered) return alone;
  const auto place = leading_axis(part, geometry);
  if (!place || (part.is_series && samples[leading] == 0)) return alone;
  const SelectedAxis& axis = item.axes[*place];
  const std::int64_t index = axis.in_file_order(row / inner % extent, 1);
  const std::int64_t chunk_extent = std::max<std::int64_t>(1, item.chunks[*place]);
  const std::int64_t chunk = (axis.start + index * axis.step) / chunk_extent;
  const std::int64_t first = divide_up(chunk * chunk_extent - axis.start, axis.step);
  const std::int64_t count =
      std::min(extent, divide_up((chunk + 1) * chunk_extent - axis.start, axis.step)) - first;
  const std::int64_t begin = axis.in_file_order(first, count);
  return {(outer * extent + begin) * inner, (outer * extent + begin + count) * inner};
}

}  // namespace

std::optional<std::size_t> leading_axis(const PartMeta& part, const PartGeometry& geometry) {
  for (const int axis : geometry.roles.samples) {
    if (part.is_series && axis == 0) continue;
    int kept = part.is_series ? 1 : 0;
    const std::vector<SelectedAxis>& axes = part.items.front().axes;
    for (std::size_t i = 0; i < axes.size(); ++i)
      if (!axes[i].is_dropped && kept++ == axis) return i;
  }
  return std::nullopt;
}

RowRange slab_of_row(const std::vector<PartMeta>& parts, const std::vector<PartGeometry>& geometry,
                     std::int64_t row) {
  RowRange widest{row, row + 1};
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const RowRange slab = slab_in_part(parts[i], geometry[i], row);
    widest = {std::min(widest.begin, slab.begin), std::max(widest.end, slab.end)};
  }
  return widest;
}

bool has_filters(const std::vector<PartMeta>& parts) {
  return std::ranges::any_of(parts, [](const PartMeta& part) {
    return std::ranges::any_of(part.items, &ItemMeta::is_filtered);
  });
}

bool has_lags(const std::vector<PartMeta>& parts, const std::vector<PartGeometry>& geometry) {
  std::unordered_map<std::int64_t, std::size_t> first;  // part, by source
  for (std::size_t i = 0; i < parts.size(); ++i)
    for (const ItemMeta& item : parts[i].items) {
      if (!item.is_filtered) continue;
      const std::size_t other = first.try_emplace(item.source, i).first->second;
      if (other == i) continue;
      const auto place = leading_axis(parts[i], geometry[i]);
      if (place != leading_axis(parts[other], geometry[other])) return true;
      if (place && !(item.axes[*place] == parts[other].items.front().axes[*place])) return true;
    }
  return false;
}

std::int64_t count_filtered_chunks(const std::vector<PartMeta>& parts) {
  // for each dataset, the chunks along each axis of each selection
  using ChunksOfAxes = std::vector<std::vector<std::int64_t>>;
  std::unordered_map<std::int64_t, std::vector<ChunksOfAxes>> selections;
  for (const PartMeta& part : parts)
    for (const ItemMeta& item : part.items) {
      if (!item.is_filtered) continue;
      ChunksOfAxes chunks;
      for (std::size_t i = 0; i < item.axes.size(); ++i) {
        const SelectedAxis& axis = item.axes[i];
        chunks.push_back(chunks_of(axis.start, axis.step, axis.count,
                                   std::max<std::int64_t>(1, item.chunks[i])));
      }
      auto& others = selections[item.source];
      if (std::ranges::find(others, chunks) == others.end()) others.push_back(std::move(chunks));
    }
  std::int64_t all = 0;
  for (const auto& [source, boxes] : selections) {
    if (boxes.size() == 1) {
      std::int64_t chunks = 1;
      for (const auto& along : boxes.front()) chunks *= static_cast<std::int64_t>(along.size());
      all += chunks;
      continue;
    }
    std::unordered_set<std::uint64_t> names;
    for (const ChunksOfAxes& box : boxes)
      visit_names(box, [&](std::uint64_t name) { names.insert(name); });
    all += static_cast<std::int64_t>(names.size());
  }
  return all;
}

std::int64_t chunk_bytes(const ItemMeta& item) {
  auto bytes = static_cast<std::int64_t>(size_of(item.rule.raw));
  for (const std::int64_t extent : item.chunks) bytes *= extent;
  return bytes;
}

}  // namespace serried
