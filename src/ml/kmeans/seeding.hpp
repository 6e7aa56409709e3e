#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "ml/kmeans/columns.hpp"
#include "ml/kmeans/shared_reads.hpp"
#include "serried/base/philox.hpp"
#include "serried/ml/kmeans.hpp"

namespace serried::kmeans {

/// Random numbers of one run (of n_init): pure functions of seed, run, purpose and number.
class RunRandom {
 public:
  RunRandom(std::uint64_t seed, int run) : seed_(seed), run_(static_cast<std::uint64_t>(run)) {}

  /// What numbers are drawn for; `step` separates the rounds of an algorithm.
  enum class Purpose : std::uint64_t {
    first_row,
    rows,
    trials,
    rounds,
    rounds_low,
    candidates,
    filling,
    silhouette,
    batches,
    sample,
    reassigned
  };

  [[nodiscard]] std::array<std::uint64_t, 2> words(Purpose purpose, std::uint64_t step,
                                                   std::uint64_t index) const {
    return philox_words(seed_, stream(purpose, step), index);
  }
  /// For the rounds of k-means||; the caller sets the factor and the first row.
  [[nodiscard]] KMeansDraw draw(std::uint64_t round) const {
    return {.seed = seed_,
            .stream = stream(Purpose::rounds, round),
            .low_stream = stream(Purpose::rounds_low, round)};
  }
  /// In (0, 1).
  [[nodiscard]] double open_unit(Purpose purpose, std::uint64_t step, std::uint64_t index) const;

 private:
  [[nodiscard]] std::uint64_t stream(Purpose purpose, std::uint64_t step) const {
    return run_ << 40 | static_cast<std::uint64_t>(purpose) << 36 | step;
  }

  std::uint64_t seed_;
  std::uint64_t run_;
};

/// The initial centres, (clusters, features), on every rank.
/// Collective.
Task<std::vector<double>> choose_centers(SharedReads& reads, const Columns& columns,
                                         const KMeansOptions& options, int run);

/// `count` distinct usable rows, drawn with probabilities proportional to `weight(local row)`
/// without replacement: those of the smallest race keys E / w, E exponential (P. S. Efraimidis, P.
/// G. Spirakis, "Weighted random sampling with a reservoir", 2006). Rows of weight 0 come last, in
/// row order; missing rows never. In order of their keys. Collective; no read of the data.
[[nodiscard]] std::vector<std::int64_t> race_rows(
    const Rows& rows, const Columns& columns, std::int64_t count, const RunRandom& random,
    RunRandom::Purpose purpose, std::uint64_t step,
    const std::function<double(std::int64_t)>& weight);

/// One usable row, drawn with probability proportional to its weight: by rejection, so that no pass
/// over the rows is needed, unless the weights are very unequal. Collective.
[[nodiscard]] std::int64_t draw_row(const Rows& rows, const Columns& columns,
                                    const RunRandom& random);

/// By row, on the device: the squared distance to the nearest candidate so far (in units of the
/// frame), and which it is.
struct NearestCandidate {
  explicit NearestCandidate(const Rows& rows);
  RowValues<float> squared;
  RowValues<std::int32_t> nearest;

  /// Forgets what missing weights hide.
  void drop_missing(const Rows& rows, const Unit& unit);
  /// Sums of w * squared over the leaves of a unit.
  void sum_leaves(const Rows& rows, const Unit& unit, LeafTotals& totals) const;
};

/// -log(u) for u in (0, 1): the same bits on every machine, good to some 1e-15.
[[nodiscard]] double exponential_of(double u) noexcept;

Task<std::vector<double>> choose_greedily(SharedReads& reads, const Columns& columns,
                                          std::int64_t clusters, const RunRandom& random);
Task<std::vector<double>> choose_in_rounds(SharedReads& reads, const Columns& columns,
                                           const KMeansOptions& options, const RunRandom& random);

/// Candidates with weights, (count, features): weighted greedy k-means++ on them, and weighted
/// Lloyd steps from there. The same on every rank. Local.
[[nodiscard]] std::vector<double> cluster_candidates(const Rows& rows, const Columns& columns,
                                                     const std::vector<double>& candidates,
                                                     const std::vector<double>& weights,
                                                     std::int64_t clusters,
                                                     const RunRandom& random);

/// Trials of the greedy choice, as scikit-learn's: 2 + floor(log(clusters)).
[[nodiscard]] std::int64_t greedy_trials(std::int64_t clusters);

}  // namespace serried::kmeans
