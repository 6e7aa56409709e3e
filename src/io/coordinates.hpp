#pragma once

#include <string>
#include <utility>
#include <vector>

#include "io/metadata.hpp"
#include "io/wire.hpp"
#include "serried/device/backend.hpp"
#include "serried/io/dataset.hpp"

namespace serried {

/// What stands beside the values of a dataset.
struct Annotations {
  std::vector<Coordinate> coordinates;
  std::vector<std::pair<std::string, std::string>> text_attributes;  ///< its own: units, ...
};

/// Reads the text attributes of a part's first dataset, and the dimension scales of some of its
/// axes, with the part's selection applied. Axes longer than 2^24, and scales without numbers, have
/// none. Local.
/// @param samples axes of the part's shape; Coordinate::axis is the position in this list.
/// @throws IoError.
[[nodiscard]] Annotations read_annotations(const PartMeta& part, const std::vector<int>& samples,
                                           bool is_decoding, const Backend& backend);

/// The values of some indices of a coordinate's axis. Local.
[[nodiscard]] Coordinate select_of(const Coordinate& coordinate, const SelectedAxis& axis);

void put_annotations(WireWriter& wire, const Annotations& annotations);
[[nodiscard]] Annotations get_annotations(WireReader& wire);

}  // namespace serried
