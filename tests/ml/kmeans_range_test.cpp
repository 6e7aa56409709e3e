// ranks: 1 2 3 4 7
// A range of numbers of clusters: the fits are those made alone, the scores those of their labels.
#include <limits>

#include "array/function_source.hpp"
#include "ml/kmeans_support.hpp"
#include "serried/ml/kmeans_range.hpp"

namespace serried::test {
namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();

void expect_same_scores(const ClusterScores& a, const ClusterScores& b) {
  EXPECT_EQ(a.silhouette, b.silhouette);
  EXPECT_EQ(a.davies_bouldin, b.davies_bouldin);
  EXPECT_EQ(a.calinski_harabasz, b.calinski_harabasz);
  EXPECT_EQ(a.silhouette_rows, b.silhouette_rows);
}

void expect_same_model(const KMeansModel& a, const KMeansModel& b) {
  EXPECT_EQ(a.clusters, b.clusters);
  EXPECT_EQ(a.centers, b.centers);
  EXPECT_EQ(a.sizes, b.sizes);
  EXPECT_EQ(a.inertia, b.inertia);
  EXPECT_EQ(a.iterations, b.iterations);
  EXPECT_EQ(a.converged, b.converged);
  EXPECT_EQ(a.rows_used, b.rows_used);
}

/// Every number of a range: what fit_kmeans and score_clusters give, one by one.
void expect_as_alone(const Context& ctx, const Array& data, const KMeansRangeOptions& options,
                     const Array* weights = nullptr) {
  const KMeansRange range = fit_kmeans_range(ctx, data, options, weights);
  std::optional<std::size_t> best;
  for (std::size_t i = 0; i < range.fits.size(); ++i) {
    KMeansOptions one = options.fit;
    one.clusters = options.lowest + static_cast<std::int64_t>(i) * options.step;
    const KMeansFit fit = fit_kmeans(ctx, data, one, weights);
    expect_same_model(range.fits[i].model, fit.model);
    const ClusterScores scores = score_clusters(ctx, data, fit.labels, options.scores);
    expect_same_scores(range.fits[i].scores, scores);
    if (scores.silhouette && (!best || *scores.silhouette > *range.fits[*best].scores.silhouette))
      best = i;
    if (range.best == i) {
      EXPECT_EQ(everywhere<std::int32_t>(range.labels), everywhere<std::int32_t>(fit.labels));
    }
  }
  EXPECT_EQ(range.best, best);
}

TEST(KMeansRange, is_what_fits_and_scores_give_alone) {
  const Blobs blobs{1000, 3, 5};
  for (const KMeansInit init :
       {KMeansInit::kmeans_parallel, KMeansInit::kmeans_plus_plus, KMeansInit::random})
    for (const DType dtype : {DType::f64, DType::f32}) {
      const Context ctx = wide_host_context();
      KMeansRangeOptions options{.lowest = 1, .highest = 7, .step = 3};
      options.fit.init = init;
      options.fit.n_init = 2;
      options.scores.silhouette_sample = 300;
      expect_as_alone(ctx, make_array(ctx, blobs, dtype), options);
    }
}

TEST(KMeansRange, finds_the_number_of_blobs) {
  const Context ctx = wide_host_context();
  const KMeansRange range = fit_kmeans_range(ctx, make_array(ctx, Blobs{1000, 9, 6, 0, 0.2}),
                                             {.lowest = 2, .highest = 9, .fit = {.n_init = 4}});
  EXPECT_EQ(range.chosen().model.clusters, 6);
  EXPECT_EQ(range.fits.size(), 8u);
}

TEST(KMeansRange, same_bits_at_any_ranks_threads_tiles_and_fits_at_once) {
  const Blobs blobs{2500, 3, 6, 0, 0.8};
  for (const std::int64_t tiles : {std::int64_t{16384}, std::int64_t{3}}) {
    const auto compute = [&](const Context& ctx, int at_once) {
      KMeansRangeOptions options{.lowest = 2, .highest = 7};
      options.fit.n_init = 2;
      options.fit.fits_at_once = at_once;
      options.fit.max_iterations = 15;
      options.scores.silhouette_sample = 400;
      return fit_kmeans_range(ctx, make_array(ctx, blobs), options);
    };
    const ContextOptions context_options{.max_tiles = tiles};
    // A rank for itself does what one rank alone does.
    const Communicator& comm = runtime().communicator();
    const auto own = comm.split(comm.rank(), 0);
    const KMeansRange alone = compute(host_context_of(*own, 1, context_options), 1);
    for (const int at_once : {0, 1, 3, 5}) {
      const KMeansRange range =
          compute(wide_host_context(at_once == 3 ? 2 : 1, context_options), at_once);
      EXPECT_EQ(range.best, alone.best);
      for (std::size_t i = 0; i < alone.fits.size(); ++i) {
        expect_same_model(range.fits[i].model, alone.fits[i].model);
        expect_same_scores(range.fits[i].scores, alone.fits[i].scores);
      }
      EXPECT_EQ(everywhere<std::int32_t>(range.labels), [&] {
        const auto labels = alone.labels.local<std::int32_t>();
        return std::vector<std::int32_t>(labels.begin(), labels.end());
      }());
    }
  }
}

TEST(KMeansRange, missing_rows_and_weights) {
  const Context ctx = wide_host_context();
  const Blobs blobs{900, 3, 4};
  const Array data = make_array(ctx, 900, 3, DType::f64, [&](std::int64_t row, std::int64_t f) {
    return row % 50 == 9 && f == 2 ? nan : blobs(row, f);
  });
  const Array weights = make_weights(
      ctx, 900, [](std::int64_t row) { return row == 100 ? nan : static_cast<double>(row % 3); });
  KMeansRangeOptions options{.lowest = 2, .highest = 5};
  options.fit.drop_missing = true;
  expect_as_alone(ctx, data, options, &weights);
  expect_as_alone(ctx, data, options);
  options.fit.drop_missing = false;
  EXPECT_THROW(static_cast<void>(fit_kmeans_range(ctx, data, options)), DataError);
}

TEST(KMeansRange, numbers_without_scores) {
  const Context ctx = wide_host_context();
  // Three rows on more ranks; as many clusters as rows.
  KMeansRange range =
      fit_kmeans_range(ctx, make_array(ctx, Blobs{3, 2, 3}), {.lowest = 1, .highest = 3});
  EXPECT_FALSE(range.fits[0].scores.silhouette || range.fits[0].scores.davies_bouldin ||
               range.fits[0].scores.calinski_harabasz);
  EXPECT_TRUE(range.fits[1].scores.silhouette && range.fits[1].scores.davies_bouldin);
  EXPECT_FALSE(range.fits[2].scores.silhouette || range.fits[2].scores.calinski_harabasz);
  EXPECT_EQ(range.best, 1u);
  range = fit_kmeans_range(ctx, make_array(ctx, Blobs{10, 2, 3}), {.lowest = 1, .highest = 1});
  EXPECT_FALSE(range.best.has_value());
  EXPECT_EQ(range.chosen().model.clusters, 1);
  EXPECT_EQ(everywhere<std::int32_t>(range.labels), std::vector<std::int32_t>(10, 0));
  // Four different rows: of five clusters one is empty.
  const Array places = make_array(ctx, 40, 2, DType::f64, [](std::int64_t row, std::int64_t f) {
    return static_cast<double>(row % 4 * (f + 1));
  });
  range = fit_kmeans_range(ctx, places, {.lowest = 3, .highest = 6});
  EXPECT_EQ(range.best, 1u);
  EXPECT_EQ(range.fits[1].scores.silhouette, 1.);
  EXPECT_EQ(range.fits[1].scores.davies_bouldin, 0.);
  for (const std::size_t i : {std::size_t{2}, std::size_t{3}})
    EXPECT_FALSE(range.fits[i].scores.silhouette || range.fits[i].scores.davies_bouldin ||
                 range.fits[i].scores.calinski_harabasz);
}

TEST(KMeansRange, reads_are_shared) {
  const auto reads_of = [&](const KMeansRangeOptions& options) {
    auto recorder = std::make_shared<Recorder>();
    const Context wide = wide_host_context();
    const Context ctx(wide.comm(), wide.backend(), recorder);
    const auto range = fit_kmeans_range(ctx, make_array(ctx, Blobs{1500, 3, 6, 0, 1.}), options);
    std::int64_t iterations = 0;
    for (const auto& fit : range.fits) iterations = std::max(iterations, fit.model.iterations);
    for (const auto& [key, value] : recorder->facts())
      if (key == "k-means reads of the data")
        return std::pair(std::int64_t{std::stoll(value)}, iterations);
    return std::pair(std::int64_t{0}, iterations);
  };
  KMeansRangeOptions options{.lowest = 2, .highest = 8};
  options.fit.init = KMeansInit::random;
  options.fit.tolerance = 0;
  const auto [reads, iterations] = reads_of(options);
  // Means, variances, the sample, initial rows, inertia, two for the scores and the labels.
  EXPECT_EQ(reads, 2 + 1 + 1 + iterations + 1 + 2 + 1);
  options.fit.fits_at_once = 1;
  EXPECT_GT(reads_of(options).first, 2 * reads);
}

TEST(KMeansRange, rows_that_are_read_in_batches) {
  const Blobs blobs{1200, 3, 5};
  const Context ctx = wide_host_context(1, {.batch_bytes = 4096});
  FunctionSource source(ctx, Layout::uniform(1200, ctx.size(), 64), 3, blobs);
  const Array data = make_array(wide_host_context(1, {.max_tiles = 64}), blobs);
  KMeansRangeOptions options{.lowest = 2, .highest = 4, .fit = {.n_init = 2}};
  options.scores.silhouette_sample = 100;
  const KMeansRange expected = fit_kmeans_range(ctx, data, options);
  const KMeansRange range = fit_kmeans_range(ctx, source, options);
  EXPECT_EQ(range.best, expected.best);
  for (std::size_t i = 0; i < expected.fits.size(); ++i) {
    expect_same_model(range.fits[i].model, expected.fits[i].model);
    expect_same_scores(range.fits[i].scores, expected.fits[i].scores);
  }
  EXPECT_EQ(everywhere<std::int32_t>(range.labels), everywhere<std::int32_t>(expected.labels));
  for (int rank = 0; rank < ctx.size(); ++rank) {
    source.failing_rank = rank;
    EXPECT_THROW(static_cast<void>(fit_kmeans_range(ctx, source, options)), RankError);
  }
}

TEST(KMeansRange, wrong_options_are_refused) {
  const Context ctx = wide_host_context();
  const Array data = make_array(ctx, Blobs{20, 2, 3});
  const auto fit = [&](const KMeansRangeOptions& options) {
    static_cast<void>(fit_kmeans_range(ctx, data, options));
  };
  EXPECT_THROW(fit({.lowest = 0, .highest = 3}), InvalidArgument);
  EXPECT_THROW(fit({.lowest = 4, .highest = 3}), InvalidArgument);
  EXPECT_THROW(fit({.lowest = 2, .highest = 3, .step = 0}), InvalidArgument);
  EXPECT_THROW(fit({.lowest = 2, .highest = std::int64_t{1} << 40}), InvalidArgument);
  EXPECT_THROW(fit({.lowest = 2, .highest = 3, .scores = {.silhouette_sample = 0}}),
               InvalidArgument);
  KMeansRangeOptions given{.lowest = 1, .highest = 1};
  given.fit.init = KMeansInit::given;
  EXPECT_THROW(fit(given), InvalidArgument);
  EXPECT_THROW(fit({.lowest = 2, .highest = 21}), DataError);
  fit({.lowest = 2, .highest = 29, .step = 18});
}

}  // namespace
}  // namespace serried::test
