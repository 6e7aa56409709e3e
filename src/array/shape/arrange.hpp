#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "array/shape/box_copy.hpp"
#include "base/checked_axis.hpp"
#include "serried/array/array.hpp"

namespace serried {

/// Several axes by checked_axis, each once; none given: all of them, if `is_all_of_none`. Local.
[[nodiscard]] std::vector<int> checked_axes(const Shape& shape, std::span<const int> axes,
                                            bool is_all_of_none = false);
/// @throws InvalidArgument for an array on a device. Local.
void require_host(const Array& array);

[[nodiscard]] Shape shape_of(std::span<const std::int64_t> extents);
[[nodiscard]] std::vector<std::int64_t> extents_of(const Shape& shape);
/// Local.
[[nodiscard]] Layout uniform_layout(const Context& ctx, std::int64_t rows);
/// Memory for a result: split along an axis in tiles of a layout (uniform ones if there is none),
/// or replicated, as a 0-d one is in any case. Collective.
[[nodiscard]] Array empty_array(const Context& ctx, const Shape& shape, DType dtype,
                                std::optional<int> split_axis,
                                const std::optional<Layout>& layout = std::nullopt);
/// The split axis; none of replicated arrays. Local.
[[nodiscard]] std::optional<int> split_of(const Array& array);

[[nodiscard]] Place place_of(const Array& array);
/// The box of all elements, each at its index. Local.
[[nodiscard]] Box whole_box(const Shape& shape, std::size_t source = 0);
/// @throws InvalidArgument where a shape cannot be broadcast to the other. Local.
void check_broadcast(const Shape& from, const Shape& to);
/// The box of a result that repeats the source along axes of extent 1 and new ones in front.
[[nodiscard]] Box broadcast_box(const Shape& from, const Shape& to);
/// Copies boxes between arrays of one dtype; `is_local` says that all of them stay on their ranks,
/// at the price of an error in the result if they do not. Collective, Local if `is_local`.
void copy_boxes(Array& to, std::span<const Array> from, std::span<const Box> boxes,
                bool is_local = false);
/// The array broadcast to a shape and lying elsewhere: replicated if there is no split axis. Itself
/// if it lies so. Collective.
[[nodiscard]] Array placed(const Array& array, const Shape& shape, std::optional<int> split_axis,
                           const std::optional<Layout>& layout);
/// The same array elsewhere; itself if it lies so. Collective.
[[nodiscard]] inline Array moved(const Array& array, int split_axis, const Layout& layout) {
  return placed(array, array.shape(), split_axis, layout);
}

/// The same memory under another shape: rows and their elements are as many as before, and lie as
/// they lay. Local.
[[nodiscard]] Array relabelled(const Array& array, const Shape& shape, int split_axis);

/// Part of an axis of a result, from part of the same axis of the source.
struct Segment {
  std::int64_t count = 0;
  std::int64_t to = 0;
  std::int64_t from = 0;       ///< -1: filled with a number
  std::int64_t from_step = 1;  ///< 0: one index again and again
  std::int64_t to_step = 1;
};
using Segments = std::vector<Segment>;

/// An array with other extents, each axis of which is made of segments; an axis without any is kept
/// as it is. Where the split axis is kept, so is the layout, and no element changes its rank; else
/// the result has uniform tiles. Collective.
/// @param fill a 0-d array of the dtype, for segments that come from nowhere.
[[nodiscard]] Array assembled(const Array& array, const Shape& shape,
                              const std::vector<Segments>& by_axis,
                              const std::optional<Array>& fill = std::nullopt);
/// The same along one axis.
[[nodiscard]] Array assembled(const Array& array, int axis, std::int64_t extent,
                              const Segments& segments);

}  // namespace serried
