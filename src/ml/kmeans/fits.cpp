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
  };

  static std::int64_t all_iterations(std::span<const KMeansOptions> options) {
    std::int64_t sum = 0;
    for (const KMeansOptions& each : options) sum += runs_of(each) * each.max_iterations;
    return sum;
  }

  /// The fits of the first options come first, run by run.
  Task<> fit(std::int64_t number) {
    std::size_t index = 0;
    for (; number >= runs_of(options_[index]); ++index) number -= runs_of(options_[index]);
    co_await fit_once(index, static_cast<int>(number));
    Best& best = best_[index];
    if (++best.runs_done < runs_of(options_[index])) co_return;
    LloydResult result = std::move(*best.result);
    best.result.reset();
    co_await take_best_(index, std::move(result));
  }

  Task<> fit_once(std::size_t index, int run) {
    const KMeansOptions& options = options_[index];
    count_seeding(1);
    std::vector<double> centers = co_await choose_centers(reads_, columns_, options, run);
    count_seeding(-1);
    LloydResult result =
        co_await run_lloyd(reads_, columns_, fixed_, std::move(centers), options, progress_);
    Best& best = best_[index];
    const bool is_better = !best.result || result.inertia < best.result->inertia ||
                           (result.inertia == best.result->inertia && run < best.run);
    if (!is_better) co_return;
    best.result = std::move(result);
    best.run = run;
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
