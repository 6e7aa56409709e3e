// Clusters the weighted candidates of k-means||: a small problem, solved alike on every rank.
#include <algorithm>
#include <cmath>
#include <limits>

#include "ml/kmeans/seeding.hpp"
#include "serried/device/backend.hpp"

namespace serried::kmeans {
namespace {

constexpr int most_lloyd_steps = 20;

class CandidateProblem {
 public:
  CandidateProblem(const Rows& rows, const Columns& columns, const std::vector<double>& values,
                   const std::vector<double>& weights, std::int64_t clusters,
                   const RunRandom& random)
      : kernels_(rows.context().backend()->kernels<KMeansKernels>(DType::f64)),
        frame_(columns.frame()),
        values_(values),
        weights_(weights),
        count_(weights.size()),
        p_(static_cast<std::size_t>(rows.features())),
        clusters_(static_cast<std::size_t>(clusters)),
        random_(random) {}

  std::vector<double> run() {
    std::vector<double> centers = choose_greedily();
    return improve(std::move(centers));
  }

 private:
  [[nodiscard]] KMeansRows rows() const {
    return {values_.data(), static_cast<std::int64_t>(count_)};
  }

  /// An index drawn with probabilities proportional to `shares`; the last of them that is above 0
  /// where rounding has eaten the rest.
  [[nodiscard]] std::size_t draw(const std::vector<double>& shares, double total, double u) const {
    double sum = 0;
    std::size_t chosen = 0;
    for (std::size_t i = 0; i < count_; ++i) {
      if (!(shares[i] > 0)) continue;
      chosen = i;
      sum += shares[i];
      if (sum > u * total) break;
    }
    return chosen;
  }

  [[nodiscard]] double potential(const std::vector<float>& squared) const {
    double sum = 0;
    for (std::size_t i = 0; i < count_; ++i) sum += weights_[i] * static_cast<double>(squared[i]);
    return sum;
  }

  /// Distances of all candidates to some of them, (chosen, count).
  [[nodiscard]] std::vector<float> distances_to(const std::vector<std::size_t>& chosen) const {
    std::vector<double> centers;
    for (const std::size_t i : chosen) append(i, centers);
    const auto prepared = kernels_.prepare(
        frame_, centers, static_cast<std::int64_t>(chosen.size()), KMeansUse::seed);
    std::vector<float> out(chosen.size() * count_);
    kernels_.candidate_distances(*prepared, rows(), out.data());
    return out;
  }

  void append(std::size_t candidate, std::vector<double>& centers) const {
    const auto begin = values_.begin() + static_cast<std::ptrdiff_t>(candidate * p_);
    centers.insert(centers.end(), begin, begin + static_cast<std::ptrdiff_t>(p_));
  }

  /// Greedy k-means++ on the candidates.
  std::vector<double> choose_greedily() {
    const auto trials =
        static_cast<std::uint64_t>(greedy_trials(static_cast<std::int64_t>(clusters_)));
    std::vector<float> squared(count_, std::numeric_limits<float>::infinity());
    std::vector<double> centers;
    std::vector<double> shares = weights_;
    for (std::size_t j = 0; j < clusters_; ++j) {
      double total = 0;
      for (const double share : shares) total += share;
      std::vector<std::size_t> drawn;
      for (std::uint64_t t = 0; t < (j == 0 ? 1 : trials); ++t)
        drawn.push_back(
            draw(shares, total, random_.open_unit(RunRandom::Purpose::candidates, j, t)));
      std::ranges::sort(drawn);
      drawn.erase(std::unique(drawn.begin(), drawn.end()), drawn.end());
      const std::vector<float> distances = distances_to(drawn);
      double least = std::numeric_limits<double>::infinity();
      std::vector<float> best;
      std::size_t chosen = drawn[0];
      for (std::size_t t = 0; t < drawn.size(); ++t) {
        std::vector<float> trial(count_);
        for (std::size_t i = 0; i < count_; ++i)
          trial[i] = std::min(squared[i], distances[t * count_ + i]);
        const double sum = potential(trial);
        if (sum < least) {
          least = sum;
          best = std::move(trial);
          chosen = drawn[t];
        }
      }
      squared = std::move(best);
      append(chosen, centers);
      for (std::size_t i = 0; i < count_; ++i)
        shares[i] = weights_[i] * static_cast<double>(squared[i]);
    }
    return centers;
  }

  /// Weighted Lloyd steps: a centre moves to the mean of its candidates.
  std::vector<double> improve(std::vector<double> centers) const {
    std::vector<std::int32_t> labels(count_, -1);
    for (int step = 0; step < most_lloyd_steps; ++step) {
      const auto prepared = kernels_.prepare(frame_, centers, static_cast<std::int64_t>(clusters_),
                                             KMeansUse::assign);
      if (kernels_.assign(*prepared, rows(), nullptr, labels.data(), nullptr, nullptr, nullptr)
              .changed == 0)
        break;
      std::vector<double> sums(clusters_ * p_, 0.);
      std::vector<double> masses(clusters_, 0.);
      for (std::size_t i = 0; i < count_; ++i) {
        const auto j = static_cast<std::size_t>(labels[i]);
        masses[j] += weights_[i];
        for (std::size_t f = 0; f < p_; ++f)
          sums[j * p_ + f] += weights_[i] * (values_[i * p_ + f] - frame_.shift[f]);
      }
      for (std::size_t j = 0; j < clusters_; ++j)
        for (std::size_t f = 0; masses[j] > 0 && f < p_; ++f)
          centers[j * p_ + f] = frame_.shift[f] + sums[j * p_ + f] / masses[j];
    }
    return centers;
  }

  const KMeansKernels& kernels_;
  KMeansFrame frame_;
  const std::vector<double>& values_;
  const std::vector<double>& weights_;
  std::size_t count_;
  std::size_t p_;
  std::size_t clusters_;
  const RunRandom& random_;
};

}  // namespace

std::vector<double> cluster_candidates(const Rows& rows, const Columns& columns,
                                       const std::vector<double>& candidates,
                                       const std::vector<double>& weights, std::int64_t clusters,
                                       const RunRandom& random) {
  return CandidateProblem(rows, columns, candidates, weights, clusters, random).run();
}

}  // namespace serried::kmeans
