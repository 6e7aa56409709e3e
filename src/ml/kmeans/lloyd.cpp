#include "ml/kmeans/lloyd.hpp"

#include <algorithm>
#include <cmath>

#include "ml/kmeans/relocation.hpp"
#include "serried/comm/agree.hpp"

namespace serried::kmeans {
namespace {

/// Assigns the rows of a unit.
void assign_unit(const Rows& rows, const KMeansCenters& centers, const Unit& unit,
                 std::int32_t* labels, AssignmentState& state) {
  ClusterSums& sums = state.sums[static_cast<std::size_t>(unit.worker)];
  const KMeansSums view = sums.view();
  const KMeansFixedPoint fixed = state.fixed.view();
  const std::optional<KMeansBounds> bounds = state.bounds.view(unit, sums.slack_counts());
  const KMeansAssigned result =
      rows.kernels().assign(centers, unit.kernel_rows(), unit.weights, labels,
                            bounds ? &*bounds : nullptr, &fixed, &view);
  sums.moved() += result.changed;
  sums.examined() += result.examined;
}

class Lloyd {
 public:
  Lloyd(SharedReads& reads, const Columns& columns, const FixedPoint& fixed,
        std::vector<double> centers, const KMeansOptions& options, FitProgress& progress,
        FitState* state)
      : reads_(reads),
        rows_(reads.rows()),
        columns_(columns),
        fixed_(fixed),
        options_(options),
        progress_(progress),
        state_(state),
        k_(options.clusters),
        p_(rows_.features()),
        totals_(k_, p_),
        deltas_(static_cast<std::size_t>(rows_.workers()), ClusterSums(k_, p_)),
        bounds_(rows_, columns, k_, options.bounds) {
    result_.centers = std::move(centers);
    agree(rows_.context().comm(),
          [&] { labels_ = RowValues<std::int32_t>(rows_.device(), rows_.local_rows(), -1); });
  }

  Task<LloydResult> run() {
    const double tolerance = options_.tolerance * columns_.mean_variance;
    bool are_labels_final = state_ != nullptr && state_->are_labels_final;
    co_await take_up();
    for (std::int64_t i = result_.iterations + 1;
         i <= options_.max_iterations && !result_.is_converged; ++i) {
      result_.iterations = i;
      const Decision decision = co_await iterate(tolerance);
      are_labels_final = decision.are_labels_final != 0;
      result_.is_converged = decision.is_converged != 0;
      progress_.add_iteration();
      keep_state(are_labels_final);
    }
    progress_.skip(options_.max_iterations - result_.iterations);
    const auto prepared = prepare();
    if (!are_labels_final) bounds_.begin_pass(result_.centers);
    AssignmentState state{fixed_, deltas_, bounds_};
    result_.inertia =
        co_await assign_and_measure(reads_, *prepared, are_labels_final, labels_.data(), &state);
    if (!are_labels_final) gather_deltas();
    if (state_ != nullptr && !are_labels_final) result_.label_centers = result_.centers;
    measure_iterations();
    for (std::int64_t j = 0; j < k_; ++j) {
      result_.sizes.push_back(totals_.count(j));
      result_.weight += weight_of(totals_, j);
    }
    result_.labels = labels_.take();
    co_return std::move(result_);
  }

 private:
  struct Decision {
    int are_labels_final = 0;
    int is_converged = 0;
  };

  [[nodiscard]] std::unique_ptr<KMeansCenters> prepare() const {
    return rows_.kernels().prepare(columns_.frame(), result_.centers, k_, KMeansUse::assign);
  }

  /// Goes on where the state stands: the rows get the labels that they had there, and the totals
  /// are those of these labels.
  Task<> take_up() {
    if (state_ == nullptr) co_return;
    if (state_->stage != FitState::Stage::running) {
      keep_state(false);
      co_return;
    }
    result_.iterations = state_->iterations;
    result_.is_converged = state_->is_converged;
    progress_.skip(result_.iterations);
    if (state_->label_centers.empty()) co_return;
    result_.label_centers = state_->label_centers;
    const auto prepared =
        rows_.kernels().prepare(columns_.frame(), result_.label_centers, k_, KMeansUse::assign);
    co_await assign(*prepared, result_.label_centers);
    result_.examined_rows = state_->examined_rows;
    result_.visited_rows = state_->visited_rows;
  }

  /// Between two iterations.
  void keep_state(bool are_labels_final) {
    if (state_ == nullptr) return;
    state_->stage = FitState::Stage::running;
    state_->iterations = result_.iterations;
    state_->is_converged = result_.is_converged;
    state_->are_labels_final = are_labels_final;
    state_->examined_rows = result_.examined_rows;
    state_->visited_rows = result_.visited_rows;
    state_->centers = result_.centers;
    state_->label_centers = result_.label_centers;
    if (result_.iterations > 0) reads_.checkpoints()->count_iteration();
  }

  /// Adds what the workers of all ranks moved to the totals, and returns how many rows changed.
  std::int64_t gather_deltas() {
    for (std::size_t worker = 1; worker < deltas_.size(); ++worker) {
      deltas_[0].add(deltas_[worker]);
      deltas_[worker].clear();
    }
    Checkpoints* const checkpoints = reads_.checkpoints();
    if (checkpoints != nullptr) std::ranges::copy(checkpoints->votes(), deltas_[0].votes().begin());
    rows_.context().comm().allreduce(deltas_[0].all(), ReduceOp::sum);
    if (checkpoints != nullptr) checkpoints->take_votes(deltas_[0].votes());
    totals_.add(deltas_[0]);
    const std::int64_t moved = deltas_[0].moved();
    result_.examined_rows += deltas_[0].examined();
    result_.visited_rows += rows_.global_rows();
    bounds_.end_pass(deltas_[0].slack_counts());
    deltas_[0].clear();
    return moved;
  }

  /// Labels of these centres, and their totals. Returns how many rows changed.
  Task<std::int64_t> assign(const KMeansCenters& prepared, std::span<const double> centers) {
    bounds_.begin_pass(centers);
    AssignmentState state{fixed_, deltas_, bounds_};
    const auto work = [&](const Unit& unit) {
      assign_unit(rows_, prepared, unit, labels_.data() + unit.local_row, state);
    };
    co_await reads_.pass("assign", work);
    co_return gather_deltas();
  }

  Task<Decision> iterate(double tolerance) {
    const auto prepared = prepare();
    const std::int64_t moved = co_await assign(*prepared, result_.centers);
    const std::vector<double> old = result_.centers;
    if (state_ != nullptr) result_.label_centers = old;
    const bool is_relocated = co_await move_centers(*prepared);
    // Cluster by cluster, so that centres which come by pieces of columns give the same sum.
    double shift = 0;
    for (std::size_t i = 0; i < old.size();) {
      double of_center = 0;
      for (std::int64_t f = 0; f < p_; ++f, ++i)
        of_center += (result_.centers[i] - old[i]) * (result_.centers[i] - old[i]);
      shift += of_center;
    }
    Decision decision;
    decision.are_labels_final = moved == 0 && !is_relocated ? 1 : 0;
    decision.is_converged = moved == 0 || shift <= tolerance ? 1 : 0;
    // Every rank has come to the same; one of them decides all the same, so that none can go
    // astray.
    co_return rows_.context().comm().broadcast(decision, 0);
  }

  [[nodiscard]] double weight_of(ClusterSums& sums, std::int64_t cluster) const {
    if (!rows_.has_weights()) return static_cast<double>(sums.count(cluster));
    return fixed_.weight(sums.weight_high(cluster), sums.weight_low(cluster));
  }

  /// rounding_of_mean, by element of the centres.
  [[nodiscard]] std::vector<double> roundings() {
    std::vector<double> result;
    for (std::int64_t j = 0; j < k_; ++j) {
      const double weight = weight_of(totals_, j);
      const double rows = weight > 0 ? static_cast<double>(totals_.count(j)) / weight : 0.;
      const double of_weight = rows_.has_weights() ? rows * fixed_.weight_unit() : 0.;
      for (std::int64_t f = 0; f < p_; ++f) {
        const double center = result_.centers[static_cast<std::size_t>(j * p_ + f)];
        const double shift = columns_.shift[static_cast<std::size_t>(f)];
        result.push_back(rounding_of_mean(center, shift, rows, of_weight, fixed_.unit(f)));
      }
    }
    return result;
  }

  /// The sum of the clusters' weights times their means' squared distances from the shift.
  [[nodiscard]] double squares_about_shift(ClusterSums& sums,
                                           const std::vector<double>& weights) const {
    double squares = 0;
    for (std::int64_t j = 0; j < k_; ++j) {
      const double weight = weights[static_cast<std::size_t>(j)];
      if (!(weight > 0)) continue;
      double of_cluster = 0;
      for (std::int64_t f = 0; f < p_; ++f) {
        const double sum = fixed_.sum(f, sums.high(j, f), sums.low(j, f));
        of_cluster += sum * (sum / weight);
      }
      squares += of_cluster;
    }
    return squares;
  }

  /// The rows' sum of squares about the shift follows from the final inertia; what it has more than
  /// an iteration's means is that iteration's inertia.
  void measure_iterations() {
    double total = result_.inertia;
    for (std::int64_t j = 0; j < k_; ++j) {
      const double weight = weight_of(totals_, j);
      for (std::int64_t f = 0; f < p_; ++f) {
        const double center = result_.centers[static_cast<std::size_t>(j * p_ + f)] -
                              columns_.shift[static_cast<std::size_t>(f)];
        const double sum = fixed_.sum(f, totals_.high(j, f), totals_.low(j, f));
        total += center * (2 * sum - weight * center);
      }
    }
    for (const double between : squares_between_)
      result_.inertia_by_iteration.push_back(std::max(0., total - between));
  }

  /// Returns whether empty clusters were given rows.
  Task<bool> move_centers(const KMeansCenters& prepared) {
    bool is_relocated = false;
    ClusterSums sums = totals_;
    std::vector<std::int64_t> empty;
    for (std::int64_t j = 0; j < k_; ++j)
      if (weight_of(sums, j) == 0) empty.push_back(j);
    if (!empty.empty()) {
      const std::vector<double> rounding = roundings();
      is_relocated = co_await relocate_empty_clusters(reads_, prepared, result_.centers, rounding,
                                                      labels_.data(), empty, fixed_, sums);
    }
    std::vector<double> weights;
    for (std::int64_t j = 0; j < k_; ++j) weights.push_back(weight_of(sums, j));
    const auto heaviest = std::ranges::max_element(weights) - weights.begin();
    squares_between_.push_back(squares_about_shift(sums, weights));
    for (std::int64_t j = 0; j < k_; ++j) {
      // A cluster that is still empty stands with the heaviest one, as scikit-learn has it.
      const std::int64_t source = weights[static_cast<std::size_t>(j)] > 0 ? j : heaviest;
      for (std::int64_t f = 0; f < p_; ++f)
        result_.centers[static_cast<std::size_t>(j * p_ + f)] =
            columns_.shift[static_cast<std::size_t>(f)] +
            fixed_.sum(f, sums.high(source, f), sums.low(source, f)) /
                weights[static_cast<std::size_t>(source)];
    }
    co_return is_relocated;
  }

  SharedReads& reads_;
  Rows& rows_;
  const Columns& columns_;
  const FixedPoint& fixed_;
  const KMeansOptions& options_;
  FitProgress& progress_;
  FitState* state_;  ///< null where no checkpoints are kept
  std::int64_t k_;
  std::int64_t p_;
  ClusterSums totals_;               ///< of all ranks, for the present labels
  std::vector<ClusterSums> deltas_;  ///< by worker: what moved in this iteration
  Bounds bounds_;
  RowValues<std::int32_t> labels_;
  std::vector<double> squares_between_;  ///< by iteration, see measure_iterations
  LloydResult result_;
};

}  // namespace

Task<double> assign_and_measure(SharedReads& reads, const KMeansCenters& centers,
                                bool are_labels_known, std::int32_t* labels, AssignmentState* state,
                                const std::int64_t* first_row) {
  Rows& rows = reads.rows();
  LeafTotals totals(rows, 2);
  const auto work = [&](const Unit& unit) {
    const std::int64_t first = first_row == nullptr ? 0 : *first_row;
    std::int32_t* const own = labels + (unit.local_row - first);
    if (!are_labels_known && state != nullptr)
      assign_unit(rows, centers, unit, own, *state);
    else if (!are_labels_known)
      rows.kernels().assign(centers, unit.kernel_rows(), unit.weights, own, nullptr, nullptr,
                            nullptr);
    rows.kernels().leaf_inertia(centers, unit.kernel_rows(), unit.weights, own,
                                rows.offsets_of(unit), totals.leaf(unit.first_leaf));
  };
  co_await reads.pass("inertia", work, totals);
  const std::vector<double> sum = totals.finish();
  const double inertia = sum[0] + sum[1];
  require_finite_inertia(rows, inertia);
  co_return inertia;
}

void require_finite_inertia(const Rows& rows, double inertia) {
  // One squared distance that is not finite makes the sum so. All ranks have the same sum.
  if (!std::isfinite(inertia))
    throw DataError(rows.source().describe() +
                    ": squared distances from the centres, or their sum, leave the range of f64; "
                    "k-means needs the data in other units");
}

Task<LloydResult> run_lloyd(SharedReads& reads, const Columns& columns, const FixedPoint& fixed,
                            std::vector<double> centers, const KMeansOptions& options,
                            FitProgress& progress, FitState* state) {
  Lloyd lloyd(reads, columns, fixed, std::move(centers), options, progress, state);
  co_return co_await lloyd.run();
}

LloydResult result_of(const FitState& state) {
  LloydResult result;
  result.centers = state.centers;
  result.sizes = state.sizes;
  result.has_labels = false;
  result.label_centers = state.label_centers;
  result.inertia = state.inertia;
  result.weight = state.weight;
  result.iterations = state.iterations;
  result.is_converged = state.is_converged;
  result.examined_rows = state.examined_rows;
  result.visited_rows = state.visited_rows;
  return result;
}

FitState state_of(const LloydResult& result) {
  FitState state;
  state.stage = FitState::Stage::done;
  state.iterations = result.iterations;
  state.is_converged = result.is_converged;
  state.are_labels_final = true;
  state.examined_rows = result.examined_rows;
  state.visited_rows = result.visited_rows;
  state.centers = result.centers;
  state.label_centers = result.label_centers;
  state.sizes = result.sizes;
  state.inertia = result.inertia;
  state.weight = result.weight;
  return state;
}

Task<> find_labels(SharedReads& reads, const Columns& columns, LloydResult& result) {
  if (result.has_labels) co_return;
  Rows& rows = reads.rows();
  if (result.label_centers.empty())
    throw DataError("the checkpoint's state makes no sense: its best fit has no centres");
  const auto prepared =
      rows.kernels().prepare(columns.frame(), result.label_centers,
                             static_cast<std::int64_t>(result.sizes.size()), KMeansUse::assign);
  RowValues<std::int32_t> labels;
  agree(rows.context().comm(),
        [&] { labels = RowValues<std::int32_t>(rows.device(), rows.local_rows(), -1); });
  const auto work = [&](const Unit& unit) {
    rows.kernels().assign(*prepared, unit.kernel_rows(), unit.weights,
                          labels.data() + unit.local_row, nullptr, nullptr, nullptr);
  };
  co_await reads.pass("labels", work);
  result.labels = labels.take();
  result.has_labels = true;
}

}  // namespace serried::kmeans
