#include "io/chunk_slabs.hpp"

#include <algorithm>

namespace serried {
namespace {

std::int64_t divide_up(std::int64_t a, std::int64_t b) {
  return a > 0 ? (a + b - 1) / b : 0;
}

/// The place among an item's axes of the part's axis `axis`, without the series axis.
std::size_t place_of_axis(const ItemMeta& item, int axis) {
  int kept = 0;
  for (std::size_t i = 0; i < item.axes.size(); ++i)
    if (!item.axes[i].is_dropped && kept++ == axis) return i;
  return item.axes.size();
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
  const std::int64_t index = row / inner % extent;
  const ItemMeta& item = part.items[is_series_first ? static_cast<std::size_t>(outer) : 0];
  if (!item.is_filtered) return alone;
  const int series_axes = part.is_series ? 1 : 0;
  const int axis_in_part = samples[leading];
  if (axis_in_part < series_axes) return alone;
  const std::size_t place = place_of_axis(item, axis_in_part - series_axes);
  const SelectedAxis& axis = item.axes[place];
  const std::int64_t chunk_extent = std::max<std::int64_t>(1, item.chunks[place]);
  const std::int64_t chunk = (axis.start + index * axis.step) / chunk_extent;
  const std::int64_t begin = divide_up(chunk * chunk_extent - axis.start, axis.step);
  const std::int64_t end =
      std::min(extent, divide_up((chunk + 1) * chunk_extent - axis.start, axis.step));
  return {(outer * extent + begin) * inner, (outer * extent + end) * inner};
}

}  // namespace

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

std::int64_t count_filtered_chunks(const std::vector<PartMeta>& parts) {
  std::int64_t all = 0;
  for (const PartMeta& part : parts)
    for (const ItemMeta& item : part.items) {
      if (!item.is_filtered) continue;
      std::int64_t chunks = 1;
      for (std::size_t i = 0; i < item.axes.size(); ++i) {
        const SelectedAxis& axis = item.axes[i];
        const std::int64_t extent = std::max<std::int64_t>(1, item.chunks[i]);
        // steps longer than a chunk leave chunks out
        const std::int64_t last = axis.start + (axis.count - 1) * axis.step;
        chunks *= axis.count == 0      ? 0
                  : axis.step > extent ? axis.count
                                       : last / extent - axis.start / extent + 1;
      }
      all += chunks;
    }
  return all;
}

std::int64_t chunk_bytes(const ItemMeta& item) {
  auto bytes = static_cast<std::int64_t>(size_of(item.rule.raw));
  for (const std::int64_t extent : item.chunks) bytes *= extent;
  return bytes;
}

}  // namespace serried
