#pragma once

#include <memory>
#include <vector>

#include "ml/kmeans/seeding_steps.hpp"
#include "ml/kmeans/wide_centers.hpp"

namespace serried::kmeans {

/// From so many features on, the bound of rounding in f32 tells nothing, and the kernels measure
/// all distances of seeding by the direct form (see make_blocks in the host's kernels: the bound
/// needs (3 p + 16) 2^-24 < 1/16). Seeding by pieces does the same.
inline constexpr std::int64_t least_features_of_direct_seeding = 349520;

/// As choose_centers, to the same rows and numbers.
/// Collective. @param options whose init is not `given`.
[[nodiscard]] std::shared_ptr<const WideCenters> choose_wide_centers(WidePieces& pieces,
                                                                     const Columns& columns,
                                                                     const KMeansOptions& options,
                                                                     int run);

[[nodiscard]] std::shared_ptr<const WideCenters> choose_wide_greedily(WidePieces& pieces,
                                                                      const Columns& columns,
                                                                      std::int64_t clusters,
                                                                      const RunRandom& random);
[[nodiscard]] std::shared_ptr<const WideCenters> choose_wide_in_rounds(WidePieces& pieces,
                                                                       const Columns& columns,
                                                                       const KMeansOptions& options,
                                                                       const RunRandom& random);
/// As cluster_candidates. Collective.
/// @param candidates their global rows.
[[nodiscard]] std::shared_ptr<const WideCenters> cluster_wide_candidates(
    WidePieces& pieces, const Columns& columns, const std::vector<std::int64_t>& candidates,
    const std::vector<double>& weights, std::int64_t clusters, const RunRandom& random);

/// The sums of w * values over the leaves of this rank. Local.
[[nodiscard]] std::vector<double> sum_own_leaves(const Rows& rows, const float* values);
/// Such sums of several values, (own leaves, count), folded along the tree. Collective.
[[nodiscard]] std::vector<double> fold_own_leaves(const Rows& rows, const std::vector<double>& sums,
                                                  std::int64_t count);

}  // namespace serried::kmeans
