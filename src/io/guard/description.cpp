#include "io/guard/description.hpp"

#include <algorithm>
#include <cstdint>

#include "io/coordinates.hpp"
#include "io/geometry.hpp"
#include "io/metadata.hpp"
#include "io/wire.hpp"
#include "serried/base/error.hpp"

namespace serried::guard {
namespace {

void require(bool is_sound) {
  if (!is_sound) throw Error(ErrorKind::internal, "a description makes no sense");
}

void require_axis(const SelectedAxis& axis, std::int64_t extent) {
  require(extent >= 0 && axis.start >= 0 && axis.step >= 1 && axis.count >= 0);
  if (axis.count == 0) return;
  require(axis.start < extent && axis.count - 1 <= (extent - 1 - axis.start) / axis.step);
  require(!axis.is_dropped || axis.count == 1);
}

/// Elements are read in the type's size into memory that is sized by the rule.
void require_rule(const ItemMeta& item, DType dtype) {
  const DecodeRule& rule = item.rule;
  require(is_real(item.type.dtype) && is_real(rule.raw) && is_real(rule.result));
  require(size_of(item.type.dtype) == size_of(rule.raw) && rule.result == dtype);
  require(rule.arithmetic == DType::f32 || rule.arithmetic == DType::f64);
}

void require_item(const ItemMeta& item, DType dtype) {
  require_rule(item, dtype);
  const std::size_t axes = item.extents.size();
  require(axes <= static_cast<std::size_t>(max_dimensions) && item.axes.size() == axes);
  require(item.chunks.empty() || item.chunks.size() == axes);
  for (std::size_t a = 0; a < axes; ++a) require_axis(item.axes[a], item.extents[a]);
  std::int64_t room = most_chunk_elements;
  for (const std::int64_t extent : item.chunks) {
    require(extent >= 1 && extent <= room);
    room /= extent;
  }
}

void require_part(const PartMeta& part, DType dtype) {
  require(!part.items.empty() && (part.is_series || part.items.size() == 1));
  for (const ItemMeta& item : part.items) {
    require_item(item, dtype);
    const Shape shape = selected_shape(item.axes);
    require(part.shape ==
            (part.is_series ? shape.with_inserted(0, static_cast<std::int64_t>(part.items.size()))
                            : shape));
  }
  static_cast<void>(part.shape.elements());  // throws where there would be too many
}

void require_coordinate(const Coordinate& coordinate, const Shape& samples) {
  require(coordinate.axis >= 0 && coordinate.axis < samples.dimensions());
  require(is_real(coordinate.dtype));
  const auto values = coordinate.values.size();
  require(static_cast<std::int64_t>(values) == samples[coordinate.axis]);
  require(coordinate.bytes.empty() ||
          coordinate.bytes.size() == values * size_of(coordinate.dtype));
}

}  // namespace

Described take_description(const std::string& bytes, std::size_t addresses,
                           const DatasetOptions& options) {
  Described found;
  WireReader wire(bytes);
  wire.get(found.metadata);
  wire.get(found.annotations);
  const DatasetMeta meta = DatasetMeta::from_bytes(found.metadata);
  require(meta.parts.size() == addresses && is_real(meta.dtype));
  for (const PartMeta& part : meta.parts) require_part(part, meta.dtype);
  const PartMeta& first = meta.parts.front();
  const AxisRoles roles =
      resolve_roles(options.samples, first.shape, size_of(meta.dtype), first.text);
  const Shape samples = extents_of(first.shape, roles.samples);
  WireReader annotations(found.annotations);
  for (const Coordinate& coordinate : get_annotations(annotations).coordinates)
    require_coordinate(coordinate, samples);
  return found;
}

}  // namespace serried::guard
