#pragma once

#include <array>
#include <cstdint>

#include "serried/base/shape.hpp"

namespace gray_scott {

/// What is simulated: two substances u and v that react (u + 2v -> 3v) and diffuse, u fed, v
/// drained.
///   du/dt = Du lap(u) - u v^2 + feed (1 - u)
///   dv/dt = Dv lap(v) + u v^2 - (feed + kill) v
/// (Pearson, "Complex patterns in a simple system", Science 261, 1993.) Lengths are in cells,
/// periodic.
struct Parameters {
  /// Cells along each axis; {rows, 1, columns} in two dimensions. Axis 0 is cut among the ranks.
  std::array<std::int64_t, 3> cells = {256, 1, 256};
  bool is_3d = false;
  double du = 0.16;
  double dv = 0.08;
  double feed = 0.0545;
  double kill = 0.062;
  double dt = 1.0;
  std::uint64_t seed = 1;
};

/// The shape of some planes of axis 0: two or three axes.
/// Local.
[[nodiscard]] inline serried::Shape local_shape(const Parameters& parameters, std::int64_t planes) {
  if (parameters.is_3d) return {planes, parameters.cells[1], parameters.cells[2]};
  return {planes, parameters.cells[2]};
}

}  // namespace gray_scott
