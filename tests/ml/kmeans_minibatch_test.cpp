// ranks: 1 2 3 4 7
// Mini-batch k-means: bits between numbers of ranks and threads, batches, a serial loop, quality.
#include <algorithm>
#include <limits>
#include <numeric>
#include <set>

#include "ml/kmeans/batches.hpp"
#include "ml/kmeans/columns.hpp"
#include "ml/kmeans_support.hpp"
#include "support/value_source.hpp"

namespace serried::test {
namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();

struct Case {
  std::string name;
  Blobs blobs;
  KMeansOptions options;
  bool has_weights = false;
  bool has_missing = false;
};

const std::vector<Case> cases{
    {"blobs", {5000, 4, 9}, {.clusters = 9, .batch_rows = 256}},
    {"weights", {3000, 3, 6}, {.clusters = 6, .batch_rows = 100}, true},
    {"missing",
     {3000, 3, 6},
     {.clusters = 6, .batch_rows = 128, .drop_missing = true},
     false,
     true},
    {"weights and missing",
     {3000, 5, 6},
     {.clusters = 12, .batch_rows = 50, .drop_missing = true},
     true,
     true},
    {"random init", {3000, 3, 6}, {.clusters = 6, .init = KMeansInit::random, .batch_rows = 64}},
    {"two fits", {2000, 3, 6}, {.clusters = 6, .n_init = 2, .batch_rows = 200}},
    {"one epoch", {4000, 3, 6}, {.clusters = 6, .max_iterations = 1, .batch_rows = 40}},
    {"one batch", {500, 3, 5}, {.clusters = 5, .batch_rows = 100000}},
    {"batches of one row", {90, 2, 3}, {.clusters = 3, .max_iterations = 2, .batch_rows = 1}},
    {"few rows", {5, 2, 3}, {.clusters = 3, .batch_rows = 2}},
    {"one row", {1, 3, 1}, {.clusters = 1, .batch_rows = 10}},
    {"as many clusters as rows", {40, 2, 40}, {.clusters = 40, .batch_rows = 16}},
};

double weight_of(std::int64_t row) {
  if (row % 50 == 3) return nan;
  return row % 7 == 0
             ? 0
             : 0.25 + 2 * to_unit_interval(philox_words(5, 5, static_cast<std::uint64_t>(row))[0]);
}

KMeansFit fit(const Context& ctx, const Case& c, DType dtype) {
  const Array data =
      make_array(ctx, c.blobs.rows, c.blobs.features, dtype, [&](std::int64_t row, std::int64_t f) {
        return c.has_missing && row % 100 == 17 && f == 1 ? nan : c.blobs(row, f);
      });
  if (!c.has_weights) return fit_kmeans(ctx, data, c.options);
  const Array weights = make_weights(ctx, c.blobs.rows, [&](std::int64_t row) {
    const double weight = weight_of(row);
    return std::isnan(weight) && !c.options.drop_missing ? 0 : weight;
  });
  return fit_kmeans(ctx, data, c.options, &weights);
}

TEST(KMeansMiniBatch, same_bits_at_any_ranks_threads_and_tiles) {
  for (const Case& c : cases)
    for (const DType dtype : {DType::f64, DType::f32})
      for (const std::int64_t tiles : {std::int64_t{16384}, std::int64_t{64}, std::int64_t{3}}) {
        const ContextOptions options{.max_tiles = tiles};
        const auto alone =
            computed_alone(options, [&](const Context& ctx) { return whole(fit(ctx, c, dtype)); });
        const std::string what = c.name + ", tiles " + std::to_string(tiles);
        expect_same_bits(alone, whole(fit(wide_host_context(1, options), c, dtype)), what);
        if (tiles == 64)
          expect_same_bits(alone, whole(fit(wide_host_context(2, options), c, dtype)),
                           what + ", 2 threads");
      }
}

TEST(KMeansMiniBatch, same_bits_on_avx2_and_avx512) {
  for (const Case& c : cases) {
    const auto narrow = whole(fit(wide_host_context(1, {}, "avx2"), c, DType::f32));
    try {
      const Context ctx = wide_host_context(1, {}, "avx512");
      expect_same_bits(narrow, whole(fit(ctx, c, DType::f32)), c.name);
    } catch (const InvalidArgument&) {
      ::unsetenv("SERRIED_TARGET");
      GTEST_SKIP() << "this CPU has no AVX-512";
    }
  }
}

TEST(KMeansMiniBatch, every_row_is_in_one_batch_of_an_epoch) {
  const auto ctx = wide_host_context();
  const std::int64_t n = 1003;
  const Array data = make_array(ctx, n, 2, DType::f64, [](std::int64_t row, std::int64_t f) {
    return static_cast<double>(2 * row + f);
  });
  kmeans::Rows rows(ctx, data);
  const kmeans::RunRandom random(5, 0);
  kmeans::Batches batches(rows, 100, random);
  EXPECT_EQ(batches.count(), 11);
  const auto rows_of = [&](std::int64_t number) {
    const kmeans::Batch batch = batches.batch(number);
    const auto* const values = static_cast<const double*>(batch.rows.data);
    EXPECT_EQ(batch.rows.count, static_cast<std::int64_t>(batch.numbers.size()));
    for (std::size_t i = 0; i < batch.numbers.size(); ++i)
      for (std::size_t f = 0; f < 2; ++f)
        EXPECT_EQ(values[2 * i + f],
                  static_cast<double>(2 * batch.numbers[i]) + static_cast<double>(f));
    return ctx.comm().allgather(batch.numbers).values;
  };
  std::vector<std::vector<std::int64_t>> first_epoch;
  std::set<std::int64_t> found;
  batches.load(0, 0, 4);
  for (std::int64_t b = 0; b < 4; ++b) first_epoch.push_back(rows_of(b));
  batches.load(0, 4, 11);
  for (std::int64_t b = 4; b < 11; ++b) first_epoch.push_back(rows_of(b));
  for (const auto& batch : first_epoch) {
    EXPECT_TRUE(std::ranges::is_sorted(batch));
    // 1003 / 11 rows in the mean, and a standard deviation of 9.
    EXPECT_NEAR(static_cast<double>(batch.size()), 1003. / 11, 45);
    found.insert(batch.begin(), batch.end());
  }
  EXPECT_EQ(found.size(), static_cast<std::size_t>(n));
  batches.load(1, 2, 3);
  EXPECT_NE(rows_of(2), first_epoch[2]);
  batches.load(0, 2, 3);
  EXPECT_EQ(rows_of(2), first_epoch[2]);
}

TEST(KMeansMiniBatch, same_bits_with_several_loads) {
  // 22 MB: two loads on one rank, one load on several.
  const auto fit_all = [](const Context& ctx) {
    const Array data = make_array(ctx, 700000, 4, DType::f64, [](std::int64_t row, std::int64_t f) {
      return to_unit_interval(philox_words(6, 6, static_cast<std::uint64_t>(4 * row + f))[0]);
    });
    return whole(fit_kmeans(ctx, data, {.clusters = 5, .max_iterations = 1, .batch_rows = 70000}));
  };
  const auto alone = computed_alone({}, fit_all);
  EXPECT_EQ(alone.model.iterations, 10);
  expect_same_bits(alone, fit_all(wide_host_context()), "several loads");
}

TEST(KMeansMiniBatch, a_step_equals_a_serial_loop) {
  // One epoch of given centres; no cluster is small enough to be reassigned after the first batch.
  const auto ctx = wide_host_context();
  const Blobs blobs{2000, 3, 4, 0, 0.05};
  const Array data = make_array(ctx, blobs);
  const std::vector<double> x = everywhere<double>(data);
  KMeansOptions options{
      .clusters = 4, .init = KMeansInit::given, .max_iterations = 1, .batch_rows = 300, .seed = 9};
  // The places of the blobs, but for 0.1.
  for (std::uint64_t place = 0; place < 4; ++place)
    for (std::uint64_t f = 0; f < 3; ++f)
      options.initial_centers.push_back(
          4 * to_unit_interval(philox_words(3, 2, place * 4096 + f)[0]) + 0.1);
  const KMeansModel model = fit_kmeans(ctx, data, options).model;

  kmeans::Rows rows(ctx, data);
  const kmeans::RunRandom random(9, 0);
  kmeans::Batches batches(rows, 300, random);
  std::vector<long double> centers(options.initial_centers.begin(), options.initial_centers.end());
  std::vector<long double> counts(4, 0);
  batches.load(0, 0, batches.count());
  for (std::int64_t b = 0; b < batches.count(); ++b) {
    const auto numbers = ctx.comm().allgather(batches.batch(b).numbers).values;
    std::vector<long double> sums(12, 0), sizes(4, 0);
    for (const std::int64_t row : numbers) {
      std::size_t best = 0;
      long double least = 1e30L;
      for (std::size_t j = 0; j < 4; ++j) {
        long double d = 0;
        for (std::size_t f = 0; f < 3; ++f) {
          const long double e = static_cast<long double>(x[static_cast<std::size_t>(3 * row) + f]) -
                                centers[3 * j + f];
          d += e * e;
        }
        if (d < least) {
          least = d;
          best = j;
        }
      }
      for (std::size_t f = 0; f < 3; ++f)
        sums[3 * best + f] += static_cast<long double>(x[static_cast<std::size_t>(3 * row) + f]);
      ++sizes[best];
    }
    for (std::size_t j = 0; j < 4; ++j) {
      counts[j] += sizes[j];
      for (std::size_t f = 0; sizes[j] > 0 && f < 3; ++f)
        centers[3 * j + f] += (sums[3 * j + f] - sizes[j] * centers[3 * j + f]) / counts[j];
    }
  }
  EXPECT_EQ(model.iterations, batches.count());
  EXPECT_FALSE(model.converged);
  for (std::size_t i = 0; i < 12; ++i)
    EXPECT_NEAR(model.centers[i], static_cast<double>(centers[i]), 1e-14);
  EXPECT_EQ(std::accumulate(model.sizes.begin(), model.sizes.end(), std::int64_t{0}), 2000);
}

TEST(KMeansMiniBatch, comes_near_to_lloyd) {
  const auto ctx = wide_host_context();
  for (const double unit : {1., 1e-6, 1e6}) {
    // Rows sorted by place: batches do not mind.
    const Blobs blobs{20000, 6, 12, 0, 0.1, unit};
    const Array data =
        make_array(ctx, blobs.rows, 6, DType::f64, [&](std::int64_t row, std::int64_t f) {
          const double noise =
              to_unit_interval(philox_words(4, 4, static_cast<std::uint64_t>(row * 6 + f))[0]);
          const std::int64_t place = row * 12 / 20000;
          return unit * (static_cast<double>(place * (f + 1) % 12) + noise);
        });
    const double best = fit_kmeans(ctx, data, {.clusters = 12}).model.inertia;
    for (std::uint64_t seed = 0; seed < 3; ++seed) {
      const auto model =
          fit_kmeans(ctx, data, {.clusters = 12, .batch_rows = 500, .seed = seed}).model;
      EXPECT_TRUE(model.converged);
      EXPECT_LT(model.inertia, 1.01 * best);
      EXPECT_GT(model.inertia, 0.999 * best);
    }
  }
}

TEST(KMeansMiniBatch, low_counts_are_reassigned) {
  const auto ctx = wide_host_context();
  const Blobs blobs{4000, 2, 5, 0, 0.05};
  KMeansOptions options{.clusters = 5, .init = KMeansInit::given, .batch_rows = 200};
  // All but one of the centres are far from all rows, and get none.
  options.initial_centers = {2, 2, 1e9, 1e9, 1e9, 0, 0, 1e9, -1e9, 1e200};
  const auto model = fit_kmeans(ctx, make_array(ctx, blobs), options).model;
  EXPECT_GE(std::ranges::count_if(model.sizes, [](std::int64_t size) { return size > 0; }), 4);
  for (const double value : model.centers) EXPECT_LT(std::abs(value), 6);
}

TEST(KMeansMiniBatch, a_streamed_source_gives_the_bits_of_memory) {
  const Blobs blobs{9000, 4, 6};
  const KMeansOptions options{.clusters = 6, .batch_rows = 300};
  // 9000 rows of 32 bytes in pieces of 16 KiB.
  const auto recorder = std::make_shared<Recorder>();
  const Context base = wide_host_context(1, {.batch_bytes = 16384});
  const Context ctx(base.comm(), base.backend(), recorder, base.options());
  ValueSource<double> source(ctx, 9000, 4, blobs);
  const WholeFit streamed = whole(fit_kmeans(ctx, source, options));
  expect_same_bits(
      whole(fit_kmeans(wide_host_context(), make_array(wide_host_context(), blobs), options)),
      streamed, "streamed");
  // Two reads for the columns, one for all batches of each epoch, and one for the labels.
  const std::int64_t epochs = (streamed.model.iterations + 29) / 30;
  bool is_told = false;
  for (const auto& [key, value] : recorder->facts()) {
    if (key != "k-means reads of the data") continue;
    is_told = true;
    EXPECT_EQ(value.substr(0, value.find(' ')), std::to_string(3 + epochs));
    EXPECT_NE(value.find(" batches, inertia"), std::string::npos);
  }
  EXPECT_TRUE(is_told);
  for (int rank = 0; rank < ctx.size(); ++rank) {
    ValueSource<double> failing(ctx, 9000, 4, blobs);
    failing.failing_rank = rank;
    EXPECT_THROW(static_cast<void>(fit_kmeans(ctx, failing, options)), RankError);
  }
}

TEST(KMeansMiniBatch, model_and_labels_belong_together) {
  const auto ctx = wide_host_context();
  const Case c = cases[3];
  const WholeFit got = whole(fit(ctx, c, DType::f64));
  std::int64_t missing = 0;
  std::vector<std::int64_t> sizes(12, 0);
  for (std::size_t row = 0; row < got.labels.size(); ++row) {
    const bool is_missing = row % 100 == 17 || row % 50 == 3;
    EXPECT_EQ(got.labels[row] < 0, is_missing);
    missing += is_missing ? 1 : 0;
    if (!is_missing) ++sizes[static_cast<std::size_t>(got.labels[row])];
  }
  EXPECT_EQ(got.model.sizes, sizes);
  EXPECT_EQ(got.model.rows_used, c.blobs.rows - missing);
  EXPECT_THROW(static_cast<void>(fit_kmeans(ctx, make_array(ctx, c.blobs), {.batch_rows = -1})),
               InvalidArgument);
}

TEST(KMeansMiniBatch, equal_rows) {
  const auto ctx = wide_host_context();
  const KMeansOptions options{.clusters = 3, .batch_rows = 8};
  const auto model =
      fit_kmeans(ctx, Array::full(ctx, Shape{50, 2}, DType::f64, 4.5), options).model;
  EXPECT_EQ(model.inertia, 0);
  EXPECT_TRUE(model.converged);
}

}  // namespace
}  // namespace serried::test
