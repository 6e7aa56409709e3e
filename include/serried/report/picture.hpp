#pragma once

#include <string>
#include <utility>

#include "serried/base/api.hpp"
#include "serried/report/plane.hpp"

namespace SERRIED_API serried {

/// The least and the largest finite number of a plane; {0, 0} where there is none. Local.
[[nodiscard]] std::pair<double, double> range_of(const Plane& plane);

/// A PNG file with one pixel for each number of a plane: numbers between `range` in viridis's
/// colours, labels in colours that differ, NaN and what was left out in grey. Local, and the same
/// bytes for the same plane.
[[nodiscard]] std::string cells_png(const Plane& plane, std::pair<double, double> range);

/// A PNG file for people: the plane with title, axes and colour bar or key; a line where the plane
/// has one row. Its text "Serried cells" tells where the cells are: x, y, width, height, columns
/// and rows. Local, and the same bytes for the same plane.
[[nodiscard]] std::string picture_png(const Plane& plane);

}  // namespace serried
