#pragma once

#include <string>
#include <vector>

#include "io/metadata.hpp"
#include "io/wire.hpp"
#include "serried/device/backend.hpp"
#include "serried/io/dataset.hpp"

namespace serried {

/// Reads the dimension scales of some axes of a part's first dataset, with its selection applied.
/// Axes longer than 2^24, and scales without numbers, have none. Local.
/// @param samples axes of the part's shape; Coordinate::axis is the position in this list.
/// @throws IoError.
[[nodiscard]] std::vector<Coordinate> read_coordinates(const PartMeta& part,
                                                       const std::vector<int>& samples,
                                                       bool is_decoding, const Backend& backend);

/// The values of some indices of a coordinate's axis. Local.
[[nodiscard]] Coordinate select_of(const Coordinate& coordinate, const SelectedAxis& axis);

void put_coordinates(WireWriter& wire, const std::vector<Coordinate>& coordinates);
[[nodiscard]] std::vector<Coordinate> get_coordinates(WireReader& wire);

}  // namespace serried
