// Arrays put together, and taken apart.
#include <algorithm>
#include <string>

#include "array/shape/arrange.hpp"
#include "expr/promotion.hpp"
#include "serried/array/manipulation.hpp"
#include "serried/base/error.hpp"

namespace serried {
namespace {

/// Whether the boundaries of all tiles are the same, whoever owns them.
bool has_same_tiles(const Layout& a, const Layout& b) {
  if (a.tiles() != b.tiles()) return false;
  std::vector<std::int64_t> owners;
  for (int rank = 0; rank <= a.ranks(); ++rank) owners.push_back(a.first_tile(rank));
  return b.with_owners(owners) == a;
}

void check_joinable(const std::vector<Array>& arrays, int axis) {
  const Shape& first = arrays.front().shape();
  for (std::size_t i = 0; i < arrays.size(); ++i) {
    const Shape& shape = arrays[i].shape();
    require_host(arrays[i]);
    if (shape.dimensions() != first.dimensions())
      throw InvalidArgument(
          "all arrays to be concatenated must have the same number of dimensions, but array 0 is "
          "of shape " +
          first.to_string() + " and array " + std::to_string(i) + " of shape " + shape.to_string());
    for (int a = 0; a < shape.dimensions(); ++a)
      if (a != axis && shape[a] != first[a])
        throw InvalidArgument(
            "all extents but that of the axis to be concatenated along must be equal, but along "
            "axis " +
            std::to_string(a) + " array 0 has " + std::to_string(first[a]) + " and array " +
            std::to_string(i) + " has " + std::to_string(shape[a]));
  }
}

/// Parts between bounds, from 0 to the axis's extent; as slices.
std::vector<Array> parts_between(const Array& array, const std::vector<std::int64_t>& bounds,
                                 int axis) {
  std::vector<Array> parts;
  std::vector<Slice> slices(static_cast<std::size_t>(array.shape().dimensions()));
  for (std::size_t i = 0; i + 1 < bounds.size(); ++i) {
    slices[static_cast<std::size_t>(axis)] = {.begin = bounds[i], .end = bounds[i + 1]};
    parts.push_back(array.slice(slices));
  }
  return parts;
}

}  // namespace

Array concatenate(const std::vector<Array>& arrays, int axis) {
  if (arrays.empty()) throw InvalidArgument("need at least one array to concatenate");
  if (arrays.front().shape().dimensions() == 0)
    throw InvalidArgument("zero-dimensional arrays cannot be concatenated");
  const int along = checked_axis(arrays.front().shape(), axis);
  check_joinable(arrays, along);
  DType dtype = arrays.front().dtype();
  for (const Array& array : arrays) dtype = promote(dtype, array.dtype());
  std::vector<Array> from;
  for (const Array& array : arrays) from.push_back(array.cast(dtype));

  std::int64_t extent = 0;
  std::vector<Box> boxes;
  for (std::size_t i = 0; i < from.size(); ++i) {
    boxes.push_back(whole_box(from[i].shape(), i));
    boxes.back().to_origin[static_cast<std::size_t>(along)] = extent;
    extent += from[i].shape()[along];
  }
  const auto first_split =
      std::ranges::find_if(from, [](const Array& array) { return !array.is_replicated(); });
  const std::optional<int> split =
      first_split == from.end() ? std::nullopt : split_of(*first_split);
  std::optional<Layout> layout;
  bool is_local = false;
  if (split && *split != along) {
    const auto is_alike = [&](const Array& array, bool with_owners) {
      if (array.is_replicated()) return true;
      if (array.split_axis() != *split) return false;
      return with_owners ? array.layout() == first_split->layout()
                         : has_same_tiles(array.layout(), first_split->layout());
    };
    if (std::ranges::all_of(from, [&](const Array& array) { return is_alike(array, false); }))
      layout = first_split->layout();
    is_local = std::ranges::all_of(from, [&](const Array& array) { return is_alike(array, true); });
  }
  Array to = empty_array(from.front().context(), from.front().shape().with_extent(along, extent),
                         dtype, split, layout);
  copy_boxes(to, from, boxes, is_local);
  return to;
}

Array stack(const std::vector<Array>& arrays, int axis) {
  if (arrays.empty()) throw InvalidArgument("need at least one array to stack");
  std::vector<Array> expanded;
  for (const Array& array : arrays) {
    if (array.shape() != arrays.front().shape())
      throw InvalidArgument("all arrays to be stacked must have the same shape, but there are " +
                            arrays.front().shape().to_string() + " and " +
                            array.shape().to_string());
    expanded.push_back(expand_dims(array, axis));
  }
  return concatenate(expanded, axis);
}

std::vector<Array> array_split(const Array& array, std::int64_t sections, int axis) {
  if (sections < 1) throw InvalidArgument("number of sections must be larger than 0");
  const int along = checked_axis(array.shape(), axis);
  const std::int64_t extent = array.shape()[along];
  std::vector<std::int64_t> bounds;
  for (std::int64_t i = 0; i <= sections; ++i)
    bounds.push_back(extent / sections * i + std::min(i, extent % sections));
  return parts_between(array, bounds, along);
}

std::vector<Array> split(const Array& array, std::int64_t sections, int axis) {
  const int along = checked_axis(array.shape(), axis);
  if (sections > 0 && array.shape()[along] % sections != 0)
    throw InvalidArgument("an axis of " + std::to_string(array.shape()[along]) +
                          " indices cannot be split into " + std::to_string(sections) +
                          " equal parts; array_split makes parts of different lengths");
  return array_split(array, sections, axis);
}

std::vector<Array> split_at(const Array& array, const std::vector<std::int64_t>& indices,
                            int axis) {
  const int along = checked_axis(array.shape(), axis);
  std::vector<std::int64_t> bounds{0};
  bounds.insert(bounds.end(), indices.begin(), indices.end());
  bounds.push_back(array.shape()[along]);
  return parts_between(array, bounds, along);
}

}  // namespace serried
