#include "ml/kmeans/fits.hpp"

#include <memory>
#include <optional>

#include "ml/kmeans/seeding.hpp"

namespace serried::kmeans {
namespace {

/// From the same initial centres every run would be the same.
std::int64_t runs_of(const KMeansOptions& options) {
  return options.init == KMeansInit::given ? 1 : options.n_init;
}

class Fits {
 public:
  Fits(SharedReads& reads, const Columns& columns, const FixedPoint& fixed,
       std::span<const KMeansOptions> options, const TakeBest& take_best)
      : reads_(reads),
        columns_(columns),
        fixed_(fixed),
        options_(options),
        take_best_(take_best),
        best_(options.size()),
        progress_(reads.rows().context().recorder(), all_iterations(options)) {}

  void run() {
    std::int64_t count = 0;
    for (const KMeansOptions& options : options_) count += runs_of(options);
    const int wanted = options_.front().fits_at_once;
    reads_.run(count, wanted == 0 ? count : wanted,
               [&](std::int64_t number) { return fit(number); });
  }

 private:
  struct Best {
    std::optional<LloydResult> result;
    int run = 0;
    std::int64_t runs_done = 0;
    FitState* state = nullptr;  ///< of that run; null where no checkpoints are kept
  };

  static std::int64_t all_iterations(std::span<const KMeansOptions> options) {
    std::int64_t sum = 0;
    for (const KMeansOptions& each : options) sum += runs_of(each) * each.max_iterations;
    return sum;
  }

  /// The fits of the first options come first, run by run.
  Task<> fit(std::int64_t number) {
    std::size_t index = 0;
    std::int64_t run = number;
    for (; run >= runs_of(options_[index]); ++index) run -= runs_of(options_[index]);
    co_await fit_once(index, static_cast<int>(run), state_of_fit(number));
    Best& best = best_[index];
    if (++best.runs_done < runs_of(options_[index])) co_return;
    LloydResult result = std::move(*best.result);
    best.result.reset();
    co_await find_labels(reads_, columns_, result);
    co_await take_best_(index, std::move(result));
  }

  Task<> fit_once(std::size_t index, int run, FitState* state) {
    const KMeansOptions& options = options_[index];
    if (state != nullptr && state->stage == FitState::Stage::done) {
      progress_.skip(options.max_iterations);
      keep_better(index, run, result_of(*state), state);
      co_return;
    }
    std::vector<double> centers;
    if (state != nullptr && state->stage == FitState::Stage::running) {
      centers = state->centers;
    } else {
      count_seeding(1);
      centers = co_await choose_centers(reads_, columns_, options, run);
      count_seeding(-1);
    }
    LloydResult result =
        co_await run_lloyd(reads_, columns_, fixed_, std::move(centers), options, progress_, state);
    if (state != nullptr) *state = kmeans::state_of(result);
    keep_better(index, run, std::move(result), state);
  }

  void keep_better(std::size_t index, int run, LloydResult result, FitState* state) {
    Best& best = best_[index];
    const bool is_better = !best.result || result.inertia < best.result->inertia ||
                           (result.inertia == best.result->inertia && run < best.run);
    FitState* const worse = is_better ? best.state : state;
    if (worse != nullptr) worse->centers = worse->label_centers = {};
    if (!is_better) return;
    best = {.result = std::move(result), .run = run, .runs_done = best.runs_done, .state = state};
  }

  [[nodiscard]] FitState* state_of_fit(std::int64_t number) const {
    Checkpoints* const checkpoints = reads_.checkpoints();
    return checkpoints != nullptr && checkpoints->is_on() ? &checkpoints->fit(number) : nullptr;
  }

  void count_seeding(int change) {
    if (seeding_ == 0) phase_.emplace(reads_.rows().context().recorder().phase("init"));
    seeding_ += change;
    if (seeding_ == 0) phase_.reset();
  }

  SharedReads& reads_;
  const Columns& columns_;
  const FixedPoint& fixed_;
  std::span<const KMeansOptions> options_;
  const TakeBest& take_best_;
  std::vector<Best> best_;
  FitProgress progress_;
  int seeding_ = 0;                      ///< fits that have no initial centres yet
  std::optional<Recorder::Span> phase_;  ///< "init", inside the caller's
};

}  // namespace

void run_fits(SharedReads& reads, const Columns& columns, const FixedPoint& fixed,
              std::span<const KMeansOptions> options, const TakeBest& take_best) {
  Fits(reads, columns, fixed, options, take_best).run();
}

}  // namespace serried::kmeans
