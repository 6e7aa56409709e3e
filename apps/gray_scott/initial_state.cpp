#include "initial_state.hpp"

#include <algorithm>
#include <cstdlib>

#include "serried/base/philox.hpp"

namespace gray_scott {
namespace {

constexpr int boxes = 12;

// Streams of the seed: where the boxes are, and the noise.
constexpr std::uint64_t box_stream = 1;
constexpr std::uint64_t noise_stream = 2;

bool is_in_box(const Parameters& parameters, const std::array<std::int64_t, 3>& cell, int box) {
  for (std::size_t axis = 0; axis < 3; ++axis) {
    const std::int64_t n = parameters.cells[axis];
    // The first box lies in the middle, the others anywhere.
    const auto word = serried::philox_words(parameters.seed, box_stream,
                                            static_cast<std::uint64_t>(box) * 3 + axis)[0];
    const std::int64_t centre =
        box == 0 ? n / 2 : static_cast<std::int64_t>(word % static_cast<std::uint64_t>(n));
    const std::int64_t distance = std::abs(cell[axis] - centre);
    if (std::min(distance, n - distance) > std::max<std::int64_t>(n / 24, 1)) return false;
  }
  return true;
}

}  // namespace

std::pair<double, double> initial_state(const Parameters& parameters,
                                        const std::array<std::int64_t, 3>& cell) {
  bool is_seeded = false;
  for (int box = 0; box < boxes && !is_seeded; ++box) is_seeded = is_in_box(parameters, cell, box);
  const std::int64_t index =
      (cell[0] * parameters.cells[1] + cell[1]) * parameters.cells[2] + cell[2];
  const auto words =
      serried::philox_words(parameters.seed, noise_stream, static_cast<std::uint64_t>(index));
  const double noise_u = 0.01 * serried::to_unit_interval(words[0]);
  const double noise_v = 0.01 * serried::to_unit_interval(words[1]);
  if (is_seeded) return {0.5 - noise_u, 0.25 + noise_v};
  return {1.0 - noise_u, noise_v};
}

}  // namespace gray_scott
