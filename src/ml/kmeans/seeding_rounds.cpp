// k-means|| (B. Bahmani, B. Moseley, A. Vattani, R. Kumar, S. Vassilvitskii, "Scalable k-means++",
// 2012).
#include "ml/kmeans/fixed_point.hpp"
#include "ml/kmeans/seeding_steps.hpp"

namespace serried::kmeans {
namespace {

class Rounds {
 public:
  Rounds(SharedReads& reads, const Columns& columns, const KMeansOptions& options,
         const RunRandom& random)
      : reads_(reads),
        rows_(reads.rows()),
        columns_(columns),
        options_(options),
        rounds_(number_of_rounds(options)),
        random_(random),
        state_(rows_) {}

  Task<std::vector<double>> run() {
    const std::vector<std::int64_t> first(1, draw_row(rows_, columns_, random_));
    co_await add(first);
    const int most = rounds_ + most_extra_rounds;
    for (int round = 0; round < most && potential_ > 0; ++round) {
      if (round >= rounds_ && candidates() >= options_.clusters) break;
      const auto drawn =
          draw_candidates(rows_, options_, random_, round, potential_, state_.squared.data());
      co_await add(drawn);
    }
    if (candidates() < options_.clusters) co_await fill();
    if (candidates() == options_.clusters) co_return std::move(values_);
    co_return cluster_candidates(rows_, columns_, values_, weights(), options_.clusters, random_);
  }

 private:
  [[nodiscard]] std::int64_t candidates() const {
    return static_cast<std::int64_t>(values_.size()) / rows_.features();
  }

  /// Reads the rows, makes them candidates, and updates every row's nearest candidate and the
  /// potential.
  Task<> add(const std::vector<std::int64_t>& numbers) {
    if (numbers.empty()) co_return;
    const std::vector<double> added = co_await reads_.fetch(numbers);
    const auto first = static_cast<std::int32_t>(candidates());
    const auto centers = rows_.kernels().prepare(
        columns_.frame(), added, static_cast<std::int64_t>(numbers.size()), KMeansUse::seed);
    values_.insert(values_.end(), added.begin(), added.end());
    LeafTotals totals(rows_, 1);
    const auto work = [&](const Unit& unit) {
      rows_.kernels().update_nearest(*centers, unit.kernel_rows(), first,
                                     state_.squared.data() + unit.local_row,
                                     state_.nearest.data() + unit.local_row);
      state_.drop_missing(rows_, unit);
      state_.sum_leaves(rows_, unit, totals);
    };
    co_await reads_.pass("nearest candidate", work, totals);
    potential_ = totals.finish()[0];
  }

  Task<> fill() {
    const auto more = further_candidates(rows_, columns_, options_.clusters - candidates(), random_,
                                         state_.squared.data());
    const std::vector<double> added = co_await reads_.fetch(more);
    values_.insert(values_.end(), added.begin(), added.end());
  }

  [[nodiscard]] std::vector<double> weights() const {
    const FixedPoint fixed(columns_, rows_.features(), rows_.has_weights());
    return candidate_weights(rows_, fixed, candidates(), state_.nearest.data());
  }

  SharedReads& reads_;
  const Rows& rows_;
  const Columns& columns_;
  const KMeansOptions& options_;
  int rounds_;
  const RunRandom& random_;
  NearestCandidate state_;
  std::vector<double> values_;  ///< (candidates, features)
  double potential_ = 0;
};

}  // namespace

Task<std::vector<double>> choose_in_rounds(SharedReads& reads, const Columns& columns,
                                           const KMeansOptions& options, const RunRandom& random) {
  Rounds rounds(reads, columns, options, random);
  co_return co_await rounds.run();
}

}  // namespace serried::kmeans
