// timeout: 300
// Fits that are stopped again and again and go on at other numbers of ranks have the bits of those
// that never stopped.
#include <functional>

#include "ml/kmeans_support.hpp"
#include "serried/base/stopped.hpp"
#include "serried/ml/kmeans_range.hpp"

namespace serried::test {
namespace {

/// Stops when it has been asked often enough, on one rank alone; keeps the state in memory.
class MemoryHook : public CheckpointHook {
 public:
  /// @param stop_at 0: never.
  MemoryHook(std::optional<Checkpoint> former, int stop_at, bool is_asked)
      : former_(std::move(former)), stop_at_(stop_at), is_asked_(is_asked) {}

  bool should_stop() override { return ++asked == stop_at_ && is_asked_; }
  bool should_save(std::int64_t iterations) override {
    return save_every > 0 && iterations >= save_every;
  }
  void save(const Checkpoint& checkpoint, bool) override {
    saved = checkpoint;
    ++saves;
  }
  [[nodiscard]] const Checkpoint* former() const override { return former_ ? &*former_ : nullptr; }
  [[nodiscard]] std::string how_to_go_on() const override { return "go on"; }

  int asked = 0;
  int saves = 0;
  std::int64_t save_every = 0;
  std::optional<Checkpoint> saved;

 private:
  std::optional<Checkpoint> former_;
  int stop_at_;
  bool is_asked_;
};

using MakeFit = std::function<WholeFit(const Context&, CheckpointHook*)>;

/// One attempt: the fit if it came to its end, else the state is in `state`.
std::optional<WholeFit> attempt(const Context& ctx, const MakeFit& make, int stop_at,
                                std::optional<Checkpoint>& state) {
  MemoryHook hook(state, stop_at, ctx.rank() == ctx.size() - 1);
  try {
    return make(ctx, &hook);
  } catch (const Stopped&) {
    EXPECT_EQ(hook.saves, 1);
    state = hook.saved;
    return std::nullopt;
  }
}

/// Stops each attempt after some questions, in turn on all ranks and on each rank alone, until the
/// fit ends. Every second attempt may ask one more: seedings, and scores, begin again. Returns how
/// often it was stopped.
int expect_same_when_broken(const MakeFit& make, int first) {
  const Context wide = wide_context();
  const Context lone = lone_context();
  const WholeFit expected = make(wide, nullptr);
  std::optional<Checkpoint> state;
  for (int stops = 0; stops < 100; ++stops) {
    // Every rank alone comes to the same state.
    const auto fit = attempt(stops % 2 == 0 ? wide : lone, make, first + stops / 2, state);
    if (!fit) continue;
    expect_same_bits(*fit, expected,
                     "stopped " + std::to_string(stops) + " times, first after " +
                         std::to_string(first) + " questions");
    return stops;
  }
  ADD_FAILURE() << "the fit never ended";
  return 0;
}

void expect_same_always(const MakeFit& make, int least_stops) {
  int most = 0;
  for (const int first : {1, 4, 9}) most = std::max(most, expect_same_when_broken(make, first));
  EXPECT_GE(most, least_stops);
}

MakeFit fit_of(const KMeansOptions& options, const Blobs& blobs, DType dtype = DType::f64,
               bool has_weights = false, bool has_missing = false) {
  return [=](const Context& ctx, CheckpointHook* hook) {
    KMeansOptions own = options;
    own.checkpoint = hook;
    const Array data = make_array(
        ctx, blobs.rows, blobs.features, dtype, [&](std::int64_t row, std::int64_t feature) {
          return has_missing && row % 97 == 3 ? std::numeric_limits<double>::quiet_NaN()
                                              : blobs(row, feature);
        });
    if (!has_weights) return whole(fit_kmeans(ctx, data, own));
    const Array weights = make_weights(
        ctx, blobs.rows, [](std::int64_t row) { return 0.25 + static_cast<double>(row % 7); });
    return whole(fit_kmeans(ctx, data, own, &weights));
  };
}

constexpr Blobs blobs{.rows = 1500, .features = 3, .places = 9, .spread = 0.8};

TEST(KMeansCheckpoint, lloyd) {
  for (const DType dtype : {DType::f64, DType::f32})
    for (const KMeansBoundsUse bounds : {KMeansBoundsUse::automatic, KMeansBoundsUse::off})
      expect_same_always(
          fit_of({.clusters = 9, .tolerance = 0, .seed = 3, .bounds = bounds}, blobs, dtype), 3);
}

TEST(KMeansCheckpoint, lloyd_that_ends_by_its_iterations_or_tolerance) {
  expect_same_always(fit_of({.clusters = 9, .max_iterations = 4, .tolerance = 0}, blobs), 1);
  expect_same_always(fit_of({.clusters = 9, .tolerance = 1e-2}, blobs), 1);
}

TEST(KMeansCheckpoint, weights_and_missing_rows) {
  expect_same_always(
      fit_of({.clusters = 7, .tolerance = 0, .drop_missing = true}, blobs, DType::f64, true, true),
      3);
}

TEST(KMeansCheckpoint, several_fits_side_by_side_and_one_by_one) {
  for (const int at_once : {0, 1, 2})
    expect_same_always(
        fit_of({.clusters = 5, .n_init = 4, .fits_at_once = at_once, .tolerance = 0, .seed = 1},
               blobs),
        3);
}

TEST(KMeansCheckpoint, greedy_and_random_seedings) {
  expect_same_always(
      fit_of({.clusters = 7, .init = KMeansInit::kmeans_plus_plus, .tolerance = 0}, blobs), 3);
  expect_same_always(
      fit_of({.clusters = 7, .init = KMeansInit::random, .n_init = 2, .tolerance = 0}, blobs), 3);
}

/// Centres far from all rows: clusters are empty and get rows, in several iterations.
TEST(KMeansCheckpoint, relocated_clusters) {
  KMeansOptions options{.clusters = 6, .init = KMeansInit::given, .tolerance = 0};
  for (int j = 0; j < 6; ++j)
    for (int f = 0; f < 3; ++f) options.initial_centers.push_back(j < 2 ? j : 1000. * j);
  expect_same_always(fit_of(options, blobs), 3);
}

TEST(KMeansCheckpoint, mini_batches) {
  for (const bool has_weights : {false, true})
    expect_same_always(fit_of({.clusters = 5, .max_iterations = 6, .batch_rows = 100, .seed = 2},
                              blobs, DType::f64, has_weights),
                       3);
  expect_same_always(
      fit_of({.clusters = 5, .n_init = 3, .max_iterations = 3, .batch_rows = 200}, blobs), 3);
}

TEST(KMeansCheckpoint, ranges) {
  const MakeFit make = [](const Context& ctx, CheckpointHook* hook) {
    KMeansRangeOptions options{.lowest = 2, .highest = 8, .step = 3};
    options.fit.n_init = 2;
    options.fit.tolerance = 0;
    options.fit.checkpoint = hook;
    const KMeansRange range = fit_kmeans_range(ctx, make_array(ctx, blobs), options);
    WholeFit fit{range.chosen().model, everywhere<std::int32_t>(range.labels)};
    // All fits and scores are compared, as numbers of one model.
    for (const auto& entry : range.fits) {
      fit.model.centers.insert(fit.model.centers.end(), entry.model.centers.begin(),
                               entry.model.centers.end());
      for (const auto& score :
           {entry.scores.silhouette, entry.scores.davies_bouldin, entry.scores.calinski_harabasz})
        fit.model.centers.push_back(score.value_or(-2));
      fit.model.centers.push_back(entry.model.inertia);
      fit.model.sizes.push_back(entry.model.iterations);
    }
    return fit;
  };
  for (const int step : {4, 9, 17}) EXPECT_GE(expect_same_when_broken(make, step), 1);
}

TEST(KMeansCheckpoint, is_saved_every_so_many_iterations_and_asks_once_in_each) {
  const Context ctx = wide_context();
  MemoryHook hook({}, 0, false);
  hook.save_every = 2;
  KMeansOptions options{.clusters = 9, .tolerance = 0, .checkpoint = &hook};
  const KMeansFit fit = fit_kmeans(ctx, make_array(ctx, blobs), options);
  EXPECT_EQ(hook.saves, fit.model.iterations / 2);
  // Once in each iteration, and at most once for each other read of the data.
  EXPECT_LE(hook.asked, fit.model.iterations + 6);
}

TEST(KMeansCheckpoint, a_state_saved_on_the_way_goes_on_to_the_same_bits) {
  const Context ctx = wide_context();
  const MakeFit make = fit_of({.clusters = 9, .n_init = 2, .tolerance = 0}, blobs);
  const WholeFit expected = make(ctx, nullptr);
  for (const std::int64_t every : {1, 2, 7}) {
    MemoryHook hook({}, 0, false);
    hook.save_every = every;
    static_cast<void>(make(ctx, &hook));
    ASSERT_TRUE(hook.saved);
    MemoryHook next(hook.saved, 0, false);
    expect_same_bits(make(ctx, &next), expected, "saved every " + std::to_string(every));
  }
}

std::string refusal(const MakeFit& make, const Checkpoint& state) {
  MemoryHook hook(state, 0, false);
  try {
    static_cast<void>(make(wide_context(), &hook));
  } catch (const InvalidArgument& error) {
    return error.what();
  }
  return "nothing";
}

TEST(KMeansCheckpoint, belongs_to_its_options_and_data) {
  const KMeansOptions options{.clusters = 9, .tolerance = 0};
  std::optional<Checkpoint> state;
  ASSERT_FALSE(attempt(wide_context(), fit_of(options, blobs), 5, state));
  const auto expect_refusal = [&](const MakeFit& make, const std::string& text) {
    const std::string found = refusal(make, *state);
    EXPECT_NE(found.find(text), std::string::npos) << found;
  };
  KMeansOptions other = options;
  other.clusters = 8;
  expect_refusal(fit_of(other, blobs), "clusters: 9 there, 8 here");
  other = options;
  other.seed = 5;
  expect_refusal(fit_of(other, blobs), "seed: 0 there, 5 here");
  other = options;
  other.batch_rows = 100;
  expect_refusal(fit_of(other, blobs), "rows of a batch: 0 there, 100 here");
  expect_refusal(fit_of(options, blobs, DType::f32), "shape of the data: 1500 rows of (3,) f64");
  expect_refusal(fit_of(options, blobs, DType::f64, true), "weights are given: no there, yes here");
  Blobs moved = blobs;
  moved.seed = 4;
  expect_refusal(fit_of(options, moved), "data: ");
  // One element of one row, in the middle of nowhere.
  const MakeFit changed = [&](const Context& ctx, CheckpointHook* hook) {
    KMeansOptions own = options;
    own.checkpoint = hook;
    const Array data = make_array(ctx, blobs.rows, blobs.features, DType::f64,
                                  [](std::int64_t row, std::int64_t feature) {
                                    return blobs(row, feature) + (row == 701 && feature == 1);
                                  });
    return whole(fit_kmeans(ctx, data, own));
  };
  expect_refusal(changed, "data: ");
  KMeansRangeOptions range{.lowest = 9, .highest = 9};
  range.fit = options;
  MemoryHook hook(state, 0, false);
  range.fit.checkpoint = &hook;
  EXPECT_THROW(
      static_cast<void>(fit_kmeans_range(wide_context(), make_array(wide_context(), blobs), range)),
      InvalidArgument);
}

TEST(KMeansCheckpoint, a_state_that_makes_no_sense_is_an_error) {
  const MakeFit make = fit_of({.clusters = 9, .tolerance = 0}, blobs);
  std::optional<Checkpoint> state;
  ASSERT_FALSE(attempt(wide_context(), make, 6, state));
  const auto expect_error = [&](const std::function<void(Checkpoint&)>& spoil) {
    Checkpoint spoilt = *state;
    spoil(spoilt);
    MemoryHook hook(spoilt, 0, false);
    EXPECT_THROW(static_cast<void>(make(wide_context(), &hook)), DataError);
  };
  for (const std::int64_t value : {-1, 1, 99}) {
    expect_error([&](Checkpoint& c) { c.counts["fits"][6] = value; });
    expect_error([&](Checkpoint& c) { c.counts["fits"][7] = value; });
  }
  expect_error([](Checkpoint& c) { c.counts["fits"][0] = 3; });
  expect_error([](Checkpoint& c) { c.counts["fits"][1] = -1; });
  expect_error([](Checkpoint& c) { c.counts["fits"].pop_back(); });
  expect_error([](Checkpoint& c) { c.counts.clear(); });
  expect_error([](Checkpoint& c) { c.numbers["centers"].pop_back(); });
  expect_error([](Checkpoint& c) { c.numbers["centers"][0] = std::nan(""); });
  expect_error([](Checkpoint& c) { c.numbers["label_centers"].push_back(1); });
  // Done, and without the centres that the best fit must have.
  expect_error([](Checkpoint& c) {
    c.counts["fits"][0] = 2;
    c.counts["fits"][6] = c.counts["fits"][7] = 0;
    c.numbers["centers"].clear();
    c.numbers["label_centers"].clear();
  });
}

}  // namespace
}  // namespace serried::test
