#include "ml/cluster_scores/spread.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

#include "base/compensated_sum.hpp"
#include "ml/kmeans/fixed_point.hpp"

namespace serried::cluster_scores {
namespace {

using kmeans::ClusterSums;
using kmeans::Columns;
using kmeans::FixedPoint;
using kmeans::LeafTotals;
using kmeans::Rows;
using kmeans::SharedReads;
using kmeans::Task;
using kmeans::Unit;

/// For sums of `rows` numbers of at most `largest` in each of `features` columns, all in one scale.
FixedPoint fixed_point(std::int64_t rows, std::vector<double> shift, double largest) {
  Columns columns;
  columns.usable_rows = rows;
  columns.shift = std::move(shift);
  columns.maxima.assign(columns.shift.size(), largest);
  const auto features = static_cast<std::int64_t>(columns.maxima.size());
  return {columns, features, false};
}

class Spread {
 public:
  Spread(SharedReads& reads, const Columns& columns, std::span<const std::int32_t> labels,
         std::span<const std::int64_t> sizes)
      : reads_(reads),
        rows_(reads.rows()),
        columns_(columns),
        labels_(labels),
        sizes_(sizes),
        k_(static_cast<std::int64_t>(sizes.size())),
        p_(rows_.features()),
        count_(std::accumulate(sizes.begin(), sizes.end(), std::int64_t{0})),
        // A row is at most twice as far from its cluster's mean as from that of all rows.
        largest_distance_(2.01 * columns.largest * std::sqrt(static_cast<double>(p_))) {}

  Task<SpreadScores> run() {
    co_await find_means();
    co_await measure();
    SpreadScores scores;
    scores.davies_bouldin = davies_bouldin();
    scores.calinski_harabasz = calinski_harabasz();
    co_return scores;
  }

 private:
  [[nodiscard]] double size(std::int64_t cluster) const {
    return static_cast<double>(sizes_[static_cast<std::size_t>(cluster)]);
  }

  template <class T>
  void add_rows(const Unit& unit, const FixedPoint& fixed, ClusterSums& sums) const {
    const T* x = static_cast<const T*>(unit.data);
    const std::int32_t* const labels = labels_.data() + unit.local_row;
    for (std::int64_t i = 0; i < unit.rows.size(); ++i, x += p_) {
      if (labels[i] < 0) continue;
      std::int64_t* const high = &sums.high(labels[i], 0);
      std::int64_t* const low = &sums.low(labels[i], 0);
      for (std::int64_t f = 0; f < p_; ++f) {
        const FixedPoint::Pair pair = fixed.element(f, static_cast<double>(x[f]), 1.);
        high[f] += pair.high;
        low[f] += pair.low;
      }
    }
  }

  /// First pass: the clusters' means, and that of all rows.
  Task<> find_means() {
    const FixedPoint fixed = fixed_point(count_, columns_.shift, columns_.largest);
    std::vector<ClusterSums> sums(static_cast<std::size_t>(rows_.workers()), ClusterSums(k_, p_));
    const auto work = [&](const Unit& unit) {
      ClusterSums& own = sums[static_cast<std::size_t>(unit.worker)];
      if (rows_.dtype() == DType::f32)
        add_rows<float>(unit, fixed, own);
      else
        add_rows<double>(unit, fixed, own);
    };
    co_await reads_.pass("cluster means", work);
    for (std::size_t worker = 1; worker < sums.size(); ++worker) sums[0].add(sums[worker]);
    rows_.context().comm().allreduce(sums[0].all(), ReduceOp::sum);
    std::vector<FixedPoint::Pair> all(static_cast<std::size_t>(p_));
    for (std::int64_t j = 0; j < k_; ++j)
      for (std::int64_t f = 0; f < p_; ++f) {
        const FixedPoint::Pair pair{sums[0].high(j, f), sums[0].low(j, f)};
        all[static_cast<std::size_t>(f)].high += pair.high;
        all[static_cast<std::size_t>(f)].low += pair.low;
        means_.push_back(fixed.sum(f, pair.high, pair.low) / size(j));
      }
    for (std::int64_t f = 0; f < p_; ++f) {
      const FixedPoint::Pair& pair = all[static_cast<std::size_t>(f)];
      mean_.push_back(fixed.sum(f, pair.high, pair.low) / static_cast<double>(count_));
    }
    find_roundings(fixed);
  }

  /// The means in the data's own coordinates, and how far rounding may have moved them from rows
  /// that are all alike: half a last digit, six roundings in relation to the shift, and what the
  /// fixed point's unit takes.
  void find_roundings(const FixedPoint& fixed) {
    constexpr double u = 0x1.0p-53;
    for (std::int64_t j = 0; j < k_; ++j) {
      double squared = 0;
      for (std::int64_t f = 0; f < p_; ++f) {
        const double offset = means_[static_cast<std::size_t>(j * p_ + f)];
        centers_.push_back(columns_.shift[static_cast<std::size_t>(f)] + offset);
        const double rounding =
            u * std::abs(centers_.back()) + 6 * u * std::abs(offset) + fixed.unit(f);
        squared += rounding * rounding;
      }
      squared_roundings_.push_back(1.01 * squared);
    }
  }

  /// Second pass: distances of the rows to their means. One within the rounding of the mean is 0.
  Task<> measure() {
    const auto prepared =
        rows_.kernels().prepare(columns_.frame(), centers_, k_, KMeansUse::assign);
    const FixedPoint fixed = fixed_point(count_, {0.}, largest_distance_);
    const auto clusters = static_cast<std::size_t>(k_);
    std::vector<std::vector<FixedPoint::Pair>> sums(static_cast<std::size_t>(rows_.workers()),
                                                    std::vector<FixedPoint::Pair>(clusters));
    LeafTotals totals(rows_, 2);
    const auto work = [&](const Unit& unit) {
      measure_unit(unit, *prepared, fixed, sums[static_cast<std::size_t>(unit.worker)], totals);
    };
    co_await reads_.pass("distances from cluster means", work, totals);
    std::vector<std::int64_t> all(2 * clusters, 0);
    for (const auto& own : sums)
      for (std::size_t j = 0; j < clusters; ++j) {
        all[j] += own[j].high;
        all[clusters + j] += own[j].low;
      }
    rows_.context().comm().allreduce(std::span<std::int64_t>(all), ReduceOp::sum);
    for (std::size_t j = 0; j < clusters; ++j)
      mean_distances_.push_back(fixed.sum(0, all[j], all[clusters + j]) /
                                static_cast<double>(sizes_[j]));
    const std::vector<double> sum = totals.finish();
    within_ = sum[0] + sum[1];
  }

  void measure_unit(const Unit& unit, const KMeansCenters& prepared, const FixedPoint& fixed,
                    std::vector<FixedPoint::Pair>& sums, LeafTotals& totals) const {
    const std::int32_t* const labels = labels_.data() + unit.local_row;
    std::vector<double> squared(static_cast<std::size_t>(unit.rows.size()));
    rows_.kernels().own_distances(prepared, unit.kernel_rows(), labels, squared.data());
    for (std::int64_t leaf = unit.first_leaf; leaf < unit.last_leaf; ++leaf) {
      CompensatedSum sum;
      const std::int64_t end = rows_.leaves().row_begin(leaf + 1) - unit.rows.begin;
      for (std::int64_t i = rows_.leaves().row_begin(leaf) - unit.rows.begin; i < end; ++i) {
        if (labels[i] < 0) continue;
        const auto cluster = static_cast<std::size_t>(labels[i]);
        const double value = squared[static_cast<std::size_t>(i)];
        if (value <= squared_roundings_[cluster]) continue;
        const FixedPoint::Pair pair = fixed.element(0, std::sqrt(value), 1.);
        sums[cluster].high += pair.high;
        sums[cluster].low += pair.low;
        sum.add(value);
      }
      totals.leaf(leaf)[0] = sum.sum();
      totals.leaf(leaf)[1] = sum.error();
    }
  }

  [[nodiscard]] double squared_distance(const double* a, const double* b) const {
    double sum = 0;
    for (std::int64_t f = 0; f < p_; ++f) sum += (a[f] - b[f]) * (a[f] - b[f]);
    return sum;
  }

  /// Each rank finds the largest quotients of some clusters. Clusters of the same mean do not
  /// count, as in scikit-learn.
  [[nodiscard]] double davies_bouldin() const {
    const Communicator& comm = rows_.context().comm();
    std::vector<double> own;
    for (std::int64_t i = k_ * comm.rank() / comm.size(); i < k_ * (comm.rank() + 1) / comm.size();
         ++i) {
      double largest = 0;
      for (std::int64_t j = 0; j < k_; ++j) {
        const double distance =
            std::sqrt(squared_distance(means_.data() + i * p_, means_.data() + j * p_));
        if (distance > 0)
          largest = std::max(largest, (mean_distances_[static_cast<std::size_t>(i)] +
                                       mean_distances_[static_cast<std::size_t>(j)]) /
                                          distance);
      }
      own.push_back(largest);
    }
    const std::vector<double> quotients = comm.allgather(std::span<const double>(own)).values;
    return std::accumulate(quotients.begin(), quotients.end(), 0.) / static_cast<double>(k_);
  }

  [[nodiscard]] double calinski_harabasz() const {
    double between = 0;
    for (std::int64_t j = 0; j < k_; ++j)
      between += size(j) * squared_distance(means_.data() + j * p_, mean_.data());
    if (!std::isfinite(between) || !std::isfinite(within_))
      throw DataError(rows_.source().describe() +
                      ": sums of squared distances leave the range of f64; scores of clusters need "
                      "the data in other units");
    if (within_ == 0) return 1;
    return between / within_ * (static_cast<double>(count_ - k_) / static_cast<double>(k_ - 1));
  }

  SharedReads& reads_;
  const Rows& rows_;
  const Columns& columns_;
  std::span<const std::int32_t> labels_;
  std::span<const std::int64_t> sizes_;
  std::int64_t k_;
  std::int64_t p_;
  std::int64_t count_;
  double largest_distance_;
  std::vector<double> means_;  ///< (clusters, features), less the shift
  std::vector<double> mean_;   ///< of all rows, less the shift
  std::vector<double> centers_;
  std::vector<double> squared_roundings_;  ///< by cluster
  std::vector<double> mean_distances_;
  double within_ = 0;  ///< sum of squared distances to the own mean
};

}  // namespace

bool has_scores(std::span<const std::int64_t> sizes) {
  const auto clusters = static_cast<std::int64_t>(sizes.size());
  return clusters >= 2 && clusters < std::accumulate(sizes.begin(), sizes.end(), std::int64_t{0}) &&
         std::ranges::all_of(sizes, [](std::int64_t size) { return size > 0; });
}

Task<SpreadScores> score_spread(SharedReads& reads, const Columns& columns,
                                std::span<const std::int32_t> labels,
                                std::span<const std::int64_t> sizes) {
  if (!has_scores(sizes)) co_return SpreadScores{};
  Spread spread(reads, columns, labels, sizes);
  co_return co_await spread.run();
}

}  // namespace serried::cluster_scores
