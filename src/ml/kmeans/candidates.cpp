// Clusters the weighted candidates of k-means||: a small problem, solved from several starts that
// the ranks share out.
#include <algorithm>

#include "ml/kmeans/seeding_steps.hpp"
#include "serried/comm/agree.hpp"
#include "serried/device/backend.hpp"

namespace serried::kmeans {
namespace {

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
    std::vector<double> centers;
    for (const std::size_t i :
         choose_candidates(weights_, clusters_, random_, start,
                           [&](const std::vector<std::size_t>& c) { return distances_to(c); }))
      append(i, centers);
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
      if (changed == 0 || step == most_candidate_steps)
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
