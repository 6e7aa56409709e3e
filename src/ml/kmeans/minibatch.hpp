#pragma once

#include "ml/kmeans/columns.hpp"
#include "ml/kmeans/fixed_point.hpp"
#include "ml/kmeans/lloyd.hpp"
#include "ml/kmeans/rows.hpp"
#include "serried/ml/kmeans.hpp"

namespace serried::kmeans {

/// Mini-batch k-means (D. Sculley, "Web-scale k-means clustering", 2010), with scikit-learn's
/// rules. A step assigns the rows of one batch to the centres c_j and moves each to the mean of
/// all rows it ever got,
///   c_j += W / (N_j + W) * (mean of its rows in the batch - c_j),    N_j += W,
/// W the weight of these rows. Centres of less than 1/100 of the largest N_j go to rows of the
/// batch now and then. Fits end when the inertia of batches, smoothed over half an epoch or
/// 100 batches, has had no new minimum for 10 steps, and after options.max_iterations epochs at the
/// latest. The initial centres, unless given or random, come from a sample of the first batches,
/// and after the last step all rows get their labels. `iterations` counts steps. Collective.
///
/// The best of options.n_init fits, one after the other.
[[nodiscard]] LloydResult fit_minibatches(Rows& rows, const Columns& columns,
                                          const FixedPoint& fixed, const KMeansOptions& options);

}  // namespace serried::kmeans
