#pragma once

#include <cstddef>
#include <functional>
#include <span>

#include "ml/kmeans/lloyd.hpp"

namespace serried::kmeans {

/// What is done with the best fit of the options with that index. Takes part in the shared reads.
using TakeBest = std::function<Task<>(std::size_t index, LloydResult best)>;

/// Fits n_init times, from different seeds, with each of some options, which may differ in their
/// clusters; as many fits side by side as the first one's `fits_at_once` says. Of each options the
/// fit of least inertia (ties: the first run) goes to `take_best` as soon as it is known; of the
/// others nothing is kept. In the phases "init" (while any fit still chooses its initial centres)
/// and "fit".
/// Collective.
void run_fits(SharedReads& reads, const Columns& columns, const FixedPoint& fixed,
              std::span<const KMeansOptions> options, const TakeBest& take_best);

}  // namespace serried::kmeans
