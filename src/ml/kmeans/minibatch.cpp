#include "ml/kmeans/minibatch.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

#include "ml/kmeans/batches.hpp"
#include "ml/kmeans/minibatch_rules.hpp"
#include "ml/kmeans/seeding.hpp"
#include "ml/kmeans/shared_reads.hpp"
#include "serried/comm/agree.hpp"

namespace serried::kmeans {
namespace {

/// scikit-learn's default.
constexpr double low_share = 0.01;  ///< of the largest count: such centres are reassigned

/// Ours: rows for each cluster between two reassignments. (scikit-learn takes 10, and begins at
/// once, so that small clusters lose good centres before their first row comes.)
constexpr std::int64_t rows_between = 100;

/// Bytes of rows that each rank holds in the first load of batches, and at most: each load is twice
/// the one before. No bit depends on these, nor on the memory that there is.
constexpr std::int64_t first_load_bytes = std::int64_t{16} << 20;
constexpr std::int64_t most_load_bytes = std::int64_t{256} << 20;

/// Rows of the sample that initial centres come from.
std::int64_t sample_rows(std::int64_t clusters) {
  return 50 * clusters + 1000;
}

/// Rows that one thread takes at a time.
constexpr std::int64_t run_rows = 256;

class MiniBatch {
 public:
  MiniBatch(Rows& rows, const Columns& columns, const FixedPoint& fixed,
            const KMeansOptions& options, int run, Checkpoints& checkpoints)
      : rows_(rows),
        checkpoints_(checkpoints),
        reads_(rows, &checkpoints),
        columns_(columns),
        fixed_(fixed),
        options_(options),
        run_(run),
        random_(options.seed, run),
        k_(options.clusters),
        p_(rows.features()),
        batches_(rows, options.batch_rows, random_),
        sums_(static_cast<std::size_t>(rows.workers()), ClusterSums(k_, p_)),
        weights_(static_cast<std::size_t>(k_), 0.),
        inertia_(bits_of_distance(), rows.global_rows()) {}

  LloydResult run() {
    take_up();
    for (; epoch_ < options_.max_iterations && !result_.is_converged; ++epoch_) run_epoch();
    label_all();
    return std::move(result_);
  }

 private:
  /// w * scale^2 * d^2 of rows and centres inside their bounding box stays below 2 to this.
  [[nodiscard]] int bits_of_distance() const {
    return 3 + static_cast<int>(std::bit_width(static_cast<std::uint64_t>(p_)));
  }

  /// Batches of which each rank's rows take about so many bytes; at least 1.
  [[nodiscard]] std::int64_t batches_in(std::int64_t bytes) const {
    const double batch_bytes = static_cast<double>(rows_.global_rows() * p_) *
                               static_cast<double>(size_of(rows_.dtype())) /
                               static_cast<double>(batches_.count()) / comm().size();
    return 1 +
           static_cast<std::int64_t>(std::min(static_cast<double>(bytes) / batch_bytes, 0x1.0p40));
  }

  [[nodiscard]] FitState& state() { return checkpoints_.fit(run_); }

  void take_up() {
    if (!checkpoints_.is_on() || state().stage != FitState::Stage::running) return;
    const FitState& from = state();
    const auto clusters = static_cast<std::size_t>(k_);
    if (from.numbers.size() != clusters + 2 || from.counts.size() != 4 || from.counts[2] < 0 ||
        from.counts[3] < 0 || from.counts[3] > batches_.count())
      throw DataError("the checkpoint's state makes no sense: it is not that of mini-batches");
    result_.centers = from.centers;
    result_.iterations = from.iterations;
    result_.is_converged = from.is_converged;
    result_.examined_rows = from.examined_rows;
    result_.visited_rows = from.visited_rows;
    std::copy_n(from.numbers.begin(), clusters, weights_.begin());
    improvement_ = {.smoothed = from.numbers[clusters],
                    .least = from.numbers[clusters + 1],
                    .steps_without = from.counts[0]};
    rows_since_ = from.counts[1];
    epoch_ = from.counts[2];
    next_batch_ = from.counts[3];
  }

  /// Between two steps.
  void keep_state() {
    if (!checkpoints_.is_on()) return;
    FitState& to = state();
    to.stage = FitState::Stage::running;
    to.centers = result_.centers;
    to.iterations = result_.iterations;
    to.is_converged = result_.is_converged;
    to.examined_rows = result_.examined_rows;
    to.visited_rows = result_.visited_rows;
    to.numbers = weights_;
    to.numbers.push_back(improvement_.smoothed);
    to.numbers.push_back(improvement_.least);
    to.counts = {improvement_.steps_without, rows_since_, epoch_, next_batch_};
    checkpoints_.count_iteration();
    checkpoints_.between_reads();
  }

  /// The rest of an epoch.
  void run_epoch() {
    const std::int64_t memory = rows_.context().options().memory_bytes / 8;
    const std::int64_t most = batches_in(std::min(most_load_bytes, memory));
    std::int64_t loaded =
        std::max(sample_batches(), batches_in(std::min(first_load_bytes, memory)));
    while (next_batch_ < batches_.count() && !result_.is_converged) {
      const std::int64_t last = std::min(batches_.count(), next_batch_ + loaded);
      batches_.load(epoch_, next_batch_, last);
      if (result_.centers.empty()) result_.centers = initial_centers();
      while (next_batch_ < last && !result_.is_converged) {
        step(batches_.batch(next_batch_));
        ++next_batch_;
        rows_.context().recorder().progress("kmeans batches", next_batch_, batches_.count());
        keep_state();
      }
      loaded = std::max(loaded, std::min(2 * loaded, most));
    }
    next_batch_ = 0;
  }

  [[nodiscard]] const Communicator& comm() const { return rows_.context().comm(); }

  std::vector<double> initial_centers() {
    const bool is_sampled = options_.init == KMeansInit::kmeans_parallel ||
                            options_.init == KMeansInit::kmeans_plus_plus;
    if (is_sampled) {
      std::vector<double> weights;
      const std::vector<double> values = sample(weights);
      if (static_cast<std::int64_t>(weights.size()) >= k_) {
        std::vector<double> centers =
            cluster_candidates(rows_, columns_, values, weights, k_, random_);
        count_sample(values, weights, centers);
        return centers;
      }
    }
    return reads_.run(choose_centers(reads_, columns_, options_, run_));
  }

  /// Centres begin with the weights of their rows in the sample, whose means they are. Local.
  void count_sample(const std::vector<double>& values, const std::vector<double>& weights,
                    const std::vector<double>& centers) {
    const auto& kernels = rows_.context().backend()->kernels<KMeansKernels>(DType::f64);
    const auto prepared = kernels.prepare(columns_.frame(), centers, k_, KMeansUse::assign);
    std::vector<std::int32_t> labels(weights.size(), -1);
    kernels.assign(*prepared, {values.data(), static_cast<std::int64_t>(weights.size())}, nullptr,
                   labels.data(), nullptr, nullptr, nullptr);
    for (std::size_t i = 0; i < weights.size(); ++i)
      weights_[static_cast<std::size_t>(labels[i])] += weights[i];
  }

  /// The first batches, which give the sample.
  [[nodiscard]] std::int64_t sample_batches() const {
    return std::min(batches_.count(), 1 + (sample_rows(k_) - 1) / options_.batch_rows);
  }

  /// Rows of the first batches that have a weight, in row order, on every rank.
  std::vector<double> sample(std::vector<double>& weights) {
    const double rows_of_batches = static_cast<double>(rows_.global_rows()) *
                                   static_cast<double>(sample_batches()) /
                                   static_cast<double>(batches_.count());
    const double share = std::min(1., static_cast<double>(sample_rows(k_)) / rows_of_batches);
    struct Row {
      std::int64_t number = 0;
      double weight = 0;
      const void* data = nullptr;
    };
    std::vector<Row> own;
    for (std::int64_t b = 0; b < sample_batches(); ++b) {
      const Batch batch = batches_.batch(b);
      for (std::size_t i = 0; i < batch.numbers.size(); ++i) {
        const std::int64_t number = batch.numbers[i];
        const double weight = batch.weights == nullptr ? 1. : batch.weights[i];
        const auto word =
            random_.words(RunRandom::Purpose::sample, 0, static_cast<std::uint64_t>(number))[0];
        if (!columns_.is_missing_row(number - rows_.first_row()) && weight > 0 &&
            to_unit_interval(word) < share)
          own.push_back({number, weight, row_of(batch, static_cast<std::int64_t>(i))});
      }
    }
    std::ranges::sort(own, {}, &Row::number);
    std::vector<double> values, own_weights;
    for (const Row& row : own) {
      own_weights.push_back(row.weight);
      append_row(row.data, values);
    }
    weights = comm().allgather(std::span<const double>(own_weights)).values;
    return comm().allgather(std::span<const double>(values)).values;
  }

  [[nodiscard]] const void* row_of(const Batch& batch, std::int64_t i) const {
    return static_cast<const std::byte*>(batch.rows.data) +
           i * p_ * static_cast<std::int64_t>(size_of(rows_.dtype()));
  }

  void append_row(const void* data, std::vector<double>& values) const {
    if (rows_.dtype() == DType::f32)
      values.insert(values.end(), static_cast<const float*>(data),
                    static_cast<const float*>(data) + p_);
    else
      values.insert(values.end(), static_cast<const double*>(data),
                    static_cast<const double*>(data) + p_);
  }

  void step(const Batch& batch) {
    ++result_.iterations;
    const double inertia = assign(batch);
    ClusterSums& sums = sums_[0];
    double weight = 0;
    std::int64_t usable = 0;
    for (std::int64_t j = 0; j < k_; ++j) {
      weight += weight_of(sums, j);
      usable += sums.count(j);
    }
    result_.examined_rows += usable;
    result_.visited_rows += usable;
    move_centers(sums);
    if (weight > 0) {
      reassign(batch, usable);
      const double share = static_cast<double>(options_.batch_rows) /
                           (static_cast<double>(columns_.usable_rows) + 1);
      const int is_converged =
          improvement_.has_ended(result_.iterations, inertia / weight, share) ? 1 : 0;
      result_.is_converged = comm().broadcast(is_converged, 0) != 0;
    }
    sums.clear();
  }

  /// Labels of the batch's rows; their sums over all ranks into sums_[0]. Returns the inertia, in
  /// units of the frame.
  double assign(const Batch& batch) {
    labels_.assign(static_cast<std::size_t>(batch.rows.count), -1);
    std::vector<FixedSum::Pair> inertias(sums_.size());
    agree(comm(), [&] {
      const auto centers =
          rows_.kernels().prepare(columns_.frame(), result_.centers, k_, KMeansUse::assign);
      const KMeansFixedPoint fixed = fixed_.view();
      const std::int64_t runs = (batch.rows.count + run_rows - 1) / run_rows;
      rows_.context().backend()->threads().parallel_for(runs, [&](std::int64_t part, int worker) {
        const std::int64_t begin = part * run_rows;
        const KMeansRows rows{row_of(batch, begin), std::min(run_rows, batch.rows.count - begin)};
        const double* const weights = batch.weights == nullptr ? nullptr : batch.weights + begin;
        const auto at = static_cast<std::size_t>(worker);
        const KMeansSums sums = sums_[at].view();
        std::int32_t* const labels = labels_.data() + begin;
        rows_.kernels().assign(*centers, rows, weights, labels, nullptr, &fixed, &sums);
        double squared[run_rows];
        rows_.kernels().own_distances(*centers, rows, labels, squared);
        for (std::int64_t i = 0; i < rows.count; ++i) {
          const double weight = weights == nullptr ? 1. : weights[i];
          if (labels[i] >= 0 && weight > 0)
            inertia_.add(weight * scaled_square(squared[i]), inertias[at]);
        }
      });
    });
    for (std::size_t worker = 1; worker < sums_.size(); ++worker) {
      sums_[0].add(sums_[worker]);
      sums_[worker].clear();
      for (std::size_t i = 0; i < 2; ++i) inertias[0][i] += inertias[worker][i];
    }
    std::ranges::copy(checkpoints_.votes(), sums_[0].votes().begin());
    comm().allreduce(sums_[0].all(), ReduceOp::sum);
    checkpoints_.take_votes(sums_[0].votes());
    comm().allreduce(std::span<std::int64_t>(inertias[0]), ReduceOp::sum);
    return inertia_.value(inertias[0]);
  }

  [[nodiscard]] double scaled_square(double squared) const {
    return squared * columns_.scale * columns_.scale;
  }

  [[nodiscard]] double weight_of(ClusterSums& sums, std::int64_t cluster) const {
    if (!rows_.has_weights()) return static_cast<double>(sums.count(cluster));
    return fixed_.weight(sums.weight_high(cluster), sums.weight_low(cluster));
  }

  void move_centers(ClusterSums& sums) {
    for (std::int64_t j = 0; j < k_; ++j) {
      const double weight = weight_of(sums, j);
      if (!(weight > 0)) continue;
      double& total = weights_[static_cast<std::size_t>(j)];
      total += weight;
      for (std::int64_t f = 0; f < p_; ++f) {
        const double shift = columns_.shift[static_cast<std::size_t>(f)];
        double& center = result_.centers[static_cast<std::size_t>(j * p_ + f)];
        const double sum = fixed_.sum(f, sums.high(j, f), sums.low(j, f));
        const double old = center - shift;
        center = shift + (old + (sum - weight * old) / total);
      }
    }
  }

  struct DrawnRow {
    std::uint64_t key = 0;
    std::int64_t row = 0;
    friend bool operator<(const DrawnRow& a, const DrawnRow& b) {
      return a.key != b.key ? a.key < b.key : a.row < b.row;
    }
  };

  /// Puts centres of low counts on rows of the batch whenever the batches have had enough rows; at
  /// most half as many as the batch has rows.
  void reassign(const Batch& batch, std::int64_t usable) {
    rows_since_ += usable;
    if (rows_since_ < rows_between * k_) return;
    rows_since_ = 0;
    const double limit = low_share * *std::ranges::max_element(weights_);
    std::vector<std::int64_t> low;
    for (std::int64_t j = 0; j < k_; ++j)
      if (weights_[static_cast<std::size_t>(j)] < limit) low.push_back(j);
    std::ranges::stable_sort(low, {},
                             [&](std::int64_t j) { return weights_[static_cast<std::size_t>(j)]; });
    low.resize(std::min(low.size(), static_cast<std::size_t>(usable / 2)));
    if (low.empty()) return;
    // They begin with the least count of the others, so that they are not reassigned at once.
    double least = std::numeric_limits<double>::infinity();
    for (const double weight : weights_)
      if (weight >= limit) least = std::min(least, weight);
    const std::vector<std::int64_t> drawn = draw_rows(batch, low.size());
    const std::vector<double> values = values_of(batch, drawn);
    for (std::size_t i = 0; i < drawn.size(); ++i) {
      const auto to = result_.centers.begin() + low[i] * p_;
      std::copy_n(values.begin() + static_cast<std::ptrdiff_t>(i) * p_, p_, to);
      weights_[static_cast<std::size_t>(low[i])] = least;
    }
  }

  /// Distinct rows of the batch that have a weight, ascending; the same on every rank.
  std::vector<std::int64_t> draw_rows(const Batch& batch, std::size_t count) {
    std::vector<DrawnRow> drawn;
    for (std::size_t i = 0; i < batch.numbers.size(); ++i)
      if (labels_[i] >= 0 && (batch.weights == nullptr || batch.weights[i] > 0))
        drawn.push_back({random_.words(RunRandom::Purpose::reassigned,
                                       static_cast<std::uint64_t>(result_.iterations),
                                       static_cast<std::uint64_t>(batch.numbers[i]))[0],
                         batch.numbers[i]});
    std::ranges::sort(drawn, std::less<>{});
    drawn.resize(std::min(drawn.size(), count));
    drawn = comm().allgather(std::span<const DrawnRow>(drawn)).values;
    std::ranges::sort(drawn, std::less<>{});
    drawn.resize(std::min(drawn.size(), count));
    std::vector<std::int64_t> numbers;
    for (const DrawnRow& row : drawn) numbers.push_back(row.row);
    std::ranges::sort(numbers);
    return numbers;
  }

  std::vector<double> values_of(const Batch& batch, const std::vector<std::int64_t>& rows) {
    std::vector<double> values;
    for (std::size_t i = 0; i < batch.numbers.size(); ++i)
      if (std::ranges::binary_search(rows, batch.numbers[i]))
        append_row(row_of(batch, static_cast<std::int64_t>(i)), values);
    // Ranks hold ascending runs of rows.
    return comm().allgather(std::span<const double>(values)).values;
  }

  /// Labels, sizes and inertia of all rows: one read.
  void label_all() {
    const auto centers =
        rows_.kernels().prepare(columns_.frame(), result_.centers, k_, KMeansUse::assign);
    result_.labels.assign(static_cast<std::size_t>(rows_.local_rows()), -1);
    Bounds bounds(rows_, columns_, k_, KMeansBoundsUse::off);
    AssignmentState state{fixed_, sums_, bounds};
    result_.inertia =
        reads_.run(assign_and_measure(reads_, *centers, false, result_.labels.data(), &state));
    for (std::size_t worker = 1; worker < sums_.size(); ++worker) sums_[0].add(sums_[worker]);
    comm().allreduce(sums_[0].all(), ReduceOp::sum);
    result_.examined_rows += sums_[0].examined();
    result_.visited_rows += rows_.global_rows();
    if (checkpoints_.is_on()) result_.label_centers = result_.centers;
    for (std::int64_t j = 0; j < k_; ++j) {
      result_.sizes.push_back(sums_[0].count(j));
      result_.weight += weight_of(sums_[0], j);
    }
  }

  Rows& rows_;
  Checkpoints& checkpoints_;
  SharedReads reads_;
  const Columns& columns_;
  const FixedPoint& fixed_;
  const KMeansOptions& options_;
  int run_;
  RunRandom random_;
  std::int64_t k_;
  std::int64_t p_;
  Batches batches_;
  std::vector<ClusterSums> sums_;     ///< by worker, of one step
  std::vector<double> weights_;       ///< N_j: what each centre got in all steps
  std::vector<std::int32_t> labels_;  ///< of this rank's rows of the batch
  FixedSum inertia_;
  std::int64_t rows_since_ = 0;  ///< the last reassignment
  Improvement improvement_;
  std::int64_t epoch_ = 0;
  std::int64_t next_batch_ = 0;  ///< of the epoch
  LloydResult result_;
};

}  // namespace

LloydResult fit_minibatches(Rows& rows, const Columns& columns, const FixedPoint& fixed,
                            const KMeansOptions& options, Checkpoints& checkpoints) {
  const int runs = options.init == KMeansInit::given ? 1 : options.n_init;
  LloydResult best;
  int best_run = 0;
  for (int run = 0; run < runs; ++run) {
    FitState* const state = checkpoints.is_on() ? &checkpoints.fit(run) : nullptr;
    const bool is_done = state != nullptr && state->stage == FitState::Stage::done;
    LloydResult result = is_done ? result_of(*state)
                                 : MiniBatch(rows, columns, fixed, options, run, checkpoints).run();
    if (state != nullptr && !is_done) *state = state_of(result);
    const bool is_better = run == 0 || result.inertia < best.inertia;
    const int worse = is_better ? best_run : run;
    if (state != nullptr && worse != run) checkpoints.fit(worse).centers = {};
    if (state != nullptr && !is_better) state->centers = {};
    if (!is_better) continue;
    best = std::move(result);
    best_run = run;
  }
  SharedReads reads(rows, &checkpoints);
  reads.run(find_labels(reads, columns, best));
  return best;
}

}  // namespace serried::kmeans
