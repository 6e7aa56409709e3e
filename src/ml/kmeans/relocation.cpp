#include "ml/kmeans/relocation.hpp"

#include <algorithm>

namespace serried::kmeans {
namespace {

struct FarRow {
  double squared = 0;
  std::int64_t row = 0;
  double weight = 0;
  std::int32_t label = 0;
  std::int32_t reserved = 0;  ///< so that no padding is sent
};

bool is_farther(const FarRow& a, const FarRow& b) {
  return a.squared != b.squared ? a.squared > b.squared : a.row < b.row;
}

/// Keeps the `count` farthest in the order of is_farther.
void keep_farthest(std::vector<FarRow>& candidates, std::size_t count) {
  if (candidates.size() > count) {
    std::ranges::nth_element(candidates, candidates.begin() + static_cast<std::ptrdiff_t>(count),
                             is_farther);
    candidates.resize(count);
  }
}

std::vector<FarRow> farthest_rows(Rows& rows, const KMeansCenters& centers,
                                  std::span<const std::int32_t> labels, std::size_t count) {
  std::vector<std::vector<FarRow>> found(static_cast<std::size_t>(rows.workers()));
  rows.pass("farthest rows", [&](const Unit& unit) {
    const auto size = static_cast<std::size_t>(unit.rows.size());
    std::vector<double> squared(size);
    const std::int32_t* const own = labels.data() + unit.local_row;
    rows.kernels().own_distances(centers, unit.kernel_rows(), own, squared.data());
    auto& mine = found[static_cast<std::size_t>(unit.worker)];
    for (std::size_t i = 0; i < size; ++i) {
      const std::int64_t local = unit.local_row + static_cast<std::int64_t>(i);
      if (own[i] < 0 || !(squared[i] > 0) || !(rows.weight(local) > 0)) continue;
      mine.push_back({squared[i], rows.first_row() + local, rows.weight(local), own[i], 0});
      if (mine.size() >= 4 * count + 4096) keep_farthest(mine, count);
    }
    keep_farthest(mine, count);
  });
  std::vector<FarRow> candidates;
  for (const auto& mine : found) candidates.insert(candidates.end(), mine.begin(), mine.end());
  keep_farthest(candidates, count);
  candidates = rows.context().comm().allgather(std::span<const FarRow>(candidates)).values;
  keep_farthest(candidates, count);
  std::ranges::sort(candidates, is_farther);
  return candidates;
}

}  // namespace

bool relocate_empty_clusters(Rows& rows, const KMeansCenters& centers,
                             std::span<const std::int32_t> labels,
                             std::span<const std::int64_t> empty, const FixedPoint& fixed,
                             ClusterSums& sums) {
  const std::vector<FarRow> far = farthest_rows(rows, centers, labels, empty.size());
  if (far.empty()) return false;
  std::vector<std::int64_t> numbers;
  for (const FarRow& row : far) numbers.push_back(row.row);
  std::ranges::sort(numbers);
  const std::vector<double> values = rows.fetch(numbers);
  for (std::size_t i = 0; i < far.size(); ++i) {
    const auto at = std::ranges::lower_bound(numbers, far[i].row) - numbers.begin();
    const double* const x = values.data() + at * rows.features();
    const std::int64_t from = far[i].label;
    const std::int64_t to = empty[i];
    for (std::int64_t f = 0; f < rows.features(); ++f) {
      const FixedPoint::Pair pair = fixed.element(f, x[f], far[i].weight);
      sums.high(from, f) -= pair.high;
      sums.low(from, f) -= pair.low;
      sums.high(to, f) = pair.high;
      sums.low(to, f) = pair.low;
    }
    const FixedPoint::Pair weight = fixed.weight_pair(far[i].weight);
    sums.weight_high(from) -= weight.high;
    sums.weight_low(from) -= weight.low;
    sums.weight_high(to) = weight.high;
    sums.weight_low(to) = weight.low;
    --sums.count(from);
    sums.count(to) = 1;
  }
  return true;
}

}  // namespace serried::kmeans
