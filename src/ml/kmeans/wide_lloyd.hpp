#pragma once

#include <memory>
#include <vector>

#include "ml/kmeans/fit_progress.hpp"
#include "ml/kmeans/wide_centers.hpp"
#include "ml/kmeans/wide_chains.hpp"
#include "serried/ml/kmeans.hpp"

namespace serried::kmeans {

/// What one fit from given initial centres gives.
struct WideResult {
  std::shared_ptr<const WideCenters> centers;
  std::vector<std::int64_t> sizes;
  std::vector<std::int32_t> labels;  ///< by local row
  std::vector<double> squared;       ///< the rows' squared distances to their own centres
  double inertia = 0;
  double weight = 0;  ///< of all usable rows
  std::int64_t iterations = 0;
  bool is_converged = false;
};

/// As run_lloyd, to the same bits: an iteration makes the new centres piece by piece from the last
/// labels, and measures the rows from them in the same pass.
/// Collective.
/// @param may_be_far the centres may lie so far from the data that squared distances overflow.
[[nodiscard]] WideResult run_wide_lloyd(WidePieces& pieces, const Columns& columns,
                                        std::shared_ptr<const WideCenters> centers, bool may_be_far,
                                        const KMeansOptions& options, FitProgress& progress);

/// The sum over all rows of w * d^2 to the own centre, with the leaves of assign_and_measure.
/// Collective. @throws DataError if it is not finite.
[[nodiscard]] double wide_inertia(const Rows& rows, std::span<const double> squared);

}  // namespace serried::kmeans
