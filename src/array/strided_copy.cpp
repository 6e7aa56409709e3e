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
void copy_transposed(const CopyAxis& outer, const CopyAxis& inner, std::int64_t item_bytes,
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

void copy_axes(std::span<const CopyAxis> axes, std::int64_t item_bytes, std::byte* to,
               const std::byte* from) {
  if (axes.size() == 1) return copy_run(axes[0], item_bytes, to, from);
  if (axes.size() == 2) return copy_transposed(axes[0], axes[1], item_bytes, to, from);
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
