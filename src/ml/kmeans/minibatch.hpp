#pragma once

#include "ml/kmeans/columns.hpp"
#include "ml/kmeans/fixed_point.hpp"
#include "ml/kmeans/lloyd.hpp"
#include "ml/kmeans/rows.hpp"
#include "serried/ml/kmeans.hpp"

namespace serried::kmeans {

/// Mini-batch k-means (D. Sculley, "Web-scale k-means clustering", 2010), with the rules of
/// scikit-learn but for a few numbers. A step assigns the rows of one batch to the centres c_j and
/// moves each to the mean of all rows it ever got,
///   N_j += W,    c_j += W / N_j * (mean of its rows in the batch - c_j),
/// W the weight of these rows. Unless given or random, the initial centres come from a sample of
/// the first batches, and N_j begins with the weight of the sample's rows. Centres of less than
/// 1/100 of the largest N_j go to rows of the batch, once for 100 rows a cluster. Fits end when the
/// inertia of batches, smoothed over half an epoch or 200 batches, has had no new minimum for 10
/// steps, not before so many steps as are smoothed over, and after options.max_iterations epochs at
/// the latest. After the last step all rows get their labels. `iterations` counts steps.
/// Collective.
///
/// The best of options.n_init fits, one after the other.
[[nodiscard]] LloydResult fit_minibatches(Rows& rows, const Columns& columns,
                                          const FixedPoint& fixed, const KMeansOptions& options,
                                          Checkpoints& checkpoints);

}  // namespace serried::kmeans
