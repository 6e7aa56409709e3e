#include "ml/kmeans/wide_seeding.hpp"

#include <algorithm>
#include <limits>

#include "ml/kmeans/wide_chains.hpp"

namespace serried::kmeans {
namespace {

/// Greedy k-means++: see seeding_greedy.cpp.
class WideGreedy {
 public:
  WideGreedy(WidePieces& pieces, const Columns& columns, std::int64_t clusters,
             const RunRandom& random)
      : pieces_(pieces),
        rows_(pieces.rows()),
        columns_(columns),
        clusters_(static_cast<std::size_t>(clusters)),
        trials_(greedy_trials(clusters)),
        random_(random),
        squared_(static_cast<std::size_t>(rows_.local_rows()),
                 std::numeric_limits<float>::infinity()) {}

  std::shared_ptr<const WideCenters> run() {
    choose({draw_row(rows_, columns_, random_)});
    while (chosen_.size() < clusters_) {
      const std::vector<std::int64_t> trials = draw();
      if (trials.empty()) break;
      choose(trials);
    }
    if (chosen_.size() < clusters_)
      for (const std::int64_t row : rows_to_complete(
               rows_, columns_, static_cast<std::int64_t>(clusters_), random_, chosen_))
        chosen_.push_back(row);
    return std::make_shared<RowCenters>(pieces_, chosen_);
  }

 private:
  /// Of the rows given, takes the one that leaves the least potential. One pass.
  void choose(const std::vector<std::int64_t>& rows) {
    const auto count = static_cast<std::int64_t>(rows.size());
    Chains chains(rows_.local_rows(), count);
    pieces_.pass("trial centres", [&](const Piece& piece) {
      chains.extend(rows_.context().backend()->threads(), piece.values, piece.width(),
                    gather_rows(pieces_, piece, rows).data(), columns_.scale);
    });
    const auto own_leaves = static_cast<std::size_t>(rows_.last_leaf() - rows_.first_leaf());
    std::vector<std::vector<float>> trials;
    std::vector<double> by_leaf(own_leaves * rows.size());
    for (std::size_t t = 0; t < rows.size(); ++t) {
      trials.push_back(lowered(chains, static_cast<std::int64_t>(t)));
      const std::vector<double> sums = sum_own_leaves(rows_, trials.back().data());
      for (std::size_t leaf = 0; leaf < own_leaves; ++leaf)
        by_leaf[leaf * rows.size() + t] = sums[leaf];
    }
    const std::size_t best = best_trial(fold_own_leaves(rows_, by_leaf, count), rows);
    std::vector<double> leaf_sums;
    for (std::size_t leaf = 0; leaf < own_leaves; ++leaf)
      leaf_sums.push_back(by_leaf[leaf * rows.size() + best]);
    leaf_sums_ = rows_.context().comm().allgather(std::span<const double>(leaf_sums)).values;
    squared_ = std::move(trials[best]);
    chosen_.push_back(rows[best]);
  }

  /// The rows' squared distances with one centre more.
  [[nodiscard]] std::vector<float> lowered(const Chains& chains, std::int64_t trial) const {
    std::vector<float> result(squared_.size());
    for (std::size_t i = 0; i < result.size(); ++i) {
      const auto row = static_cast<std::int64_t>(i);
      const float distance =
          columns_.is_missing_row(row) ? 0.F : static_cast<float>(chains.at(row, trial));
      result[i] = std::min(distance, squared_[i]);
    }
    return result;
  }

  std::vector<std::int64_t> draw() {
    const auto draws = draw_leaves(leaf_sums_, trials_, random_, chosen_.size());
    if (draws.empty()) return {};
    std::vector<std::int64_t> found;
    for (const LeafDraw& draw : draws) {
      if (draw.leaf < rows_.first_leaf() || draw.leaf >= rows_.last_leaf()) continue;
      const std::int64_t begin = rows_.leaves().row_begin(draw.leaf);
      const std::int64_t first = begin - rows_.first_row();
      found.push_back(row_of_draw(
          rows_, first, rows_.leaves().row_begin(draw.leaf + 1) - begin, draw.rest,
          [&](std::int64_t i) { return squared_[static_cast<std::size_t>(first + i)]; }));
    }
    return distinct_rows(rows_.context().comm(), found);
  }

  WidePieces& pieces_;
  const Rows& rows_;
  const Columns& columns_;
  std::size_t clusters_;
  std::int64_t trials_;
  const RunRandom& random_;
  std::vector<float> squared_;     ///< to the nearest centre so far, in units of the frame
  std::vector<double> leaf_sums_;  ///< of w * d^2, by leaf of all ranks
  std::vector<std::int64_t> chosen_;
};

}  // namespace

std::vector<double> sum_own_leaves(const Rows& rows, const float* values) {
  std::vector<std::int64_t> offsets;
  for (std::int64_t leaf = rows.first_leaf(); leaf <= rows.last_leaf(); ++leaf)
    offsets.push_back(rows.leaves().row_begin(leaf) - rows.leaves().row_begin(rows.first_leaf()));
  std::vector<double> sums(offsets.size() - 1);
  rows.kernels().leaf_sums(values, rows.placed_weights(0), offsets, sums.data());
  return sums;
}

std::vector<double> fold_own_leaves(const Rows& rows, const std::vector<double>& sums,
                                    std::int64_t count) {
  LeafTotals totals(rows, count);
  totals.begin_batch(rows.first_leaf(), rows.last_leaf());
  for (std::int64_t leaf = rows.first_leaf(); leaf < rows.last_leaf(); ++leaf)
    std::copy_n(sums.begin() + (leaf - rows.first_leaf()) * count, count, totals.leaf(leaf));
  totals.end_batch(rows.first_leaf(), rows.last_leaf());
  return totals.finish();
}

std::shared_ptr<const WideCenters> choose_wide_greedily(WidePieces& pieces, const Columns& columns,
                                                        std::int64_t clusters,
                                                        const RunRandom& random) {
  return WideGreedy(pieces, columns, clusters, random).run();
}

std::shared_ptr<const WideCenters> choose_wide_centers(WidePieces& pieces, const Columns& columns,
                                                       const KMeansOptions& options, int run) {
  const RunRandom random(options.seed, run);
  if (options.init == KMeansInit::kmeans_plus_plus)
    return choose_wide_greedily(pieces, columns, options.clusters, random);
  if (options.init == KMeansInit::kmeans_parallel)
    return choose_wide_in_rounds(pieces, columns, options, random);
  const Rows& rows = pieces.rows();
  return std::make_shared<RowCenters>(
      pieces, race_rows(rows, columns, options.clusters, random, RunRandom::Purpose::rows, 0,
                        [&](std::int64_t i) { return rows.weight(i); }));
}

}  // namespace serried::kmeans
