// Clusters the weighted candidates of k-means||: a small problem, solved from several starts that
// the ranks share out.
#include <algorithm>
#include <cmath>
#include <limits>

#include "ml/kmeans/seeding.hpp"
#include "serried/comm/agree.hpp"
#include "serried/device/backend.hpp"

namespace serried::kmeans {
namespace {

constexpr int most_lloyd_steps = 20;
constexpr std::int64_t most_starts = 8;

struct Solution {
  std::vector<double> centers;
  double inertia = 0;  ///< of the candidates, with their weights
};

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

  /// What one start comes to: a function of data, options and its number.
  [[nodiscard]] Solution solve(std::uint64_t start) const {
    return improve(choose_greedily(start));
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
  [[nodiscard]] std::vector<double> choose_greedily(std::uint64_t start) const {
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
        drawn.push_back(draw(
            shares, total, random_.open_unit(RunRandom::Purpose::candidates, j, start << 32 | t)));
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
  [[nodiscard]] Solution improve(std::vector<double> centers) const {
    std::vector<std::int32_t> labels(count_, -1);
    for (int step = 0;; ++step) {
      const auto prepared = kernels_.prepare(frame_, centers, static_cast<std::int64_t>(clusters_),
                                             KMeansUse::assign);
      const std::int64_t changed =
          kernels_.assign(*prepared, rows(), nullptr, labels.data(), nullptr, nullptr, nullptr)
              .changed;
      if (changed == 0 || step == most_lloyd_steps)
        return {std::move(centers), inertia(*prepared, labels)};
      move(labels, centers);
    }
  }

  void move(const std::vector<std::int32_t>& labels, std::vector<double>& centers) const {
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

  [[nodiscard]] double inertia(const KMeansCenters& centers,
                               const std::vector<std::int32_t>& labels) const {
    std::vector<double> squared(count_);
    kernels_.own_distances(centers, rows(), labels.data(), squared.data());
    double sum = 0;
    for (std::size_t i = 0; i < count_; ++i) sum += weights_[i] * squared[i];
    return sum;
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

/// As many starts as cost little: all of them no more than half an iteration over the rows, or what
/// is done in a blink. Products are counted: each start compares candidates with clusters once for
/// each trial of the choice and once for each step.
std::int64_t number_of_starts(const Columns& columns, std::int64_t candidates,
                              std::int64_t clusters, std::int64_t features) {
  constexpr double blink = 1e8;
  const double pairs = static_cast<double>(clusters) * static_cast<double>(features);
  const double start = static_cast<double>(candidates) * pairs *
                       static_cast<double>(greedy_trials(clusters) + most_lloyd_steps);
  const double budget = std::max(blink, static_cast<double>(columns.usable_rows) * pairs / 2);
  return std::clamp<std::int64_t>(static_cast<std::int64_t>(std::min(budget / start, 1e9)), 1,
                                  most_starts);
}

/// The starts numbered rank, rank + ranks, ..., on this rank's threads.
std::vector<Solution> solve_own(const CandidateProblem& problem, const Context& ctx,
                                std::int64_t starts) {
  std::vector<Solution> solutions(
      static_cast<std::size_t>((starts - ctx.rank() + ctx.size() - 1) / ctx.size()));
  ctx.backend()->threads().parallel_for(
      static_cast<std::int64_t>(solutions.size()), [&](std::int64_t i, int) {
        solutions[static_cast<std::size_t>(i)] =
            problem.solve(static_cast<std::uint64_t>(ctx.rank() + i * ctx.size()));
      });
  return solutions;
}

}  // namespace

std::vector<double> cluster_candidates(const Rows& rows, const Columns& columns,
                                       const std::vector<double>& candidates,
                                       const std::vector<double>& weights, std::int64_t clusters,
                                       const RunRandom& random) {
  const Context& ctx = rows.context();
  const CandidateProblem problem(rows, columns, candidates, weights, clusters, random);
  const std::int64_t starts = number_of_starts(columns, static_cast<std::int64_t>(weights.size()),
                                               clusters, rows.features());
  std::vector<Solution> own = agree_on(ctx.comm(), [&] { return solve_own(problem, ctx, starts); });
  std::vector<double> inertias;
  for (const Solution& solution : own) inertias.push_back(solution.inertia);
  const auto all = ctx.comm().allgather(std::span<const double>(inertias));
  // Start s is number s / ranks of rank s % ranks.
  const auto inertia_of = [&](std::int64_t start) {
    return all.piece(
        static_cast<int>(start % ctx.size()))[static_cast<std::size_t>(start / ctx.size())];
  };
  std::int64_t best = 0;
  for (std::int64_t start = 1; start < starts; ++start)
    if (inertia_of(start) < inertia_of(best)) best = start;
  const int owner = static_cast<int>(best % ctx.size());
  std::vector<double> centers(static_cast<std::size_t>(clusters * rows.features()));
  if (ctx.rank() == owner)
    centers = std::move(own[static_cast<std::size_t>(best / ctx.size())].centers);
  ctx.comm().broadcast(std::span<double>(centers), owner);
  return centers;
}

}  // namespace serried::kmeans
