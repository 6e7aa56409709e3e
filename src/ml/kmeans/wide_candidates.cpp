// Clusters the weighted candidates of k-means|| whose rows are read by pieces of their columns: see
// candidates.cpp. The ranks share out the candidates.
#include <algorithm>
#include <limits>

#include "ml/kmeans/wide_chains.hpp"
#include "ml/kmeans/wide_seeding.hpp"

namespace serried::kmeans {
namespace {

/// A centre: a candidate itself, or the weighted mean of some.
struct CandidateCenter {
  std::vector<std::size_t> members;
  double mass = 0;  ///< 0: the first member itself
};

class CandidateCenters final : public WideCenters {
 public:
  CandidateCenters(const WidePieces& pieces, const std::vector<std::int64_t>& rows,
                   const std::vector<double>& weights, std::vector<CandidateCenter> centers)
      : pieces_(pieces), rows_(rows), weights_(weights), centers_(std::move(centers)) {}

  [[nodiscard]] std::int64_t clusters() const noexcept override {
    return static_cast<std::int64_t>(centers_.size());
  }
  [[nodiscard]] std::vector<double> of_piece(const Piece& piece, PieceFrame& frame) const override {
    return of_values(gather_rows(pieces_, piece, rows_), piece.width(), frame.shift());
  }
  /// @param values of all candidates, (candidates, width).
  [[nodiscard]] std::vector<double> of_values(const std::vector<double>& values, std::int64_t width,
                                              const std::vector<double>& shift) const {
    const auto w = static_cast<std::size_t>(width);
    std::vector<double> result(centers_.size() * w, 0.);
    pieces_.by_columns(width, [&](std::int64_t begin, std::int64_t end) {
      for (std::size_t j = 0; j < centers_.size(); ++j)
        fill(centers_[j], values.data(), w, shift, static_cast<std::size_t>(begin),
             static_cast<std::size_t>(end), result.data() + j * w);
    });
    return result;
  }

 private:
  void fill(const CandidateCenter& center, const double* values, std::size_t width,
            const std::vector<double>& shift, std::size_t begin, std::size_t end,
            double* out) const {
    if (!(center.mass > 0)) {
      std::copy(values + center.members[0] * width + begin,
                values + center.members[0] * width + end, out + begin);
      return;
    }
    for (const std::size_t i : center.members)
      for (std::size_t f = begin; f < end; ++f)
        out[f] += weights_[i] * (values[i * width + f] - shift[f]);
    for (std::size_t f = begin; f < end; ++f) out[f] = shift[f] + out[f] / center.mass;
  }

  const WidePieces& pieces_;
  std::vector<std::int64_t> rows_;
  std::vector<double> weights_;
  std::vector<CandidateCenter> centers_;
};

class WideCandidates {
 public:
  WideCandidates(WidePieces& pieces, const Columns& columns, const std::vector<std::int64_t>& rows,
                 const std::vector<double>& weights, std::int64_t clusters, const RunRandom& random)
      : pieces_(pieces),
        ctx_(pieces.rows().context()),
        columns_(columns),
        rows_(rows),
        weights_(weights),
        clusters_(static_cast<std::size_t>(clusters)),
        random_(random),
        own_{count() * ctx_.rank() / ctx_.size(), count() * (ctx_.rank() + 1) / ctx_.size()} {
    measure_pairs();
  }

  std::shared_ptr<const WideCenters> run() {
    const std::int64_t starts = number_of_starts(
        columns_, count(), static_cast<std::int64_t>(clusters_), pieces_.rows().features());
    double least = 0;
    std::shared_ptr<const WideCenters> best;
    for (std::int64_t start = 0; start < starts; ++start) {
      const double inertia = solve(static_cast<std::uint64_t>(start));
      if (best == nullptr || inertia < least) {
        least = inertia;
        best = centers();
      }
    }
    return best;
  }

 private:
  [[nodiscard]] std::int64_t count() const { return static_cast<std::int64_t>(rows_.size()); }
  [[nodiscard]] std::shared_ptr<const CandidateCenters> centers() const {
    return std::make_shared<CandidateCenters>(pieces_, rows_, weights_, centers_);
  }

  /// The distances between all candidates, in units of the frame. One pass.
  void measure_pairs() {
    Chains chains(own_.size(), count());
    pieces_.pass("distances of candidates", [&](const Piece& piece) {
      const std::vector<double> values = gather_rows(pieces_, piece, rows_);
      chains.extend(ctx_.backend()->threads(), values.data() + own_.begin * piece.width(),
                    piece.width(), values.data(), columns_.scale);
    });
    std::vector<float> own;
    for (std::int64_t i = 0; i < own_.size(); ++i)
      for (std::int64_t j = 0; j < count(); ++j) own.push_back(static_cast<float>(chains.at(i, j)));
    pairs_ = ctx_.comm().allgather(std::span<const float>(own)).values;
  }

  /// One start; leaves its centres in `centers_` and returns the inertia of the candidates.
  double solve(std::uint64_t start) {
    const std::size_t m = rows_.size();
    const auto distances_to = [&](const std::vector<std::size_t>& chosen) {
      std::vector<float> out;
      for (const std::size_t j : chosen)
        for (std::size_t i = 0; i < m; ++i) out.push_back(pairs_[i * m + j]);
      return out;
    };
    centers_.clear();
    for (const std::size_t i : choose_candidates(weights_, clusters_, random_, start, distances_to))
      centers_.push_back({{i}, 0});
    std::vector<std::int32_t> labels(m, -1);
    for (int step = 0;; ++step) {
      const std::vector<double> squared = assign(labels);
      if (!is_changed_ || step == most_candidate_steps) {
        double sum = 0;
        for (std::size_t i = 0; i < m; ++i) sum += weights_[i] * squared[i];
        return sum;
      }
      move(labels);
    }
  }

  /// One pass: the candidates' labels; returns their squared distances to their own centres.
  std::vector<double> assign(std::vector<std::int32_t>& labels) {
    Chains chains(own_.size(), static_cast<std::int64_t>(clusters_));
    const std::shared_ptr<const CandidateCenters> present = centers();
    pieces_.pass("cluster candidates", [&](const Piece& piece) {
      PieceFrame frame(pieces_, columns_, piece);
      const std::vector<double> values = gather_rows(pieces_, piece, rows_);
      chains.extend(ctx_.backend()->threads(), values.data() + own_.begin * piece.width(),
                    piece.width(), present->of_values(values, piece.width(), frame.shift()).data());
    });
    std::vector<std::int32_t> own_labels;
    std::vector<double> own_squared;
    for (std::int64_t i = 0; i < own_.size(); ++i) {
      own_labels.push_back(std::max(0, chains.nearest(i)));
      own_squared.push_back(chains.at(i, own_labels.back()));
    }
    std::vector<std::int32_t> found =
        ctx_.comm().allgather(std::span<const std::int32_t>(own_labels)).values;
    is_changed_ = found != labels;
    labels = std::move(found);
    return ctx_.comm().allgather(std::span<const double>(own_squared)).values;
  }

  /// A centre moves to the mean of its candidates; one that has none stays.
  void move(const std::vector<std::int32_t>& labels) {
    std::vector<CandidateCenter> moved(clusters_);
    for (std::size_t i = 0; i < labels.size(); ++i) {
      CandidateCenter& center = moved[static_cast<std::size_t>(labels[i])];
      center.members.push_back(i);
      center.mass += weights_[i];
    }
    for (std::size_t j = 0; j < clusters_; ++j)
      if (moved[j].mass > 0) centers_[j] = std::move(moved[j]);
  }

  WidePieces& pieces_;
  const Context& ctx_;
  const Columns& columns_;
  const std::vector<std::int64_t>& rows_;
  const std::vector<double>& weights_;
  std::size_t clusters_;
  const RunRandom& random_;
  RowRange own_;              ///< the candidates that this rank measures
  std::vector<float> pairs_;  ///< (candidates, candidates)
  std::vector<CandidateCenter> centers_;
  bool is_changed_ = false;
};

}  // namespace

std::shared_ptr<const WideCenters> cluster_wide_candidates(
    WidePieces& pieces, const Columns& columns, const std::vector<std::int64_t>& candidates,
    const std::vector<double>& weights, std::int64_t clusters, const RunRandom& random) {
  return WideCandidates(pieces, columns, candidates, weights, clusters, random).run();
}

}  // namespace serried::kmeans
