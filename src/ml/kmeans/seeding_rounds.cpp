// k-means|| (B. Bahmani, B. Moseley, A. Vattani, R. Kumar, S. Vassilvitskii, "Scalable k-means++",
// 2012).
#include <algorithm>
#include <cmath>

#include "ml/kmeans/fixed_point.hpp"
#include "ml/kmeans/seeding.hpp"

namespace serried::kmeans {
namespace {

/// Rounds beyond those that were asked for, while there are fewer candidates than clusters.
constexpr int most_extra_rounds = 8;

/// A round more finds what is far from all others; where clusters are few, it costs more than it
/// brings: there a round is bound by reading.
int number_of_rounds(const KMeansOptions& options) {
  return options.init_rounds.value_or(options.clusters < 32 ? 2 : 3);
}

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
      const std::vector<std::int64_t> drawn = draw(static_cast<std::uint64_t>(round));
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

  /// Each row with probability min(1, candidates of a round * w * d^2 / potential).
  std::vector<std::int64_t> draw(std::uint64_t round) const {
    const double wanted =
        options_.init_candidates * static_cast<double>(options_.clusters) / std::max(1, rounds_);
    KMeansDraw draw = random_.draw(round);
    draw.factor = wanted / potential_;
    const std::int64_t count = rows_.local_rows();
    constexpr std::int64_t run = 1 << 16;
    // A device draws all rows in one call.
    const std::int64_t length = rows_.context().has_device() ? std::max(count, run) : run;
    const std::int64_t runs = (count + length - 1) / length;
    std::vector<std::vector<std::int64_t>> drawn(static_cast<std::size_t>(runs));
    rows_.context().backend()->threads().parallel_for(runs, [&](std::int64_t part, int) {
      KMeansDraw own = draw;
      const std::int64_t first = part * length;
      own.first_row = rows_.first_row() + first;
      auto& rows = drawn[static_cast<std::size_t>(part)];
      rows =
          rows_.kernels().draw_rows(own, state_.squared.data() + first, rows_.placed_weights(first),
                                    std::min(length, count - first));
      for (std::int64_t& row : rows) row += own.first_row;
    });
    std::vector<std::int64_t> mine;
    for (const auto& part : drawn) mine.insert(mine.end(), part.begin(), part.end());
    return rows_.context().comm().allgather(std::span<const std::int64_t>(mine)).values;
  }

  /// What is missing is drawn by squared distance, and where all distances are 0 by row number.
  Task<> fill() {
    const HostView<float> squared(*rows_.device(), state_.squared.data(), rows_.local_rows());
    const std::vector<std::int64_t> more = race_rows(
        rows_, columns_, options_.clusters - candidates(), random_, RunRandom::Purpose::filling, 0,
        [&](std::int64_t i) { return rows_.weight(i) * static_cast<double>(squared[i]); });
    const std::vector<double> added = co_await reads_.fetch(more);
    values_.insert(values_.end(), added.begin(), added.end());
  }

  /// Of the rows nearest to each candidate, added up as integers.
  std::vector<double> weights() const {
    const auto count = static_cast<std::size_t>(candidates());
    const FixedPoint fixed(columns_, rows_.features(), rows_.has_weights());
    std::vector<std::int64_t> sums(2 * count, 0);
    rows_.kernels().label_weights(state_.nearest.data(), rows_.placed_weights(0),
                                  rows_.local_rows(), candidates(), fixed.view(), sums.data(),
                                  sums.data() + count);
    rows_.context().comm().allreduce(std::span<std::int64_t>(sums), ReduceOp::sum);
    std::vector<double> result;
    for (std::size_t j = 0; j < count; ++j)
      result.push_back(rows_.has_weights() ? fixed.weight(sums[j], sums[count + j])
                                           : static_cast<double>(sums[j]));
    return result;
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
