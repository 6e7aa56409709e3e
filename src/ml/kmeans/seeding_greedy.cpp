// Greedy k-means++ (D. Arthur, S. Vassilvitskii, "k-means++: the advantages of careful seeding",
// 2007), with scikit-learn's number of trials.
#include <algorithm>

#include "ml/kmeans/seeding_steps.hpp"

namespace serried::kmeans {
namespace {

class Greedy {
 public:
  Greedy(SharedReads& reads, const Columns& columns, std::int64_t clusters, const RunRandom& random)
      : reads_(reads),
        rows_(reads.rows()),
        columns_(columns),
        clusters_(clusters),
        trials_(greedy_trials(clusters)),
        random_(random),
        state_(rows_) {}

  Task<std::vector<double>> run() {
    const std::vector<std::int64_t> first(1, draw_row(rows_, columns_, random_));
    co_await choose(first);
    while (static_cast<std::int64_t>(chosen_.size()) < clusters_) {
      const std::vector<std::int64_t> trials = co_await draw();
      if (trials.empty()) break;
      co_await choose(trials);
    }
    if (static_cast<std::int64_t>(chosen_.size()) < clusters_) co_await fill();
    co_return std::move(centers_);
  }

 private:
  /// Of the rows given, takes the one that leaves the least potential (ties: the lowest row). One
  /// read: it also brings every row's distance up to date with the centre chosen before.
  Task<> choose(const std::vector<std::int64_t>& rows) {
    const auto count = static_cast<std::int64_t>(rows.size());
    std::vector<double> values = last_center_;
    const std::vector<double> added = co_await reads_.fetch(rows);
    values.insert(values.end(), added.begin(), added.end());
    const std::int64_t old = last_center_.empty() ? 0 : 1;
    const auto prepared =
        rows_.kernels().prepare(columns_.frame(), values, old + count, KMeansUse::seed);
    LeafTotals totals(rows_, count);
    const std::int64_t own_leaves = rows_.last_leaf() - rows_.first_leaf();
    std::vector<double> by_leaf(static_cast<std::size_t>(own_leaves * count));
    const auto work = [&](const Unit& unit) {
      measure(unit, *prepared, old, count, totals, by_leaf);
    };
    co_await reads_.pass("trial centres", work, totals);
    const std::vector<double> potentials = totals.finish();
    const std::size_t best = best_trial(potentials, rows);
    std::vector<double> leaf_sums;
    for (std::int64_t leaf = 0; leaf < own_leaves; ++leaf)
      leaf_sums.push_back(by_leaf[static_cast<std::size_t>(leaf * count) + best]);
    leaf_sums_ = rows_.context().comm().allgather(std::span<const double>(leaf_sums)).values;
    const auto begin = added.begin() + static_cast<std::ptrdiff_t>(best) * rows_.features();
    last_center_.assign(begin, begin + rows_.features());
    centers_.insert(centers_.end(), last_center_.begin(), last_center_.end());
    chosen_.push_back(rows[best]);
  }

  void measure(const Unit& unit, const KMeansCenters& prepared, std::int64_t old,
               std::int64_t count, LeafTotals& totals, std::vector<double>& by_leaf) {
    const std::int64_t size = unit.rows.size();
    Buffer memory(rows_.device(), static_cast<std::size_t>((old + count) * size) * sizeof(float));
    auto* const distances = reinterpret_cast<float*>(memory.data());
    const KMeansKernels& kernels = rows_.kernels();
    kernels.candidate_distances(prepared, unit.kernel_rows(), distances);
    float* const squared = state_.squared.data() + unit.local_row;
    if (old > 0) kernels.lower(distances, size, squared);
    state_.drop_missing(rows_, unit);
    const std::vector<std::int64_t> offsets = rows_.offsets_of(unit);
    std::vector<double> sums(offsets.size() - 1);
    for (std::int64_t t = 0; t < count; ++t) {
      float* const trial = distances + (old + t) * size;
      kernels.lower(squared, size, trial);
      kernels.leaf_sums(trial, unit.weights, offsets, sums.data());
      for (std::int64_t leaf = unit.first_leaf; leaf < unit.last_leaf; ++leaf) {
        const double sum = sums[static_cast<std::size_t>(leaf - unit.first_leaf)];
        totals.leaf(leaf)[t] = sum;
        by_leaf[static_cast<std::size_t>((leaf - rows_.first_leaf()) * count + t)] = sum;
      }
    }
  }

  /// Rows drawn with probabilities proportional to w * d^2, with repetitions taken out: first the
  /// leaf, by the leaves' sums, then the row, by the rank that holds the leaf. Empty where all
  /// distances are 0.
  Task<std::vector<std::int64_t>> draw() {
    const auto draws = draw_leaves(leaf_sums_, trials_, random_, chosen_.size());
    if (draws.empty()) co_return std::vector<std::int64_t>();
    co_return co_await rows_of(draws);
  }

  Task<std::vector<std::int64_t>> rows_of(const std::vector<LeafDraw>& draws) {
    std::vector<std::int64_t> wanted;
    for (const LeafDraw& draw : draws)
      if (draw.leaf >= rows_.first_leaf() && draw.leaf < rows_.last_leaf())
        wanted.push_back(draw.leaf);
    std::ranges::sort(wanted);
    wanted.erase(std::unique(wanted.begin(), wanted.end()), wanted.end());
    const auto prepared =
        rows_.kernels().prepare(columns_.frame(), last_center_, 1, KMeansUse::seed);
    std::vector<std::int64_t> found;
    const auto work = [&](const Unit& unit) {
      Buffer memory(rows_.device(), static_cast<std::size_t>(unit.rows.size()) * sizeof(float));
      auto* const distances = reinterpret_cast<float*>(memory.data());
      rows_.kernels().candidate_distances(*prepared, unit.kernel_rows(), distances);
      const HostView<float> last(*rows_.device(), distances, unit.rows.size());
      const HostView<float> squared(*rows_.device(), state_.squared.data() + unit.local_row,
                                    unit.rows.size());
      for (const LeafDraw& draw : draws)
        if (draw.leaf == unit.first_leaf)
          found.push_back(
              row_of_draw(rows_, unit.local_row, unit.rows.size(), draw.rest,
                          [&](std::int64_t i) { return std::min(squared[i], last[i]); }));
    };
    co_await reads_.visit_leaves(wanted, work);
    co_return distinct_rows(rows_.context().comm(), found);
  }

  /// All rows coincide with a centre: rows not chosen yet complete the number.
  Task<> fill() {
    const auto more = rows_to_complete(rows_, columns_, clusters_, random_, chosen_);
    const std::vector<double> added = co_await reads_.fetch(more);
    centers_.insert(centers_.end(), added.begin(), added.end());
  }

  SharedReads& reads_;
  const Rows& rows_;
  const Columns& columns_;
  std::int64_t clusters_;
  std::int64_t trials_;
  const RunRandom& random_;
  NearestCandidate state_;         ///< up to, and without, the centre chosen last
  std::vector<double> leaf_sums_;  ///< of w * d^2, by leaf of all ranks, with the last centre
  std::vector<double> last_center_;
  std::vector<double> centers_;
  std::vector<std::int64_t> chosen_;
};

}  // namespace

Task<std::vector<double>> choose_greedily(SharedReads& reads, const Columns& columns,
                                          std::int64_t clusters, const RunRandom& random) {
  Greedy greedy(reads, columns, clusters, random);
  co_return co_await greedy.run();
}

}  // namespace serried::kmeans
