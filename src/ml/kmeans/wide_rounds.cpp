// k-means|| on rows that are read by pieces of their columns: see seeding_rounds.cpp.
#include <algorithm>
#include <limits>

#include "ml/kmeans/wide_chains.hpp"
#include "ml/kmeans/wide_seeding.hpp"

namespace serried::kmeans {
namespace {

class WideRounds {
 public:
  WideRounds(WidePieces& pieces, const Columns& columns, const KMeansOptions& options,
             const RunRandom& random)
      : pieces_(pieces),
        rows_(pieces.rows()),
        columns_(columns),
        options_(options),
        random_(random),
        squared_(static_cast<std::size_t>(rows_.local_rows()),
                 std::numeric_limits<float>::infinity()),
        nearest_(squared_.size(), -1) {}

  std::shared_ptr<const WideCenters> run() {
    const int rounds = number_of_rounds(options_);
    add({draw_row(rows_, columns_, random_)});
    for (int round = 0; round < rounds + most_extra_rounds && potential_ > 0; ++round) {
      if (round >= rounds && candidates() >= options_.clusters) break;
      add(draw_candidates(rows_, options_, random_, round, potential_, squared_.data()));
    }
    if (candidates() < options_.clusters)
      for (const std::int64_t row : further_candidates(
               rows_, columns_, options_.clusters - candidates(), random_, squared_.data()))
        candidates_.push_back(row);
    if (candidates() == options_.clusters)
      return std::make_shared<RowCenters>(pieces_, candidates_);
    return cluster_wide_candidates(pieces_, columns_, candidates_, weights(), options_.clusters,
                                   random_);
  }

 private:
  [[nodiscard]] std::int64_t candidates() const {
    return static_cast<std::int64_t>(candidates_.size());
  }

  /// Makes the rows candidates, and updates every row's nearest candidate and the potential. One
  /// pass. Which of the new candidates is nearest is found in the data's own units, and how far it
  /// is in those of the frame, as KMeansKernels::update_nearest does.
  void add(const std::vector<std::int64_t>& numbers) {
    if (numbers.empty()) return;
    const auto count = static_cast<std::int64_t>(numbers.size());
    Chains plain(rows_.local_rows(), count);
    Chains scaled(rows_.local_rows(), count);
    const ThreadPool& threads = rows_.context().backend()->threads();
    pieces_.pass("nearest candidate", [&](const Piece& piece) {
      const std::vector<double> values = gather_rows(pieces_, piece, numbers);
      plain.extend(threads, piece.values, piece.width(), values.data());
      scaled.extend(threads, piece.values, piece.width(), values.data(), columns_.scale);
    });
    for (std::size_t i = 0; i < squared_.size(); ++i) {
      const auto row = static_cast<std::int64_t>(i);
      if (columns_.is_missing_row(row)) {
        squared_[i] = 0;
        nearest_[i] = -1;
        continue;
      }
      const std::int32_t best = std::max(0, plain.nearest(row));
      const auto square = static_cast<float>(scaled.at(row, best));
      if (!(square < squared_[i])) continue;
      squared_[i] = square;
      nearest_[i] = static_cast<std::int32_t>(candidates()) + best;
    }
    candidates_.insert(candidates_.end(), numbers.begin(), numbers.end());
    potential_ = fold_own_leaves(rows_, sum_own_leaves(rows_, squared_.data()), 1)[0];
  }

  [[nodiscard]] std::vector<double> weights() const {
    Columns frame;
    frame.usable_rows = columns_.usable_rows;
    frame.largest_weight = columns_.largest_weight;
    frame.shift = {0};
    frame.maxima = {0};
    const FixedPoint fixed(frame, 1, rows_.has_weights());
    return candidate_weights(rows_, fixed, candidates(), nearest_.data());
  }

  WidePieces& pieces_;
  const Rows& rows_;
  const Columns& columns_;
  const KMeansOptions& options_;
  const RunRandom& random_;
  std::vector<float> squared_;  ///< to the nearest candidate, in units of the frame
  std::vector<std::int32_t> nearest_;
  std::vector<std::int64_t> candidates_;
  double potential_ = 0;
};

}  // namespace

std::shared_ptr<const WideCenters> choose_wide_in_rounds(WidePieces& pieces, const Columns& columns,
                                                         const KMeansOptions& options,
                                                         const RunRandom& random) {
  return WideRounds(pieces, columns, options, random).run();
}

}  // namespace serried::kmeans
