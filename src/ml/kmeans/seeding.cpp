#include "ml/kmeans/seeding.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

#include "serried/base/philox.hpp"
#include "serried/comm/agree.hpp"

namespace serried::kmeans {
namespace {

struct RaceRow {
  double key = 0;
  std::int64_t row = 0;
  friend bool operator<(const RaceRow& a, const RaceRow& b) {
    return a.key != b.key ? a.key < b.key : a.row < b.row;
  }
};

void keep_first(std::vector<RaceRow>& rows, std::size_t count) {
  if (rows.size() <= count) return;
  std::ranges::nth_element(rows, rows.begin() + static_cast<std::ptrdiff_t>(count), std::less<>{});
  rows.resize(count);
}

/// The largest key that is among the first `count` of all ranks, by bisection over the keys' bits:
/// ranks then send what is needed and no more.
double last_key(const Communicator& comm, const std::vector<RaceRow>& sorted, std::int64_t count) {
  std::uint64_t low = 0;
  std::uint64_t high = std::bit_cast<std::uint64_t>(std::numeric_limits<double>::infinity());
  while (low < high) {
    const std::uint64_t middle = low + (high - low) / 2;
    const RaceRow limit{std::bit_cast<double>(middle), std::numeric_limits<std::int64_t>::max()};
    const auto below = std::upper_bound(sorted.begin(), sorted.end(), limit) - sorted.begin();
    if (comm.allreduce(static_cast<std::int64_t>(below), ReduceOp::sum) >= count)
      high = middle;
    else
      low = middle + 1;
  }
  return std::bit_cast<double>(low);
}

}  // namespace

double RunRandom::open_unit(Purpose purpose, std::uint64_t step, std::uint64_t index) const {
  return to_unit_interval(words(purpose, step, index)[0]) + 0x1.0p-54;
}

double exponential_of(double u) noexcept {
  int exponent = 0;
  double m = std::frexp(u, &exponent);  // [1/2, 1)
  if (m < 0.70710678118654752) {
    m *= 2;
    --exponent;
  }
  // log m = 2 artanh(s), s = (m - 1) / (m + 1), |s| < 0.172: eleven terms leave 1e-17.
  const double s = (m - 1) / (m + 1);
  const double square = s * s;
  double series = 0;
  for (int i = 21; i >= 1; i -= 2) series = series * square + 1. / i;
  return -(2 * s * series + exponent * 0.69314718055994531);
}

std::int64_t greedy_trials(std::int64_t clusters) {
  return 2 + static_cast<std::int64_t>(std::log(static_cast<double>(clusters)));
}

std::vector<std::int64_t> race_rows(const Rows& rows, const Columns& columns, std::int64_t count,
                                    const RunRandom& random, RunRandom::Purpose purpose,
                                    std::uint64_t step,
                                    const std::function<double(std::int64_t)>& weight) {
  const auto limit = static_cast<std::size_t>(count);
  const auto key_of = [&](std::int64_t local) {
    const double w = weight(local);
    if (!(w > 0)) return std::numeric_limits<double>::infinity();
    const auto row = static_cast<std::uint64_t>(rows.first_row() + local);
    return exponential_of(random.open_unit(purpose, step, row)) / w;
  };
  constexpr std::int64_t run = 1 << 16;
  const std::int64_t runs = (rows.local_rows() + run - 1) / run;
  std::vector<std::vector<RaceRow>> parts(static_cast<std::size_t>(runs));
  rows.context().backend()->threads().parallel_for(runs, [&](std::int64_t part, int) {
    auto& mine = parts[static_cast<std::size_t>(part)];
    const std::int64_t end = std::min(rows.local_rows(), (part + 1) * run);
    for (std::int64_t i = part * run; i < end; ++i) {
      if (!columns.is_missing_row(i)) mine.push_back({key_of(i), rows.first_row() + i});
      if (mine.size() == 2 * limit + 1024) keep_first(mine, limit);
    }
    keep_first(mine, limit);
    mine.shrink_to_fit();  // there are many parts
  });
  std::vector<RaceRow> first;
  for (const auto& part : parts) first.insert(first.end(), part.begin(), part.end());
  keep_first(first, limit);
  std::ranges::sort(first, std::less<>{});
  const Communicator& comm = rows.context().comm();
  const RaceRow last{last_key(comm, first, count), std::numeric_limits<std::int64_t>::max()};
  first.erase(std::upper_bound(first.begin(), first.end(), last), first.end());
  std::vector<RaceRow> all = comm.allgather(std::span<const RaceRow>(first)).values;
  keep_first(all, limit);
  std::ranges::sort(all, std::less<>{});
  std::vector<std::int64_t> numbers;
  for (const RaceRow& row : all) numbers.push_back(row.row);
  return numbers;
}

std::int64_t draw_row(const Rows& rows, const Columns& columns, const RunRandom& random) {
  constexpr std::uint64_t tries = 64;
  std::uint64_t accepted = tries;
  const auto count = static_cast<double>(rows.global_rows());
  const auto row_of = [&](std::uint64_t t) {
    const double u = to_unit_interval(random.words(RunRandom::Purpose::first_row, 0, t)[0]);
    return std::min(rows.global_rows() - 1, static_cast<std::int64_t>(u * count));
  };
  for (std::uint64_t t = 0; t < tries && accepted == tries; ++t) {
    const std::int64_t row = row_of(t);
    if (!rows.own_rows().contains(row)) continue;
    const std::int64_t local = row - rows.first_row();
    const double u = to_unit_interval(random.words(RunRandom::Purpose::first_row, 0, t)[1]);
    if (!columns.is_missing_row(local) && u * columns.largest_weight < rows.weight(local))
      accepted = t;
  }
  accepted = rows.context().comm().allreduce(accepted, ReduceOp::min);
  if (accepted < tries) return row_of(accepted);
  return race_rows(rows, columns, 1, random, RunRandom::Purpose::rows, 0,
                   [&](std::int64_t i) { return rows.weight(i); })[0];
}

NearestCandidate::NearestCandidate(const Rows& rows) {
  agree(rows.context().comm(), [&] {
    squared = {rows.device(), rows.local_rows(), std::numeric_limits<float>::infinity()};
    nearest = {rows.device(), rows.local_rows(), -1};
  });
}

void NearestCandidate::drop_missing(const Rows& rows, const Unit& unit) {
  if (unit.weights == nullptr) return;
  rows.kernels().drop_missing(unit.weights, unit.rows.size(), squared.data() + unit.local_row,
                              nearest.data() + unit.local_row);
}

void NearestCandidate::sum_leaves(const Rows& rows, const Unit& unit, LeafTotals& totals) const {
  rows.kernels().leaf_sums(squared.data() + unit.local_row, unit.weights, rows.offsets_of(unit),
                           totals.leaf(unit.first_leaf));
}

Task<std::vector<double>> choose_centers(SharedReads& reads, const Columns& columns,
                                         const KMeansOptions& options, int run) {
  const RunRandom random(options.seed, run);
  if (options.init == KMeansInit::given) co_return options.initial_centers;
  if (options.init == KMeansInit::kmeans_plus_plus)
    co_return co_await choose_greedily(reads, columns, options.clusters, random);
  if (options.init == KMeansInit::kmeans_parallel)
    co_return co_await choose_in_rounds(reads, columns, options, random);
  const Rows& rows = reads.rows();
  const std::vector<std::int64_t> chosen =
      race_rows(rows, columns, options.clusters, random, RunRandom::Purpose::rows, 0,
                [&](std::int64_t i) { return rows.weight(i); });
  co_return co_await reads.fetch(chosen);
}

}  // namespace serried::kmeans
