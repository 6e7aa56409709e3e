#include "io/transposition.hpp"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <cstring>
#include <vector>

namespace serried {
namespace {

struct Axis {
  std::int64_t extent;
  std::int64_t to;
  std::int64_t from;
};

/// Drops axes of extent 1 and joins neighbours that are contiguous on both sides.
std::vector<Axis> simplify(std::span<const std::int64_t> to, std::span<const std::int64_t> from,
                           std::span<const std::int64_t> extents) {
  std::vector<Axis> axes;
  for (std::size_t i = 0; i < extents.size(); ++i) {
    if (extents[i] == 1) continue;
    if (!axes.empty() && axes.back().to == to[i] * extents[i] &&
        axes.back().from == from[i] * extents[i])
      axes.back() = {axes.back().extent * extents[i], to[i], from[i]};
    else
      axes.push_back({extents[i], to[i], from[i]});
  }
  return axes;
}

/// The two innermost axes, in squares that fit the cache on both sides.
template <class T>
void copy_plane(T* to, const T* from, const Axis& rows, const Axis& columns) {
  if (columns.to == 1 && columns.from == 1) {
    for (std::int64_t r = 0; r < rows.extent; ++r)
      std::memcpy(to + r * rows.to, from + r * rows.from,
                  static_cast<std::size_t>(columns.extent) * sizeof(T));
    return;
  }
  constexpr std::int64_t edge = 32;
  for (std::int64_t r0 = 0; r0 < rows.extent; r0 += edge) {
    const std::int64_t r1 = std::min(rows.extent, r0 + edge);
    for (std::int64_t c0 = 0; c0 < columns.extent; c0 += edge) {
      const std::int64_t c1 = std::min(columns.extent, c0 + edge);
      for (std::int64_t r = r0; r < r1; ++r)
        for (std::int64_t c = c0; c < c1; ++c)
          to[r * rows.to + c * columns.to] = from[r * rows.from + c * columns.from];
    }
  }
}

template <class T>
void copy_axes(T* to, const T* from, std::span<const Axis> outer, const Axis& rows,
               const Axis& columns) {
  if (outer.empty()) {
    copy_plane(to, from, rows, columns);
    return;
  }
  for (std::int64_t i = 0; i < outer.front().extent; ++i)
    copy_axes(to + i * outer.front().to, from + i * outer.front().from, outer.subspan(1), rows,
              columns);
}

template <class T>
void copy_typed(std::byte* to, const std::byte* from, std::vector<Axis> axes) {
  const Axis one{1, 0, 0};
  // The writer's fastest axis and the reader's fastest axis form the plane.
  const auto take_fastest = [&](std::int64_t Axis::*stride) {
    if (axes.empty()) return one;
    const auto fastest = std::min_element(
        axes.begin(), axes.end(),
        [&](const Axis& a, const Axis& b) { return std::abs(a.*stride) < std::abs(b.*stride); });
    const Axis axis = *fastest;
    axes.erase(fastest);
    return axis;
  };
  const Axis columns = take_fastest(&Axis::to);
  const Axis rows = take_fastest(&Axis::from);
  copy_axes(reinterpret_cast<T*>(to), reinterpret_cast<const T*>(from), std::span<const Axis>(axes),
            rows, columns);
}

}  // namespace

void copy_transposed(std::byte* to, std::span<const std::int64_t> to_strides, const std::byte* from,
                     std::span<const std::int64_t> from_strides,
                     std::span<const std::int64_t> extents, std::size_t element_bytes) {
  if (std::find(extents.begin(), extents.end(), 0) != extents.end()) return;
  const std::vector<Axis> axes = simplify(to_strides, from_strides, extents);
  switch (element_bytes) {
    case 1:
      return copy_typed<std::uint8_t>(to, from, axes);
    case 2:
      return copy_typed<std::uint16_t>(to, from, axes);
    case 4:
      return copy_typed<std::uint32_t>(to, from, axes);
    case 8:
      return copy_typed<std::uint64_t>(to, from, axes);
    default:  // c128
      return copy_typed<std::array<std::uint64_t, 2>>(to, from, axes);
  }
}

}  // namespace serried
