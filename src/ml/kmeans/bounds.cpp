#include "ml/kmeans/bounds.hpp"

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <numeric>
#include <utility>

#include "serried/base/faults.hpp"
#include "serried/comm/agree.hpp"

namespace serried::kmeans {
namespace {

/// Wider than the rounding of a distance in f64, whatever the number of features.
constexpr double widening = 0x1.0p-30;
/// Costs by row, in units of about a cycle of a core: to test bounds, and to store them anew.
constexpr double cost_of_test = 6;
constexpr double cost_of_keeping = 8;
/// Comparing with few centres, and comparing rows here and there, relative to comparing all rows
/// with all centres in one go.
constexpr double cost_of_movers = 1.3;
constexpr double cost_of_chosen = 1.3;
/// What a pass with bounds may cost, in passes without: to go on with them, and to begin.
constexpr double share_to_go_on = 0.95;
constexpr double share_to_begin = 0.75;

double distance(const double* a, const double* b, std::int64_t features) {
  double sum = 0;
  for (std::int64_t f = 0; f < features; ++f) sum += (a[f] - b[f]) * (a[f] - b[f]);
  return std::sqrt(sum);
}

float rounded_up(double value) {
  const auto result = static_cast<float>(value);
  return static_cast<double>(result) < value
             ? std::nextafter(result, std::numeric_limits<float>::infinity())
             : result;
}

/// Whether each leaf begins with a gate, so that gates do not depend on the number of ranks.
bool has_aligned_leaves(const Leaves& leaves) {
  if (leaves.count() <= 1) return true;
  return leaves.layout().is_uniform() &&
         (leaves.layout().tile_rows() * leaves.tiles_per_leaf()) % kmeans_gate_rows == 0;
}

double mean_of(const std::vector<double>& values) {
  return std::accumulate(values.begin(), values.end(), 0.) / static_cast<double>(values.size());
}

}  // namespace

Bounds::Bounds(const Rows& rows, const Columns& columns, std::int64_t clusters, KMeansBoundsUse use)
    : rows_(rows),
      columns_(columns),
      clusters_(clusters),
      features_(rows.features()),
      is_allowed_(use == KMeansBoundsUse::automatic && rows.kernels().uses_bounds()),
      is_gated_(has_aligned_leaves(rows.leaves())) {}

void Bounds::begin_pass(std::span<const double> centers) {
  if (!is_allowed_) return;
  movers_.clear();
  prepared_movers_.reset();
  if (last_centers_.empty()) {
    start();
  } else {
    const std::vector<double> moves = moves_to(centers);
    const std::optional<std::int64_t> movers =
        best_number_of_movers(moves, is_kept_ ? share_to_go_on : share_to_begin);
    const double mean = mean_of(moves);
    if (is_kept_ && movers) {
      choose_movers(moves, *movers, centers);
      add_moves(moves);
    } else if (movers || is_keeping_cheap() || mean < last_mean_move_ / 2) {
      start();
      last_mean_move_ = mean;
    } else {
      is_kept_ = false;
    }
  }
  last_centers_.assign(centers.begin(), centers.end());
  if (!is_kept_) return;
  find_half_gaps(centers);
  for (std::size_t j = 0; j < reaches_.size(); ++j)
    reaches_[j] = {.own = rounded_up(own_[j]),
                   .others = rounded_up(others_[j]),
                   .half_gap = static_cast<float>(half_gaps_[j] * (1 - 0x1.0p-22)),
                   .is_mover = 0};
  for (const std::int32_t j : movers_) reaches_[static_cast<std::size_t>(j)].is_mover = 1;
  worst_ = {};
  for (const KMeansReach& reach : reaches_) {
    worst_.own = std::max(worst_.own, reach.own);
    worst_.others = std::max(worst_.others, reach.others);
  }
}

std::optional<KMeansBounds> Bounds::view(const Unit& unit, std::span<std::int64_t> slack_counts) {
  if (!is_kept_) return std::nullopt;
  return KMeansBounds{
      .limits = limits_.data() + 2 * unit.local_row,
      .reaches = reaches_.data(),
      .is_known = is_known_,
      .movers = prepared_movers_.get(),
      .mover_numbers = movers_.data(),
      .gates = is_gated_ ? gates_.data() + unit.local_row / kmeans_gate_rows : nullptr,
      .worst = worst_,
      .first_row = unit.rows.begin,
      .slack_counts = slack_counts.data()};
}

void Bounds::end_pass(std::span<const std::int64_t> slack_counts) {
  if (!is_kept_) return;
  is_known_ = true;
  slack_counts_.assign(slack_counts.begin(), slack_counts.end());
}

void Bounds::start() {
  is_kept_ = true;
  is_known_ = false;
  // memory in proportion to the rank's rows can fail on one rank alone
  agree(rows_.context().comm(), [&] {
    faults::before_allocation();
    limits_.resize(2 * static_cast<std::size_t>(rows_.local_rows()));
    if (is_gated_)
      gates_.assign(static_cast<std::size_t>(rows_.local_rows() / kmeans_gate_rows + 1), {});
  });
  const auto count = static_cast<std::size_t>(clusters_);
  own_.assign(count, 0.);
  others_.assign(count, 0.);
  half_gaps_.assign(count, 0.);
  reaches_.resize(count);
}

std::vector<double> Bounds::moves_to(std::span<const double> centers) const {
  std::vector<double> moves;
  for (std::int64_t j = 0; j < clusters_; ++j) {
    const std::int64_t at = j * features_;
    moves.push_back(columns_.scale *
                    distance(centers.data() + at, last_centers_.data() + at, features_) *
                    (1 + widening));
  }
  return moves;
}

/// Every centre that moved, but the movers, comes at most by the largest of these moves nearer to
/// the rows of other centres.
void Bounds::add_moves(std::span<const double> moves) {
  double largest = 0;
  double second = 0;
  std::size_t which = 0;
  std::size_t next_mover = 0;
  for (std::size_t j = 0; j < moves.size(); ++j) {
    own_[j] += moves[j];
    if (next_mover < movers_.size() && static_cast<std::size_t>(movers_[next_mover]) == j) {
      ++next_mover;
    } else if (moves[j] > largest) {
      second = std::exchange(largest, moves[j]);
      which = j;
    } else {
      second = std::max(second, moves[j]);
    }
  }
  for (std::size_t j = 0; j < others_.size(); ++j) others_[j] += j == which ? second : largest;
}

/// What comparing a row with some centres costs: fused multiply-adds of a vector's lane, the search
/// for the least two, and the transposition of the row's features. How these stand to each other is
/// good for any CPU with vectors; only time depends on it.
double Bounds::cost_of_comparing(std::int64_t centers) const {
  const auto m = static_cast<double>(centers);
  const auto p = static_cast<double>(features_);
  return m * p / 12 + 0.6 * m + p / 2;
}

/// Whether bounds may be stored in passes that do not use them, for the sake of the next.
bool Bounds::is_keeping_cheap() const {
  return cost_of_keeping < 0.08 * cost_of_comparing(clusters_);
}

/// The share of rows whose bounds were closer to each other than `slack` in the last pass.
double Bounds::share_below(double slack) const {
  std::int64_t below = 0;
  for (int bin = 0; bin < kmeans_slack_bins; ++bin)
    if (static_cast<double>(kmeans_slack(bin)) < slack)
      below += slack_counts_[static_cast<std::size_t>(bin)];
  const auto all = std::accumulate(slack_counts_.begin(), slack_counts_.end(), std::int64_t{0});
  return static_cast<double>(below) / static_cast<double>(std::max<std::int64_t>(all, 1));
}

/// Of the centres that move most, so many that a pass costs least; nothing where bounds save
/// nothing.
std::optional<std::int64_t> Bounds::best_number_of_movers(std::vector<double> moves,
                                                          double share) const {
  const double mean = mean_of(moves);
  std::ranges::sort(moves, std::greater());
  double best_cost = share * cost_of_comparing(clusters_);
  std::optional<std::int64_t> best;
  for (std::int64_t count = 0; count <= clusters_ / 2;
       count += std::max<std::int64_t>(4, count / 8 * 4)) {
    const double slowest = moves[static_cast<std::size_t>(count)];
    const double open = share_below(slowest + std::min(mean, slowest));
    const double of_movers =
        count == 0 ? 0 : cost_of_movers * cost_of_comparing(count) + cost_of_test;
    const double cost = cost_of_test + of_movers +
                        open * (cost_of_chosen * cost_of_comparing(clusters_) + cost_of_keeping +
                                static_cast<double>(features_) / 4);
    if (cost < best_cost) {
      best_cost = cost;
      best = count;
    }
  }
  return best;
}

void Bounds::choose_movers(std::span<const double> moves, std::int64_t count,
                           std::span<const double> centers) {
  if (count == 0) return;
  movers_.resize(moves.size());
  std::iota(movers_.begin(), movers_.end(), 0);
  const auto move = [&](std::int32_t j) { return moves[static_cast<std::size_t>(j)]; };
  std::ranges::stable_sort(movers_, [&](auto a, auto b) { return move(a) > move(b); });
  movers_.resize(static_cast<std::size_t>(count));
  std::ranges::sort(movers_);
  std::vector<double> chosen;
  for (const std::int32_t j : movers_)
    chosen.insert(chosen.end(), centers.begin() + j * features_,
                  centers.begin() + (j + 1) * features_);
  prepared_movers_ = rows_.kernels().prepare(columns_.frame(), chosen, count, KMeansUse::assign);
}

/// Half the distance of each centre to its nearest neighbour: a row that is nearer to its centre
/// than that stays. Left at 0 where finding it would cost as much as looking at rows. With many
/// centres, each rank does a part of the work.
void Bounds::find_half_gaps(std::span<const double> centers) {
  if (clusters_ < 2 || 64 * clusters_ > rows_.global_rows()) return;
  const Communicator& comm = rows_.context().comm();
  const bool is_shared = clusters_ * clusters_ * features_ > (1 << 20) && comm.size() > 1;
  const std::int64_t begin = is_shared ? clusters_ * comm.rank() / comm.size() : 0;
  const std::int64_t end = is_shared ? clusters_ * (comm.rank() + 1) / comm.size() : clusters_;
  std::vector<double> own;
  for (std::int64_t j = begin; j < end; ++j) {
    double least = std::numeric_limits<double>::infinity();
    for (std::int64_t i = 0; i < clusters_; ++i)
      if (i != j)
        least = std::min(least, distance(centers.data() + i * features_,
                                         centers.data() + j * features_, features_));
    own.push_back(columns_.scale * least / 2 * (1 - widening));
  }
  half_gaps_ = is_shared ? comm.allgather(std::span<const double>(own)).values : std::move(own);
}

}  // namespace serried::kmeans
