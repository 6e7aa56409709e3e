#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#include "ml/kmeans/fixed_point.hpp"
#include "ml/kmeans/seeding.hpp"

// The steps of seeding that do not look at the data itself, which rows that lie in memory and rows
// that are read by pieces of columns have in common.

namespace serried::kmeans {

/// A leaf that a trial centre of greedy k-means++ is drawn from.
struct LeafDraw {
  std::int64_t leaf = 0;
  double rest = 0;  ///< of the random number, inside the leaf
};

/// Draws leaves with probabilities proportional to their sums of w * d^2; none where all are 0.
/// Local.
/// @param chosen the centres that there are already.
[[nodiscard]] std::vector<LeafDraw> draw_leaves(std::span<const double> leaf_sums,
                                                std::int64_t trials, const RunRandom& random,
                                                std::size_t chosen);

/// The row of a drawn leaf, with probability proportional to w * value(i). Local.
/// @param first_local_row of the leaf, which has `count` rows.
template <class F>
[[nodiscard]] std::int64_t row_of_draw(const Rows& rows, std::int64_t first_local_row,
                                       std::int64_t count, double rest, const F& value_of) {
  double sum = 0;
  std::int64_t chosen = 0;
  for (std::int64_t i = 0; i < count; ++i) {
    const double weight = rows.weight(first_local_row + i);
    const float value = value_of(i);
    if (!(value > 0) || !(weight > 0)) continue;
    chosen = i;
    sum += weight * static_cast<double>(value);
    if (sum > rest) break;
  }
  return rows.first_row() + first_local_row + chosen;
}

/// All ranks' rows, ascending, repetitions taken out. Collective.
[[nodiscard]] std::vector<std::int64_t> distinct_rows(const Communicator& comm,
                                                      const std::vector<std::int64_t>& own);

/// The trial that leaves the least potential; ties: the lowest row. Local.
[[nodiscard]] std::size_t best_trial(std::span<const double> potentials,
                                     std::span<const std::int64_t> rows);

/// Rows that are not chosen yet, which complete the number of clusters where all rows coincide with
/// a centre. Collective.
[[nodiscard]] std::vector<std::int64_t> rows_to_complete(const Rows& rows, const Columns& columns,
                                                         std::int64_t clusters,
                                                         const RunRandom& random,
                                                         std::span<const std::int64_t> chosen);

/// Rounds of k-means||, and those beyond that are made while there are fewer candidates than
/// clusters.
[[nodiscard]] int number_of_rounds(const KMeansOptions& options);
inline constexpr int most_extra_rounds = 8;

/// Each row with probability min(1, candidates of a round * w * d^2 / potential). Collective.
[[nodiscard]] std::vector<std::int64_t> draw_candidates(const Rows& rows,
                                                        const KMeansOptions& options,
                                                        const RunRandom& random, int round,
                                                        double potential, const float* squared);
/// `count` rows that are drawn by squared distance, and where all distances are 0 by row number.
/// Collective.
[[nodiscard]] std::vector<std::int64_t> further_candidates(const Rows& rows, const Columns& columns,
                                                           std::int64_t count,
                                                           const RunRandom& random,
                                                           const float* squared);
/// The weights of the rows nearest to each candidate, added up as integers. Collective.
/// @param fixed of any columns: only what it has for the weights counts.
[[nodiscard]] std::vector<double> candidate_weights(const Rows& rows, const FixedPoint& fixed,
                                                    std::int64_t candidates,
                                                    const std::int32_t* nearest);

/// As many starts as cost little: all of them no more than half an iteration over the rows, or what
/// is done in a blink. Products are counted: each start compares candidates with clusters once for
/// each trial of the choice and once for each step. Local.
[[nodiscard]] std::int64_t number_of_starts(const Columns& columns, std::int64_t candidates,
                                            std::int64_t clusters, std::int64_t features);
inline constexpr int most_candidate_steps = 20;

/// Greedy k-means++ on weighted candidates; gives their numbers. Local.
/// @param distances_to (numbers) gives the distances of all candidates to some of them,
/// (numbers, candidates).
template <class F>
[[nodiscard]] std::vector<std::size_t> choose_candidates(const std::vector<double>& weights,
                                                         std::size_t clusters,
                                                         const RunRandom& random,
                                                         std::uint64_t start,
                                                         const F& distances_to);

/// An index drawn with probabilities proportional to `shares`; the last of them that is above 0
/// where rounding has eaten the rest. Local.
[[nodiscard]] std::size_t draw_share(const std::vector<double>& shares, double total, double u);

template <class F>
std::vector<std::size_t> choose_candidates(const std::vector<double>& weights, std::size_t clusters,
                                           const RunRandom& random, std::uint64_t start,
                                           const F& distances_to) {
  const std::size_t count = weights.size();
  const auto trials =
      static_cast<std::uint64_t>(greedy_trials(static_cast<std::int64_t>(clusters)));
  std::vector<float> squared(count, std::numeric_limits<float>::infinity());
  std::vector<std::size_t> result;
  std::vector<double> shares = weights;
  for (std::size_t j = 0; j < clusters; ++j) {
    double total = 0;
    for (const double share : shares) total += share;
    std::vector<std::size_t> drawn;
    for (std::uint64_t t = 0; t < (j == 0 ? 1 : trials); ++t)
      drawn.push_back(draw_share(
          shares, total, random.open_unit(RunRandom::Purpose::candidates, j, start << 32 | t)));
    std::ranges::sort(drawn);
    drawn.erase(std::unique(drawn.begin(), drawn.end()), drawn.end());
    const std::vector<float> distances = distances_to(drawn);
    double least = std::numeric_limits<double>::infinity();
    std::vector<float> best;
    std::size_t chosen = drawn[0];
    for (std::size_t t = 0; t < drawn.size(); ++t) {
      std::vector<float> trial(count);
      double sum = 0;
      for (std::size_t i = 0; i < count; ++i) {
        trial[i] = std::min(squared[i], distances[t * count + i]);
        sum += weights[i] * static_cast<double>(trial[i]);
      }
      if (sum < least) {
        least = sum;
        best = std::move(trial);
        chosen = drawn[t];
      }
    }
    squared = std::move(best);
    result.push_back(chosen);
    for (std::size_t i = 0; i < count; ++i)
      shares[i] = weights[i] * static_cast<double>(squared[i]);
  }
  return result;
}

}  // namespace serried::kmeans
