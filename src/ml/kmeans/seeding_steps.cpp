#include "ml/kmeans/seeding_steps.hpp"

#include "ml/kmeans/fixed_point.hpp"

namespace serried::kmeans {

std::vector<LeafDraw> draw_leaves(std::span<const double> leaf_sums, std::int64_t trials,
                                  const RunRandom& random, std::size_t chosen) {
  double total = 0;
  std::vector<double> prefix;
  for (const double sum : leaf_sums) prefix.push_back(total += sum);
  std::vector<LeafDraw> draws;
  if (!(total > 0)) return draws;
  for (std::int64_t t = 0; t < trials; ++t) {
    const double wanted =
        total * random.open_unit(RunRandom::Purpose::trials, chosen, static_cast<std::uint64_t>(t));
    auto leaf = std::upper_bound(prefix.begin(), prefix.end(), wanted) - prefix.begin();
    leaf = std::min(leaf, static_cast<std::ptrdiff_t>(prefix.size()) - 1);
    while (leaf > 0 && !(leaf_sums[static_cast<std::size_t>(leaf)] > 0)) --leaf;
    draws.push_back({leaf, wanted - (leaf > 0 ? prefix[static_cast<std::size_t>(leaf - 1)] : 0.)});
  }
  return draws;
}

std::vector<std::int64_t> distinct_rows(const Communicator& comm,
                                        const std::vector<std::int64_t>& own) {
  std::vector<std::int64_t> rows = comm.allgather(std::span<const std::int64_t>(own)).values;
  std::ranges::sort(rows);
  rows.erase(std::unique(rows.begin(), rows.end()), rows.end());
  return rows;
}

std::size_t best_trial(std::span<const double> potentials, std::span<const std::int64_t> rows) {
  std::size_t best = 0;
  for (std::size_t t = 1; t < potentials.size(); ++t)
    if (potentials[t] < potentials[best] ||
        (potentials[t] == potentials[best] && rows[t] < rows[best]))
      best = t;
  return best;
}

std::vector<std::int64_t> rows_to_complete(const Rows& rows, const Columns& columns,
                                           std::int64_t clusters, const RunRandom& random,
                                           std::span<const std::int64_t> chosen) {
  std::vector<std::int64_t> more;
  for (const std::int64_t row :
       race_rows(rows, columns, clusters, random, RunRandom::Purpose::filling, 0,
                 [&](std::int64_t i) { return rows.weight(i); }))
    if (std::ranges::find(chosen, row) == chosen.end() &&
        static_cast<std::int64_t>(chosen.size() + more.size()) < clusters)
      more.push_back(row);
  return more;
}

int number_of_rounds(const KMeansOptions& options) {
  // A round more finds what is far from all others; where clusters are few, it costs more than it
  // brings: there a round is bound by reading.
  return options.init_rounds.value_or(options.clusters < 32 ? 2 : 3);
}

std::vector<std::int64_t> draw_candidates(const Rows& rows, const KMeansOptions& options,
                                          const RunRandom& random, int round, double potential,
                                          const float* squared) {
  const double wanted = options.init_candidates * static_cast<double>(options.clusters) /
                        std::max(1, number_of_rounds(options));
  KMeansDraw draw = random.draw(static_cast<std::uint64_t>(round));
  draw.factor = wanted / potential;
  const std::int64_t count = rows.local_rows();
  constexpr std::int64_t run = 1 << 16;
  // A device draws all rows in one call.
  const std::int64_t length = rows.context().has_device() ? std::max(count, run) : run;
  const std::int64_t runs = (count + length - 1) / length;
  std::vector<std::vector<std::int64_t>> drawn(static_cast<std::size_t>(runs));
  rows.context().backend()->threads().parallel_for(runs, [&](std::int64_t part, int) {
    KMeansDraw own = draw;
    const std::int64_t first = part * length;
    own.first_row = rows.first_row() + first;
    auto& mine = drawn[static_cast<std::size_t>(part)];
    mine = rows.kernels().draw_rows(own, squared + first, rows.placed_weights(first),
                                    std::min(length, count - first));
    for (std::int64_t& row : mine) row += own.first_row;
  });
  std::vector<std::int64_t> mine;
  for (const auto& part : drawn) mine.insert(mine.end(), part.begin(), part.end());
  return rows.context().comm().allgather(std::span<const std::int64_t>(mine)).values;
}

std::vector<std::int64_t> further_candidates(const Rows& rows, const Columns& columns,
                                             std::int64_t count, const RunRandom& random,
                                             const float* squared) {
  const HostView<float> values(*rows.device(), squared, rows.local_rows());
  return race_rows(rows, columns, count, random, RunRandom::Purpose::filling, 0,
                   [&](std::int64_t i) { return rows.weight(i) * static_cast<double>(values[i]); });
}

std::vector<double> candidate_weights(const Rows& rows, const FixedPoint& fixed,
                                      std::int64_t candidates, const std::int32_t* nearest) {
  const auto count = static_cast<std::size_t>(candidates);
  std::vector<std::int64_t> sums(2 * count, 0);
  rows.kernels().label_weights(nearest, rows.placed_weights(0), rows.local_rows(), candidates,
                               fixed.view(), sums.data(), sums.data() + count);
  rows.context().comm().allreduce(std::span<std::int64_t>(sums), ReduceOp::sum);
  std::vector<double> result;
  for (std::size_t j = 0; j < count; ++j)
    result.push_back(rows.has_weights() ? fixed.weight(sums[j], sums[count + j])
                                        : static_cast<double>(sums[j]));
  return result;
}

std::int64_t number_of_starts(const Columns& columns, std::int64_t candidates,
                              std::int64_t clusters, std::int64_t features) {
  constexpr double blink = 1e8;
  constexpr std::int64_t most_starts = 8;
  const double pairs = static_cast<double>(clusters) * static_cast<double>(features);
  const double start = static_cast<double>(candidates) * pairs *
                       static_cast<double>(greedy_trials(clusters) + most_candidate_steps);
  const double budget = std::max(blink, static_cast<double>(columns.usable_rows) * pairs / 2);
  return std::clamp<std::int64_t>(static_cast<std::int64_t>(std::min(budget / start, 1e9)), 1,
                                  most_starts);
}

std::size_t draw_share(const std::vector<double>& shares, double total, double u) {
  double sum = 0;
  std::size_t chosen = 0;
  for (std::size_t i = 0; i < shares.size(); ++i) {
    if (!(shares[i] > 0)) continue;
    chosen = i;
    sum += shares[i];
    if (sum > u * total) break;
  }
  return chosen;
}

}  // namespace serried::kmeans
