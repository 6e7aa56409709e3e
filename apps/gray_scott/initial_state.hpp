#pragma once

#include <array>
#include <cstdint>
#include <utility>

#include "parameters.hpp"

namespace gray_scott {

/// u and v of a cell at time 0: u = 1 and v = 0 but for a few boxes of u = 1/2, v = 1/4, and
/// everywhere noise of one per cent. A function of the cell's global index and the seed alone.
[[nodiscard]] std::pair<double, double> initial_state(const Parameters& parameters,
                                                      const std::array<std::int64_t, 3>& cell);

}  // namespace gray_scott
