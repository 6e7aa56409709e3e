#include "array/strided_copy.hpp"

#include <algorithm>
#include <cstdlib>
#include <cstring>

namespace serried {
namespace {

template <std::size_t item>
void copy_items(std::int64_t count, std::byte* to, std::int64_t to_stride, const std::byte* from,
                std::int64_t from_stride) {
  for (std::int64_t i = 0; i < count; ++i)
    std::memcpy(to + i * to_stride, from + i * from_stride, item);
}

void copy_run(const CopyAxis& axis, std::int64_t item_bytes, std::byte* to, const std::byte* from) {
  if (axis.to == item_bytes && axis.from == item_bytes) {
    std::memcpy(to, from, static_cast<std::size_t>(axis.extent * item_bytes));
    return;
  }
  switch (item_bytes) {
    case 1:
      return copy_items<1>(axis.extent, to, axis.to, from, axis.from);
    case 2:
      return copy_items<2>(axis.extent, to, axis.to, from, axis.from);
    case 4:
      return copy_items<4>(axis.extent, to, axis.to, from, axis.from);
    case 8:
      return copy_items<8>(axis.extent, to, axis.to, from, axis.from);
    case 16:
      return copy_items<16>(axis.extent, to, axis.to, from, axis.from);
    default:
      for (std::int64_t i = 0; i < axis.extent; ++i)
        std::memcpy(to + i * axis.to, from + i * axis.from, static_cast<std::size_t>(item_bytes));
  }
}

// Two axes of which one is short in steps here, the other there: in squares that fit the first
// cache.
void copy_squares(const CopyAxis& outer, const CopyAxis& inner, std::int64_t item_bytes,
                  std::byte* to, const std::byte* from) {
  constexpr std::int64_t side = 32;
  const bool is_one_copy = inner.to == item_bytes && inner.from == item_bytes;
  const std::int64_t width = is_one_copy ? inner.extent : side;
  for (std::int64_t i = 0; i < outer.extent; i += side)
    for (std::int64_t j = 0; j < inner.extent; j += width) {
      const std::int64_t end = std::min(outer.extent, i + side);
      CopyAxis run = inner;
      run.extent = std::min(width, inner.extent - j);
      for (std::int64_t k = i; k < end; ++k)
        copy_run(run, item_bytes, to + k * outer.to + j * inner.to,
                 from + k * outer.from + j * inner.from);
    }
}

// Eight rows of bytes, or four of 2-byte items, become columns: in each step, items change places
// between two rows of which one has a bit of the row's number set.
template <int rows, int half>
void turn_words(std::uint64_t (&words)[rows]) {
  constexpr int item_bits = 64 / rows;
  constexpr std::uint64_t item = ~std::uint64_t{0} >> (64 - item_bits);
  constexpr std::uint64_t mask = [] {  // of items whose number has the bit not set
    std::uint64_t bits = 0;
    for (int i = 0; i < rows; ++i)
      if ((i & half) == 0) bits |= item << (i * item_bits);
    return bits;
  }();
#pragma GCC unroll 8
  for (int i = 0; i < rows; ++i) {
    if ((i & half) != 0) continue;
    const std::uint64_t change = ((words[i] >> (half * item_bits)) ^ words[i + half]) & mask;
    words[i] ^= change << (half * item_bits);
    words[i + half] ^= change;
  }
  if constexpr (half > 1) turn_words<rows, half / 2>(words);
}

// A square of items of 1 or 2 bytes, of which rows lie in one piece in the source and columns in
// the target: by way of memory in the first cache, many items at a time.
template <std::size_t item>
class Square {
 public:
  static constexpr std::int64_t side = 128;

  void turn(std::byte* to, std::int64_t to_stride, const std::byte* from,
            std::int64_t from_stride) {
    constexpr std::size_t bytes = static_cast<std::size_t>(side) * item;
    for (std::int64_t row = 0; row < side; ++row)
      std::memcpy(rows_[row], from + row * from_stride, bytes);
    constexpr int words = 8 / item;  // columns that are turned together
    for (std::int64_t column = 0; column < side; column += words)
      for (std::int64_t row = 0; row < side; row += words) {
        std::byte* const line = to + column * to_stride + row * std::int64_t{item};
        const std::size_t at = static_cast<std::size_t>(column) * item;
        std::uint64_t turned[words];
#pragma GCC unroll 8
        for (int i = 0; i < words; ++i) std::memcpy(&turned[i], rows_[row + i] + at, 8);
        turn_words<words, words / 2>(turned);
#pragma GCC unroll 8
        for (int i = 0; i < words; ++i) std::memcpy(line + i * to_stride, &turned[i], 8);
      }
  }

 private:
  // longer than a power of two: else a column's items would share few places of the cache
  std::byte rows_[side][side * item + 64];
};

// The outer axis lies in one piece in the source, the inner one in the target.
template <std::size_t item>
void copy_turned(const CopyAxis& outer, const CopyAxis& inner, std::byte* to,
                 const std::byte* from) {
  Square<item> square;
  constexpr std::int64_t side = Square<item>::side;
  const std::int64_t rows = inner.extent / side * side;
  const std::int64_t columns = outer.extent / side * side;
  for (std::int64_t row = 0; row < rows; row += side)
    for (std::int64_t column = 0; column < columns; column += side)
      square.turn(to + column * outer.to + row * inner.to, outer.to,
                  from + column * outer.from + row * inner.from, inner.from);
  // what is left over at the ends
  const auto bytes = static_cast<std::int64_t>(item);
  copy_squares(outer, {inner.extent - rows, inner.to, inner.from}, bytes, to + rows * inner.to,
               from + rows * inner.from);
  copy_squares({outer.extent - columns, outer.to, outer.from}, {rows, inner.to, inner.from}, bytes,
               to + columns * outer.to, from + columns * outer.from);
}

void copy_pair(const CopyAxis& outer, const CopyAxis& inner, std::int64_t item_bytes, std::byte* to,
               const std::byte* from) {
  const bool is_turned = inner.to == item_bytes && outer.from == item_bytes;
  if (is_turned && item_bytes == 1) return copy_turned<1>(outer, inner, to, from);
  if (is_turned && item_bytes == 2) return copy_turned<2>(outer, inner, to, from);
  copy_squares(outer, inner, item_bytes, to, from);
}

void copy_axes(std::span<const CopyAxis> axes, std::int64_t item_bytes, std::byte* to,
               const std::byte* from) {
  if (axes.size() == 1) return copy_run(axes[0], item_bytes, to, from);
  if (axes.size() == 2) return copy_pair(axes[0], axes[1], item_bytes, to, from);
  for (std::int64_t i = 0; i < axes[0].extent; ++i)
    copy_axes(axes.subspan(1), item_bytes, to + i * axes[0].to, from + i * axes[0].from);
}

}  // namespace

std::vector<std::int64_t> c_strides(const Shape& extents, std::int64_t item_bytes) {
  std::vector<std::int64_t> strides(static_cast<std::size_t>(extents.dimensions()));
  for (int axis = extents.dimensions() - 1; axis >= 0; --axis) {
    strides[static_cast<std::size_t>(axis)] = item_bytes;
    item_bytes *= extents[axis];
  }
  return strides;
}

std::vector<CopyAxis> merged_axes(std::span<const CopyAxis> axes) {
  std::vector<CopyAxis> merged;
  for (const CopyAxis& axis : axes) {
    if (axis.extent == 1) continue;
    if (!merged.empty() && merged.back().to == axis.extent * axis.to &&
        merged.back().from == axis.extent * axis.from)
      merged.back() = {merged.back().extent * axis.extent, axis.to, axis.from};
    else
      merged.push_back(axis);
  }
  return merged;
}

void copy_strided(std::span<const CopyAxis> block, std::int64_t item_bytes, std::byte* to,
                  const std::byte* from) {
  if (std::ranges::any_of(block, [](const CopyAxis& axis) { return axis.extent == 0; })) return;
  std::vector<CopyAxis> axes = merged_axes(block);
  if (axes.empty()) axes.push_back({1, item_bytes, item_bytes});
  // the axis of the shortest steps in the source comes last but one, that of the target last
  const auto move_to_end = [&](auto step_of) {
    const auto least = std::ranges::min_element(axes, {}, step_of);
    std::rotate(least, least + 1, axes.end());
  };
  move_to_end([](const CopyAxis& axis) { return std::abs(axis.from); });
  move_to_end([](const CopyAxis& axis) { return std::abs(axis.to); });
  copy_axes(axes, item_bytes, to, from);
}

void copy_strided(const Shape& extents, std::int64_t item_bytes, std::byte* to,
                  std::span<const std::int64_t> to_strides, const std::byte* from,
                  std::span<const std::int64_t> from_strides) {
  std::vector<CopyAxis> axes;
  for (int i = 0; i < extents.dimensions(); ++i) {
    const auto at = static_cast<std::size_t>(i);
    axes.push_back({extents[i], to_strides[at], from_strides[at]});
  }
  copy_strided(axes, item_bytes, to, from);
}

}  // namespace serried
