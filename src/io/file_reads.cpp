#include "io/file_reads.hpp"

#include <algorithm>
#include <cstdlib>
#include <iterator>
#include <numeric>
#include <utility>

#include "io/chunk_slabs.hpp"

namespace serried {
namespace {

// What reading costs, measured with files in the page cache (src/io/README.md).
constexpr double call_seconds = 3e-6;
constexpr double piece_seconds = 4e-7;          ///< a run of a contiguous dataset
constexpr double chunk_piece_seconds = 4e-8;    ///< a run in a chunk
constexpr double stepped_piece_seconds = 3e-6;  ///< the same where an outer axis has a step
constexpr double byte_seconds = 1.5e-10;        ///< read, or copied to its place afterwards
constexpr double stored_byte_seconds = 2e-10;   ///< of a chunk that is loaded
/// Nearer than this, runs of a contiguous dataset are read with what lies between them: the page
/// cache holds the same pages either way.
constexpr std::int64_t near_bytes = 4096;
/// The same inside chunks.
constexpr std::int64_t near_bytes_in_chunk = 16384;

std::int64_t chunk_extent(const ItemMeta& item, std::size_t axis) {
  return item.chunks.empty() ? item.extents[axis] : std::max<std::int64_t>(1, item.chunks[axis]);
}

std::int64_t element_bytes(const ItemMeta& item) {
  return static_cast<std::int64_t>(size_of(item.rule.raw));
}

std::int64_t last_of(const FileBox& box, std::size_t axis) {
  return box.start[axis] + (box.count[axis] - 1) * box.step[axis];
}

FileBox box_of(const Transfer& transfer) {
  FileBox box;
  for (std::size_t i = 0; i < transfer.count.size(); ++i) {
    const SelectedAxis& axis = transfer.item->axes[i];
    box.start.push_back(axis.start + transfer.begin[i] * axis.step);
    box.step.push_back(transfer.count[i] > 1 ? axis.step : 1);
    box.count.push_back(transfer.count[i]);
  }
  return box;
}

/// The least box that has all indices of both.
FileBox hull(const FileBox& a, const FileBox& b) {
  FileBox box;
  for (std::size_t i = 0; i < a.count.size(); ++i) {
    const std::int64_t step =
        std::gcd(std::gcd(a.count[i] > 1 ? a.step[i] : 0, b.count[i] > 1 ? b.step[i] : 0),
                 std::abs(a.start[i] - b.start[i]));
    box.start.push_back(std::min(a.start[i], b.start[i]));
    box.step.push_back(std::max<std::int64_t>(1, step));
    box.count.push_back((std::max(last_of(a, i), last_of(b, i)) - box.start[i]) / box.step[i] + 1);
  }
  return box;
}

void fill_steps(FileBox& box, std::size_t axis) {
  box.count[axis] = (box.count[axis] - 1) * box.step[axis] + 1;
  box.step[axis] = 1;
}

/// Fills gaps between runs that are not worth leaving out. A gap of a contiguous dataset lies
/// between the last element of an index and the first of the next; filling it takes the inner axes
/// whole. Example: column 0 of (1000, 4) becomes all of it, column 0 of (1000, 10^6) stays.
FileBox fill_gaps(const ItemMeta& item, FileBox box) {
  const std::size_t axes = box.count.size();
  if (!item.chunks.empty()) {
    std::int64_t inner = element_bytes(item);
    for (std::size_t axis = axes; axis-- > 0;) {
      if (box.step[axis] > 1 && box.step[axis] <= chunk_extent(item, axis) &&
          (box.step[axis] - 1) * inner < near_bytes_in_chunk)
        fill_steps(box, axis);
      inner *= box.count[axis];
    }
    return box;
  }
  std::int64_t stride = element_bytes(item);
  std::int64_t span = stride;  // from the first to the last element of the inner axes
  for (std::size_t axis = axes; axis-- > 0;) {
    const std::int64_t gap = box.step[axis] * stride - span;
    if (box.count[axis] > 1 && gap > 0 && gap < near_bytes) {
      fill_steps(box, axis);
      for (std::size_t inner = axis + 1; inner < axes; ++inner) {
        box.start[inner] = 0;
        box.step[inner] = 1;
        box.count[inner] = item.extents[inner];
      }
      span = stride;
    }
    span += (box.count[axis] - 1) * box.step[axis] * stride;
    stride *= item.extents[axis];
  }
  return box;
}

/// Of the chunks that an axis' indices meet: the first, the last, and how many.
struct ChunkSpan {
  std::int64_t first = 0;
  std::int64_t last = 0;
  std::int64_t count = 0;
};

ChunkSpan chunk_span(const ItemMeta& item, const FileBox& box, std::size_t axis) {
  const std::int64_t extent = chunk_extent(item, axis);
  const std::int64_t first = box.start[axis] / extent;
  const std::int64_t last = last_of(box, axis) / extent;
  return {first, last, box.step[axis] > extent ? box.count[axis] : last - first + 1};
}

double chunks_in(const ItemMeta& item, const FileBox& box) {
  double chunks = 1;
  for (std::size_t i = 0; i < box.count.size(); ++i)
    chunks *= static_cast<double>(chunk_span(item, box, i).count);
  return chunks;
}

/// Chunks that both boxes meet, at most.
double chunks_in_both(const ItemMeta& item, const FileBox& a, const FileBox& b) {
  double chunks = 1;
  for (std::size_t i = 0; i < a.count.size(); ++i) {
    const ChunkSpan in_a = chunk_span(item, a, i);
    const ChunkSpan in_b = chunk_span(item, b, i);
    const std::int64_t common =
        std::min(in_a.last, in_b.last) - std::max(in_a.first, in_b.first) + 1;
    chunks *=
        static_cast<double>(std::max<std::int64_t>(0, std::min({common, in_a.count, in_b.count})));
  }
  return chunks;
}

/// Runs that lie one behind the other in the file, or in a chunk.
double pieces_of(const ItemMeta& item, const FileBox& box) {
  double pieces = 1;
  bool is_whole = true;
  for (std::size_t axis = box.count.size(); axis-- > 0;) {
    if (!is_whole || box.step[axis] > 1) pieces *= static_cast<double>(box.count[axis]);
    is_whole = is_whole && item.chunks.empty() && box.step[axis] == 1 &&
               box.count[axis] == item.extents[axis];
  }
  return pieces;
}

/// Whether the elements lie in the destination as in a read of them alone.
bool is_direct(const Transfer& transfer) {
  std::int64_t stride = 1;
  for (std::size_t axis = transfer.count.size(); axis-- > 0;) {
    if (transfer.count[axis] == 1) continue;
    if (transfer.strides[axis] != stride) return false;
    stride *= transfer.count[axis];
  }
  return size_of(transfer.item->rule.raw) == size_of(transfer.item->rule.result);
}

/// Transfers that are read together, and the least box around them.
struct Group {
  FileBox hull;
  FileBox box;  ///< with gaps filled
  std::vector<Transfer> users;
  std::int64_t elements = 0;  ///< of the users

  [[nodiscard]] bool is_exact() const { return users.size() == 1 && box.elements() == elements; }
};

/// What reading a group takes, without loading its chunks.
double seconds_of(const ItemMeta& item, const Group& group) {
  double piece = piece_seconds;
  if (!item.chunks.empty()) {
    const bool has_step = std::any_of(group.box.step.begin(), group.box.step.end(),
                                      [](std::int64_t step) { return step > 1; });
    piece = has_step ? stepped_piece_seconds : chunk_piece_seconds;
  }
  const bool is_in_place = group.is_exact() && is_direct(group.users.front());
  const std::int64_t elements = group.box.elements() + (is_in_place ? 0 : group.elements);
  return call_seconds + pieces_of(item, group.box) * piece +
         static_cast<double>(elements * element_bytes(item)) * byte_seconds;
}

Group group_of(std::vector<Transfer> users) {
  Group group{box_of(users.front()), {}, std::move(users)};
  for (const Transfer& user : group.users) {
    group.hull = hull(group.hull, box_of(user));
    group.elements += user.elements;
  }
  group.box = fill_gaps(*group.users.front().item, group.hull);
  return group;
}

/// Whether two groups should be one. Chunks that are decompressed are never more for that.
bool is_better_joined(const ItemMeta& item, const Group& a, const Group& b, const Group& both) {
  const double chunks = chunks_in(item, both.box);
  const double chunks_apart =
      chunks_in(item, a.box) + chunks_in(item, b.box) - chunks_in_both(item, a.box, b.box);
  if (item.is_filtered && chunks > chunks_apart) return false;
  const double stored = item.chunks.empty() ? 0. : static_cast<double>(chunk_bytes(item));
  return seconds_of(item, both) + chunks * stored * stored_byte_seconds <=
         seconds_of(item, a) + seconds_of(item, b) + chunks_apart * stored * stored_byte_seconds;
}

/// Joins transfers to the one before, in the order of the file, where that is cheaper.
std::vector<Group> join(std::vector<Transfer> transfers) {
  std::stable_sort(transfers.begin(), transfers.end(), [](const Transfer& a, const Transfer& b) {
    return box_of(a).start < box_of(b).start;
  });
  std::vector<Group> groups;
  for (const Transfer& transfer : transfers) {
    const ItemMeta& item = *transfer.item;
    Group next = group_of({transfer});
    if (groups.empty()) {
      groups.push_back(std::move(next));
      continue;
    }
    Group& last = groups.back();
    Group both{hull(last.hull, next.hull), {}, {}, last.elements + next.elements};
    both.box = fill_gaps(item, both.hull);
    if (is_better_joined(item, last, next, both)) {
      both.users = std::move(last.users);
      both.users.push_back(transfer);
      last = std::move(both);
    } else {
      groups.push_back(std::move(next));
    }
  }
  return groups;
}

/// What transfers have between two indices of an axis.
std::vector<Transfer> clip(const std::vector<Transfer>& transfers, std::size_t axis,
                           std::int64_t begin, std::int64_t end) {
  std::vector<Transfer> clipped;
  for (const Transfer& transfer : transfers) {
    const SelectedAxis& selected = transfer.item->axes[axis];
    const std::int64_t start = selected.start + transfer.begin[axis] * selected.step;
    const auto indices_before = [&](std::int64_t bound) {
      return bound <= start ? 0 : (bound - start + selected.step - 1) / selected.step;
    };
    const std::int64_t first = indices_before(begin);
    const std::int64_t last = std::min(indices_before(end), transfer.count[axis]);
    if (first >= last) continue;
    Transfer& piece = clipped.emplace_back(transfer);
    piece.elements = transfer.elements / transfer.count[axis] * (last - first);
    piece.begin[axis] += first;
    piece.count[axis] = last - first;
    piece.offset += first * transfer.strides[axis];
  }
  return clipped;
}

/// The reads of transfers that are read together, each within the limits.
void cut(const std::vector<Transfer>& users, const FileReadLimits& limits,
         std::vector<FileRead>& reads) {
  if (users.empty()) return;
  const ItemMeta& item = *users.front().item;
  Group group = group_of(users);
  if (limits.is_exact) group.box = group.hull;
  const std::int64_t elements = group.box.elements();
  const std::int64_t most = std::max<std::int64_t>(
      1, (group.is_exact() ? limits.piece_bytes : limits.slab_bytes) / element_bytes(item));
  if (elements <= most) {
    reads.push_back({&item, std::move(group.box), std::move(group.users)});
    return;
  }
  std::size_t axis = 0;
  while (group.box.count[axis] == 1) ++axis;
  const std::int64_t count = group.box.count[axis];
  const std::int64_t indices = std::max<std::int64_t>(1, most / (elements / count));
  for (std::int64_t at = 0; at < count; at += indices) {
    const std::int64_t step = group.box.step[axis];
    const std::int64_t begin = group.box.start[axis] + at * step;
    cut(clip(users, axis, begin, begin + indices * step), limits, reads);
  }
}

bool has_several_items(const std::vector<Transfer>& transfers) {
  return std::any_of(transfers.begin(), transfers.end(), [&](const Transfer& transfer) {
    return transfer.item != transfers.front().item;
  });
}

/// The reads of one dataset.
void plan_dataset(const std::vector<Transfer>& transfers, const FileReadLimits& limits,
                  std::vector<FileRead>& reads) {
  const auto read = [&](std::vector<Transfer> some) {
    for (const Group& group : join(std::move(some))) cut(group.users, limits, reads);
  };
  if (limits.is_exact) {
    for (const Transfer& transfer : transfers) cut({transfer}, limits, reads);
    return;
  }
  const ItemMeta& item = *transfers.front().item;
  if (!item.is_filtered || !has_several_items(transfers)) return read(transfers);
  FileBox all = box_of(transfers.front());
  for (const Transfer& transfer : transfers) all = hull(all, box_of(transfer));
  std::size_t axis = 0;
  while (axis < all.count.size() && chunk_span(item, all, axis).count == 1) ++axis;
  if (axis == all.count.size()) return read(transfers);
  const ChunkSpan span = chunk_span(item, all, axis);
  const double layer_bytes = chunks_in(item, all) / static_cast<double>(span.count) *
                             static_cast<double>(chunk_bytes(item));
  const auto layers = std::max<std::int64_t>(
      1, static_cast<std::int64_t>(static_cast<double>(limits.slab_bytes) / layer_bytes));
  const std::int64_t extent = chunk_extent(item, axis);
  for (std::int64_t chunk = span.first; chunk <= span.last; chunk += layers) {
    auto some = clip(transfers, axis, chunk * extent, (chunk + layers) * extent);
    if (!some.empty()) read(std::move(some));
  }
}

}  // namespace

std::int64_t FileBox::elements() const noexcept {
  std::int64_t product = 1;
  for (const std::int64_t indices : count) product *= indices;
  return product;
}

std::vector<FileRead> plan_file_reads(const std::vector<Transfer>& transfers,
                                      const FileReadLimits& limits) {
  std::vector<FileRead> reads;
  std::vector<std::vector<Transfer>> datasets;
  for (const Transfer& transfer : transfers) {
    if (transfer.item->is_constant) {
      reads.push_back({transfer.item, {}, {transfer}});
      continue;
    }
    const auto known = std::find_if(datasets.begin(), datasets.end(), [&](const auto& others) {
      return others.front().item->source == transfer.item->source;
    });
    if (known == datasets.end())
      datasets.push_back({transfer});
    else
      known->push_back(transfer);
  }
  for (const std::vector<Transfer>& same : datasets) plan_dataset(same, limits, reads);
  return reads;
}

std::vector<std::int64_t> chunks_of(std::int64_t start, std::int64_t step, std::int64_t count,
                                    std::int64_t chunk) {
  std::vector<std::int64_t> chunks;
  if (count == 0) return chunks;
  if (step > chunk) {
    for (std::int64_t i = 0; i < count; ++i) chunks.push_back((start + i * step) / chunk);
  } else {
    const std::int64_t last = (start + (count - 1) * step) / chunk;
    for (std::int64_t i = start / chunk; i <= last; ++i) chunks.push_back(i);
  }
  return chunks;
}

}  // namespace serried
