#pragma once

#include "serried/report/plane.hpp"

namespace serried::picture {

/// Pixels for the cells of a picture.
struct Extents {
  int width = 0;
  int height = 0;
};

/// Local.
[[nodiscard]] Extents extents_of(const Plane& plane);

/// Width by height: as the axes' lengths are, where both have the same units, else as their
/// numbers of indices; from 1/2 to 4. Local.
[[nodiscard]] double aspect_of(const Plane& plane);

}  // namespace serried::picture
