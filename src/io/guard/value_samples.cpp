#include "io/guard/value_samples.hpp"

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <set>
#include <vector>

#include "base/memory_text.hpp"
#include "io/hdf5/errors.hpp"
#include "io/open_items.hpp"
#include "serried/base/error.hpp"

namespace serried::guard {
namespace {

constexpr std::int64_t piece_bytes = std::int64_t{16} << 20;

/// Indices [first, end) along each axis of the file.
struct Box {
  std::vector<std::int64_t> first;
  std::vector<std::int64_t> end;
};

/// Of what is selected, from the first to the last index along each axis; false where that is
/// nothing.
bool find_bounds(const ItemMeta& item, Box& bounds) {
  for (const SelectedAxis& axis : item.axes) {
    if (axis.count == 0) return false;
    bounds.first.push_back(axis.start);
    bounds.end.push_back(axis.start + (axis.count - 1) * axis.step + 1);
  }
  return true;
}

void read_box(const ItemMeta& item, const OpenItems::Item& open, const Box& box) {
  const std::string what = item.name() + " cannot be read";
  std::vector<hsize_t> start(box.first.begin(), box.first.end());
  std::vector<hsize_t> count;
  std::size_t elements = 1;
  for (std::size_t a = 0; a < start.size(); ++a) {
    count.push_back(static_cast<hsize_t>(box.end[a] - box.first[a]));
    elements *= static_cast<std::size_t>(count.back());
  }
  const auto dimensions = static_cast<int>(start.size());
  const hdf5::Space memory(hdf5::checked(
      dimensions == 0 ? H5Screate(H5S_SCALAR) : H5Screate_simple(dimensions, count.data(), nullptr),
      what));
  if (dimensions > 0)
    hdf5::check(H5Sselect_hyperslab(open.space.id(), H5S_SELECT_SET, start.data(), nullptr,
                                    count.data(), nullptr),
                what);
  std::vector<std::byte> values(elements * size_of(item.rule.raw));
  hdf5::check(H5Dread(open.dataset.id(), open.memory_type.id(), memory.id(), open.space.id(),
                      H5P_DEFAULT, values.data()),
              what);
}

/// Extents of a piece: whole chunks, as many as fit, along the last axes first.
std::vector<std::int64_t> piece_extents(const ItemMeta& item, const Box& bounds) {
  std::vector<std::int64_t> extents = item.chunks;
  if (extents.empty()) extents.assign(item.axes.size(), 1);
  auto bytes = static_cast<std::int64_t>(size_of(item.rule.raw));
  for (const std::int64_t extent : extents) bytes *= extent;
  for (std::size_t a = extents.size(); a-- > 0;) {
    const std::int64_t room =
        std::max<std::int64_t>(1, piece_bytes / std::max<std::int64_t>(1, bytes));
    const std::int64_t wanted = (bounds.end[a] - bounds.first[a]) / extents[a] + 2;
    const std::int64_t times = std::min(room, wanted);
    extents[a] *= times;
    bytes *= times;
  }
  return extents;
}

void read_all(const ItemMeta& item, const OpenItems::Item& open, const Box& bounds,
              const std::function<void()>& progress) {
  const std::vector<std::int64_t> extents = piece_extents(item, bounds);
  const std::size_t axes = extents.size();
  std::vector<std::int64_t> at(axes);  // where the piece begins: at a multiple of the extents
  for (std::size_t a = 0; a < axes; ++a) at[a] = bounds.first[a] / extents[a] * extents[a];
  for (;;) {
    Box piece;
    for (std::size_t a = 0; a < axes; ++a) {
      piece.first.push_back(std::max(at[a], bounds.first[a]));
      piece.end.push_back(std::min(at[a] + extents[a], bounds.end[a]));
    }
    read_box(item, open, piece);
    progress();
    std::size_t a = axes;
    while (a > 0) {
      at[a - 1] += extents[a - 1];
      if (at[a - 1] < bounds.end[a - 1]) break;
      at[a - 1] = bounds.first[a - 1] / extents[a - 1] * extents[a - 1];
      --a;
    }
    if (a == 0) return;
  }
}

void read_ends(const ItemMeta& item, const OpenItems::Item& open, const Box& bounds) {
  Box first = bounds;
  Box last = bounds;
  for (std::size_t a = 0; a < bounds.first.size(); ++a) {
    first.end[a] = bounds.first[a] + 1;
    last.first[a] = bounds.end[a] - 1;
  }
  read_box(item, open, first);
  read_box(item, open, last);
}

void walk_index(const ItemMeta& item, const OpenItems::Item& open) {
#if H5_VERSION_GE(1, 10, 5)
  hsize_t chunks = 0;
  if (!item.chunks.empty())
    hdf5::check(H5Dget_num_chunks(open.dataset.id(), open.space.id(), &chunks),
                item.name() + ": the index of its chunks cannot be read");
#endif
}

}  // namespace

void require_proportion(const DatasetMeta& meta) {
  constexpr long double always_allowed = 1LL << 30;
  constexpr long double most_times = 1100;
  long double claimed = 0;
  std::set<std::string> files(meta.sources.begin(), meta.sources.end());
  for (const PartMeta& part : meta.parts)
    for (const ItemMeta& item : part.items) {
      long double bytes = size_of(item.rule.raw);
      for (const SelectedAxis& axis : item.axes) bytes *= static_cast<long double>(axis.count);
      claimed += bytes;
      files.insert(item.file);
    }
  long double held = 0;
  for (const std::string& file : files) {
    std::error_code error;
    const auto bytes = std::filesystem::file_size(file, error);
    if (!error) held += static_cast<long double>(bytes);
  }
  if (claimed <= always_allowed || claimed <= most_times * held) return;
  const auto text = [](long double bytes) {
    return memory_text(static_cast<std::int64_t>(std::min(bytes, 9e18L)));
  };
  throw IoError(meta.parts.front().text + ": " + text(held) + " of files claim to hold " +
                text(claimed) +
                ", more than any compression gives; with --untrusted that is refused");
}

void read_values(const ItemMeta& item, FileCheck::Depth depth,
                 const std::function<void()>& progress) {
  if (item.is_constant) return;
  const hdf5::Turn turn;
  Box bounds;
  if (!find_bounds(item, bounds)) return;
  OpenItems items;
  const OpenItems::Item& open = items.get(item, 0);
  walk_index(item, open);
  progress();
  if (depth == FileCheck::Depth::full)
    read_all(item, open, bounds, progress);
  else
    read_ends(item, open, bounds);
}

}  // namespace serried::guard
