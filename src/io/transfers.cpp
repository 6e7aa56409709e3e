#include "io/transfers.hpp"

#include <array>
#include <utility>

#include "io/element_boxes.hpp"

namespace serried {
namespace {

/// The block of one item; `begin` and `count` are those of the part's axes behind the series axis.
Transfer make_transfer(const ItemMeta& item, const std::int64_t* begin, const std::int64_t* count,
                       const std::int64_t* strides, std::int64_t offset) {
  Transfer transfer;
  transfer.item = &item;
  transfer.offset = offset;
  transfer.elements = 1;
  std::size_t kept = 0;
  for (const SelectedAxis& axis : item.axes) {
    transfer.begin.push_back(axis.is_dropped ? 0 : axis.in_file_order(begin[kept], count[kept]));
    transfer.count.push_back(axis.is_dropped ? 1 : count[kept]);
    transfer.strides.push_back(axis.is_dropped    ? 0
                               : axis.is_reversed ? -strides[kept]
                                                  : strides[kept]);
    if (axis.is_reversed) transfer.offset += (count[kept] - 1) * strides[kept];
    transfer.elements *= transfer.count.back();
    if (!axis.is_dropped) ++kept;
  }
  return transfer;
}

}  // namespace

std::vector<Transfer> plan_transfers(const PartMeta& part, const PartGeometry& geometry,
                                     RowRange rows, std::int64_t row_elements) {
  std::vector<Transfer> transfers;
  std::int64_t first_row = 0;
  for (const ElementBox& box : cut_into_boxes(geometry.samples, rows, INT64_MAX)) {
    std::array<std::int64_t, max_dimensions> begin{};
    std::array<std::int64_t, max_dimensions> count{};
    for (std::size_t i = 0; i < geometry.roles.samples.size(); ++i) {
      const auto axis = static_cast<std::size_t>(geometry.roles.samples[i]);
      begin[axis] = box.start[i];
      count[axis] = box.extent[i];
    }
    for (const int axis : geometry.roles.features)
      count[static_cast<std::size_t>(axis)] = part.shape[axis];
    const std::int64_t offset = first_row * row_elements + geometry.feature_begin;
    first_row += box.elements;
    const std::size_t series = part.is_series ? 1 : 0;
    const std::int64_t first_item = part.is_series ? begin[0] : 0;
    const std::int64_t items = part.is_series ? count[0] : 1;
    for (std::int64_t i = 0; i < items; ++i) {
      const ItemMeta& item = part.items[static_cast<std::size_t>(first_item + i)];
      Transfer transfer = make_transfer(item, begin.data() + series, count.data() + series,
                                        geometry.strides.data() + series,
                                        offset + (part.is_series ? i * geometry.strides[0] : 0));
      if (transfer.elements > 0) transfers.push_back(std::move(transfer));
    }
  }
  return transfers;
}

}  // namespace serried
