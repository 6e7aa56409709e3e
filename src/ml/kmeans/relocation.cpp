#include "ml/kmeans/relocation.hpp"

#include "ml/kmeans/own_distances.hpp"

#include <algorithm>
#include <cmath>

namespace serried::kmeans {
namespace {

bool is_farther(const FarRow& a, const FarRow& b) {
  return a.squared != b.squared ? a.squared > b.squared : a.row < b.row;
}

}  // namespace

void keep_farthest(std::vector<FarRow>& candidates, std::size_t count) {
  if (candidates.size() > count) {
    std::ranges::nth_element(candidates, candidates.begin() + static_cast<std::ptrdiff_t>(count),
                             is_farther);
    candidates.resize(count);
  }
}

std::vector<FarRow> farthest_of_all(const Communicator& comm, std::vector<FarRow> own,
                                    std::size_t count) {
  keep_farthest(own, count);
  std::vector<FarRow> all = comm.allgather(std::span<const FarRow>(own)).values;
  keep_farthest(all, count);
  std::ranges::sort(all, is_farther);
  return all;
}

namespace {

/// The centres that rows are measured from, and how far rounding may have moved their elements.
struct Places {
  const KMeansCenters& prepared;
  std::span<const double> centers;
  std::span<const double> roundings;
  std::vector<double> squared_roundings;  ///< by cluster: what no row that coincides is beyond
};

template <class T>
bool coincides(const T* x, std::size_t features, std::int32_t label, const Places& places) {
  const std::size_t first = static_cast<std::size_t>(label) * features;
  for (std::size_t f = 0; f < features; ++f)
    if (std::abs(static_cast<double>(x[f]) - places.centers[first + f]) >
        places.roundings[first + f])
      return false;
  return true;
}

template <class T>
bool coincides(const Rows& rows, const Unit& unit, std::int64_t i, std::int32_t label,
               const Places& places) {
  const HostView<T> x(*rows.device(), static_cast<const T*>(unit.data) + i * rows.features(),
                      rows.features());
  return coincides(x.data(), static_cast<std::size_t>(rows.features()), label, places);
}

bool coincides(const Rows& rows, const Unit& unit, std::int64_t i, std::int32_t label,
               const Places& places) {
  return rows.dtype() == DType::f32 ? coincides<float>(rows, unit, i, label, places)
                                    : coincides<double>(rows, unit, i, label, places);
}

Task<std::vector<FarRow>> farthest_rows(SharedReads& reads, const Places& places,
                                        const std::int32_t* labels, std::size_t count) {
  const Rows& rows = reads.rows();
  std::vector<std::vector<FarRow>> found(static_cast<std::size_t>(rows.workers()));
  const auto work = [&](const Unit& unit) {
    const std::int64_t size = unit.rows.size();
    const OwnDistances measured(rows, places.prepared, unit, labels + unit.local_row);
    const double* const squared = measured.squared();
    const std::int32_t* const own = measured.labels();
    auto& mine = found[static_cast<std::size_t>(unit.worker)];
    for (std::int64_t i = 0; i < size; ++i) {
      const std::int64_t local = unit.local_row + i;
      if (own[i] < 0 || !(squared[i] > 0) || !(rows.weight(local) > 0)) continue;
      if (squared[i] <= places.squared_roundings[static_cast<std::size_t>(own[i])] &&
          coincides(rows, unit, i, own[i], places))
        continue;
      mine.push_back({squared[i], rows.first_row() + local, rows.weight(local), own[i], 0});
      if (mine.size() >= 4 * count + 4096) keep_farthest(mine, count);
    }
    keep_farthest(mine, count);
  };
  co_await reads.pass("farthest rows", work);
  std::vector<FarRow> candidates;
  for (const auto& mine : found) candidates.insert(candidates.end(), mine.begin(), mine.end());
  co_return farthest_of_all(rows.context().comm(), std::move(candidates), count);
}

}  // namespace

Task<bool> relocate_empty_clusters(SharedReads& reads, const KMeansCenters& prepared,
                                   std::span<const double> centers,
                                   std::span<const double> roundings, const std::int32_t* labels,
                                   std::span<const std::int64_t> empty, const FixedPoint& fixed,
                                   ClusterSums& sums) {
  const Rows& rows = reads.rows();
  const auto features = static_cast<std::size_t>(rows.features());
  Places places{prepared, centers, roundings, std::vector<double>(centers.size() / features, 0.)};
  for (std::size_t i = 0; i < roundings.size(); ++i)
    places.squared_roundings[i / features] += square_of_rounding(roundings[i]);
  const std::vector<FarRow> far = co_await farthest_rows(reads, places, labels, empty.size());
  if (far.empty()) co_return false;
  std::vector<std::int64_t> numbers;
  for (const FarRow& row : far) numbers.push_back(row.row);
  std::ranges::sort(numbers);
  const std::vector<double> values = co_await reads.fetch(numbers);
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
  co_return true;
}

}  // namespace serried::kmeans
