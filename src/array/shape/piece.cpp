#include "array/shape/piece.hpp"

#include <algorithm>
#include <cstdlib>
#include <utility>

#include "serried/base/row_range.hpp"

namespace serried {
namespace {

constexpr std::int64_t divide_up(std::int64_t a, std::int64_t b) {
  return a / b + (a % b != 0);
}

/// Chunks' extents are multiples of this, so that transposes go by whole squares
/// (strided_copy.cpp).
constexpr std::int64_t whole_squares = 128;

/// Those loop numbers of `loops` at which origin + number * step lies in the rows.
RowRange numbers_within(RowRange numbers, std::int64_t origin, std::int64_t step, RowRange rows) {
  if (step < 0) return numbers_within(numbers, -origin, -step, {1 - rows.end, 1 - rows.begin});
  const auto first_at = [&](std::int64_t row) {
    return row <= origin ? 0 : divide_up(row - origin, step);
  };
  return intersect(numbers, {first_at(rows.begin), first_at(rows.end)});
}

/// One side of a box on one rank.
struct Side {
  const Place& place;
  std::span<const std::int64_t> origin;
  RowRange rows;

  Side(const Place& of, std::span<const std::int64_t> begin, int rank)
      : place(of),
        origin(begin),
        rows(of.cuts.empty() ? RowRange{0, INT64_MAX}
                             : RowRange{of.cuts[static_cast<std::size_t>(rank)],
                                        of.cuts[static_cast<std::size_t>(rank) + 1]}) {}

  [[nodiscard]] bool is_split(int axis) const {
    return !place.cuts.empty() && axis == place.split_axis;
  }
  [[nodiscard]] RowRange within(RowRange numbers, int axis, std::int64_t step) const {
    return is_split(axis)
               ? numbers_within(numbers, origin[static_cast<std::size_t>(axis)], step, rows)
               : numbers;
  }
  [[nodiscard]] std::int64_t stride(int axis, std::int64_t step) const {
    return axis < 0 ? 0 : step * place.strides[static_cast<std::size_t>(axis)];
  }
  /// Where the origin lies in the rank's part.
  [[nodiscard]] std::int64_t offset() const {
    std::int64_t bytes = 0;
    for (std::size_t axis = 0; axis < origin.size(); ++axis)
      bytes += (origin[axis] - (is_split(static_cast<int>(axis)) ? rows.begin : 0)) *
               place.strides[axis];
    return bytes;
  }
};

}  // namespace

std::optional<Piece> piece_between(const Box& box, const Place& from, int source, const Place& to,
                                   int target, std::int64_t item_bytes) {
  if (from.cuts.empty() && source != target) return std::nullopt;
  const Side here(from, box.from_origin, source);
  const Side there(to, box.to_origin, target);
  Piece piece{.axes = {}, .to = there.offset(), .from = here.offset()};
  bool has_here = true;
  bool has_there = true;
  for (const BoxLoop& loop : box.loops) {
    RowRange numbers{0, loop.count};
    numbers = here.within(numbers, loop.from_axis, loop.from_step);
    numbers = there.within(numbers, loop.to_axis, loop.to_step);
    if (numbers.is_empty()) return std::nullopt;
    has_here = has_here && !here.is_split(loop.from_axis);
    has_there = has_there && !there.is_split(loop.to_axis);
    const CopyAxis axis{.extent = numbers.size(),
                        .to = there.stride(loop.to_axis, loop.to_step),
                        .from = here.stride(loop.from_axis, loop.from_step)};
    piece.to += numbers.begin * axis.to;
    piece.from += numbers.begin * axis.from;
    if (axis.extent > 1) piece.axes.push_back(axis);
  }
  // a split axis without a loop has one index, on one rank
  const auto is_elsewhere = [](const Side& side) {
    return !side.place.cuts.empty() &&
           !side.rows.contains(side.origin[static_cast<std::size_t>(side.place.split_axis)]);
  };
  if ((has_here && is_elsewhere(here)) || (has_there && is_elsewhere(there))) return std::nullopt;
  std::ranges::stable_sort(piece.axes, std::greater<>{},
                           [](const CopyAxis& axis) { return std::abs(axis.from); });
  piece.axes = merged_axes(piece.axes);
  if (piece.axes.empty()) piece.axes.push_back({1, item_bytes, item_bytes});
  return piece;
}

std::int64_t Piece::bytes(std::int64_t item_bytes, bool has_repeats) const {
  std::int64_t product = item_bytes;
  for (const CopyAxis& axis : axes)
    if (axis.from != 0 || has_repeats) product *= axis.extent;
  return product;
}

bool Piece::is_run(std::int64_t item_bytes) const {
  return axes.size() == 1 && axes[0].to == item_bytes && axes[0].from == item_bytes;
}

bool Piece::is_turned() const {
  return std::ranges::any_of(
      axes, [&](const CopyAxis& axis) { return std::abs(axis.to) < std::abs(axes.back().to); });
}

namespace {

/// The strides in a message stand in `to`.
std::vector<CopyAxis> in_message(std::vector<CopyAxis> axes, std::int64_t item_bytes) {
  std::int64_t stride = item_bytes;
  for (auto axis = axes.rbegin(); axis != axes.rend(); ++axis) {
    axis->to = axis->from == 0 ? 0 : stride;
    if (axis->from != 0) stride *= axis->extent;
  }
  return axes;
}

}  // namespace

std::vector<CopyAxis> Piece::packing(std::int64_t item_bytes) const {
  std::vector<CopyAxis> packed = in_message(axes, item_bytes);
  std::erase_if(packed, [](const CopyAxis& axis) { return axis.from == 0; });
  return packed;
}

std::vector<CopyAxis> Piece::unpacking(std::int64_t item_bytes) const {
  std::vector<CopyAxis> packed = in_message(axes, item_bytes);
  for (std::size_t i = 0; i < packed.size(); ++i) {
    packed[i].from = packed[i].to;
    packed[i].to = axes[i].to;
  }
  return packed;
}

Chunks::Chunks(Piece piece, std::int64_t item_bytes, std::int64_t most_bytes, bool has_repeats)
    : piece_(std::move(piece)) {
  for (const CopyAxis& axis : piece_.axes) extents_.push_back(axis.extent);
  std::int64_t bytes = piece_.bytes(item_bytes, has_repeats);
  while (bytes > most_bytes) {
    std::size_t longest = extents_.size();
    for (std::size_t i = 0; i < extents_.size(); ++i)
      if ((piece_.axes[i].from != 0 || has_repeats) &&
          (longest == extents_.size() || extents_[i] > extents_[longest]))
        longest = i;
    bytes /= extents_[longest];
    extents_[longest] = divide_up(extents_[longest], 2);
    if (extents_[longest] > whole_squares) extents_[longest] -= extents_[longest] % whole_squares;
    bytes *= extents_[longest];
  }
  for (std::size_t i = 0; i < extents_.size(); ++i)
    count_ *= divide_up(piece_.axes[i].extent, extents_[i]);
}

Piece Chunks::operator[](std::int64_t index) const {
  Piece chunk = piece_;
  for (std::size_t i = extents_.size(); i-- > 0;) {
    CopyAxis& axis = chunk.axes[i];
    const std::int64_t chunks = divide_up(axis.extent, extents_[i]);
    const std::int64_t begin = index % chunks * extents_[i];
    index /= chunks;
    axis.extent = std::min(extents_[i], axis.extent - begin);
    chunk.to += begin * axis.to;
    chunk.from += begin * axis.from;
  }
  return chunk;
}

}  // namespace serried
