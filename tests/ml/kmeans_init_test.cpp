// ranks: 1 2 3 4 7
// Initial centres: bits between numbers of ranks, distributions, quality, degenerate data.
#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "ml/kmeans/columns.hpp"
#include "ml/kmeans/seeding.hpp"
#include "ml/kmeans_support.hpp"

namespace serried::test {
namespace {

const std::vector<KMeansInit> inits{KMeansInit::kmeans_parallel, KMeansInit::kmeans_plus_plus,
                                    KMeansInit::random};

double weight_of(std::int64_t row) {
  return row % 5 == 0
             ? 0
             : 0.25 + to_unit_interval(philox_words(5, 5, static_cast<std::uint64_t>(row))[0]);
}

WholeFit fit(const Context& ctx, const Blobs& blobs, KMeansInit init, DType dtype, bool has_weights,
             std::int64_t clusters, std::uint64_t seed = 1, int n_init = 1) {
  KMeansOptions options{
      .clusters = clusters, .init = init, .n_init = n_init, .max_iterations = 4, .seed = seed};
  const Array data = make_array(ctx, blobs, dtype);
  if (!has_weights) return whole(fit_kmeans(ctx, data, options));
  const Array weights = make_weights(ctx, blobs.rows, weight_of);
  return whole(fit_kmeans(ctx, data, options, &weights));
}

/// The initial centres that a fit would begin with.
std::vector<double> seeds(const Context& ctx, const Array& data, const KMeansOptions& options,
                          const TileSource* weights = nullptr) {
  kmeans::Rows rows(ctx, data);
  if (weights != nullptr) kmeans::read_weights(rows, *weights);
  const kmeans::Columns columns = kmeans::scan_columns(rows, false);
  kmeans::SharedReads reads(rows);
  return reads.run(kmeans::choose_centers(reads, columns, options, 0));
}

TEST(KMeansInit, same_bits_at_any_ranks_threads_and_tiles) {
  for (const KMeansInit init : inits)
    for (const bool has_weights : {false, true})
      for (const DType dtype : {DType::f64, DType::f32})
        for (const std::int64_t tiles : {std::int64_t{16384}, std::int64_t{64}, std::int64_t{3}}) {
          const ContextOptions options{.max_tiles = tiles};
          const Blobs blobs{3000, 4, 12};
          const auto alone = computed_alone(options, [&](const Context& ctx) {
            return fit(ctx, blobs, init, dtype, has_weights, 9);
          });
          const std::string what =
              std::to_string(static_cast<int>(init)) + ", tiles " + std::to_string(tiles);
          expect_same_bits(alone, fit(wide_context(1, options), blobs, init, dtype, has_weights, 9),
                           what);
          expect_same_bits(alone, fit(wide_context(2, options), blobs, init, dtype, has_weights, 9),
                           what + ", 2 threads");
        }
}

TEST(KMeansInit, same_bits_for_few_rows) {
  for (const KMeansInit init : inits)
    for (const auto& [rows, clusters] :
         std::map<std::int64_t, std::int64_t>{{1, 1}, {2, 2}, {3, 2}, {6, 6}, {9, 5}}) {
      const Blobs blobs{rows, 2, 3};
      expect_same_bits(computed_alone({},
                                      [&](const Context& ctx) {
                                        return fit(ctx, blobs, init, DType::f64, false, clusters);
                                      }),
                       fit(wide_context(), blobs, init, DType::f64, false, clusters),
                       std::to_string(rows));
    }
}

TEST(KMeansInit, same_bits_on_avx2_and_avx512) {
  for (const KMeansInit init : inits) {
    const Blobs blobs{3000, 7, 12};
    const auto narrow = fit(wide_context(1, {}, "avx2"), blobs, init, DType::f64, true, 9);
    try {
      const Context ctx = wide_context(1, {}, "avx512");
      expect_same_bits(narrow, fit(ctx, blobs, init, DType::f64, true, 9), "avx512");
    } catch (const InvalidArgument&) {
      ::unsetenv("SERRIED_TARGET");
      GTEST_SKIP() << "this CPU has no AVX-512";
    }
  }
}

TEST(KMeansInit, random_takes_distinct_rows_by_weight) {
  const auto ctx = wide_context();
  const Array data = Array::arange(ctx, 0, 60);
  const Array weights = make_weights(ctx, 60, [](std::int64_t row) {
    return row < 30 ? 3. : row < 50 ? 1. : 0.;
  });
  std::int64_t heavy = 0, light = 0;
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    KMeansOptions options{.clusters = 3, .init = KMeansInit::random, .seed = seed};
    const auto chosen = seeds(ctx, data, options, &weights);
    EXPECT_EQ(std::set<double>(chosen.begin(), chosen.end()).size(), 3u);
    for (const double row : chosen) {
      EXPECT_LT(row, 50);
      ++(row < 30 ? heavy : light);
    }
  }
  // 90 against 20 units of weight: 3 draws without replacement give 487 of 600 in the mean.
  EXPECT_NEAR(static_cast<double>(heavy), 487, 45);
  // More rows than have a weight: those without come last, in row order.
  KMeansOptions all{.clusters = 52, .init = KMeansInit::random};
  auto chosen = seeds(ctx, data, all, &weights);
  EXPECT_EQ(chosen[50], 50);
  EXPECT_EQ(chosen[51], 51);
}

/// Inertia of given centres.
double inertia(const Context& ctx, const Array& data, std::vector<double> centers,
               std::int64_t clusters) {
  KMeansModel model;
  model.clusters = clusters;
  model.features = data.row_elements();
  model.centers = std::move(centers);
  return predict_kmeans(ctx, model, data).inertia;
}

TEST(KMeansInit, seeding_finds_separated_blobs) {
  const auto ctx = wide_context();
  for (const double unit : {1., 1e-6, 1e6}) {
    const Blobs blobs{4000, 6, 20, 0, 0.02, unit};
    const Array data = make_array(ctx, blobs);
    const auto total = [&](const KMeansOptions& options) {
      return inertia(ctx, data, seeds(ctx, data, options), 20) / (unit * unit);
    };
    // The blobs themselves: 4000 rows, 6 columns of variance 0.02^2.
    const double best = 4000 * 6 * 0.02 * 0.02;
    for (std::uint64_t seed = 0; seed < 5; ++seed) {
      EXPECT_LT(total({.clusters = 20, .init = KMeansInit::kmeans_parallel, .seed = seed}),
                1.5 * best)
          << seed;
      EXPECT_LT(total({.clusters = 20, .init = KMeansInit::kmeans_plus_plus, .seed = seed}),
                3 * best)
          << seed;
    }
  }
}

TEST(KMeansInit, candidates_are_clustered_from_several_starts) {
  const auto ctx = wide_context();
  const Blobs places{50, 4, 50, 0, 0, 1, 12};
  const auto candidate = [&](std::int64_t row, std::int64_t f) {
    return 3 * places(row % 50, f) +
           1.5 * to_unit_interval(philox_words(7, 7, static_cast<std::uint64_t>(row * 4 + f))[0]);
  };
  const Array data = make_array(ctx, 200, 4, DType::f64, candidate);
  const Array weights = make_weights(
      ctx, 200, [](std::int64_t row) { return std::pow(1.05, static_cast<double>(row % 50)); });
  kmeans::Rows rows(ctx, data);
  const kmeans::Columns columns = kmeans::scan_columns(rows, false);
  const std::vector<double> values = everywhere<double>(data);
  const std::vector<double> masses = everywhere<double>(weights);
  const auto solve = [&](const kmeans::Rows& some, std::uint64_t seed) {
    return kmeans::cluster_candidates(some, columns, values, masses, 50,
                                      kmeans::RunRandom(seed, 0));
  };
  std::vector<double> inertias;
  for (std::uint64_t seed = 0; seed < 10; ++seed) {
    const std::vector<double> centers = solve(rows, seed);
    double sum = 0;
    for (std::size_t i = 0; i < masses.size(); ++i) {
      double least = 1e300;
      for (std::size_t j = 0; j < 50; ++j)
        least = std::min(least, squared_distance(&values[4 * i], &centers[4 * j], 4));
      sum += masses[i] * least;
    }
    inertias.push_back(sum);
    // The starts are shared out, and the best of them is the same on any number of ranks.
    const Context lone = lone_context();
    const Array whole_data = make_array(lone, 200, 4, DType::f64, candidate);
    EXPECT_EQ(solve(kmeans::Rows(lone, whole_data), seed), centers);
    const Context threaded = wide_context(2);
    EXPECT_EQ(solve(kmeans::Rows(threaded, data), seed), centers);
  }
  // Of single starts the mean lies 6 per cent above the best, and some lie 9 per cent above it.
  double mean = 0;
  for (const double sum : inertias) mean += sum / static_cast<double>(inertias.size());
  EXPECT_LT(mean, 1.04 * *std::ranges::min_element(inertias));
}

TEST(KMeansInit, trials_of_the_greedy_choice) {
  // scikit-learn: 2 + int(log(clusters)).
  EXPECT_EQ(kmeans::greedy_trials(1), 2);
  EXPECT_EQ(kmeans::greedy_trials(2), 2);
  EXPECT_EQ(kmeans::greedy_trials(3), 3);
  EXPECT_EQ(kmeans::greedy_trials(8), 4);
  EXPECT_EQ(kmeans::greedy_trials(50), 5);
  EXPECT_EQ(kmeans::greedy_trials(1000), 8);
}

TEST(KMeansInit, chosen_rows_do_not_depend_on_units) {
  // Times 1e-6 and 1e6, which no power of two is: last digits change, and still the same rows are
  // drawn.
  const auto ctx = wide_context();
  const auto chosen = [&](KMeansInit init, double unit) {
    const Blobs blobs{3000, 3, 8, 0, 0.3, unit};
    const Array data = make_array(ctx, blobs);
    const std::vector<double> values = everywhere<double>(data);
    const std::vector<double> centers = seeds(ctx, data, {.clusters = 8, .init = init, .seed = 3});
    std::vector<std::ptrdiff_t> rows;
    for (std::size_t at = 0; at < centers.size(); at += 3)
      for (std::size_t row = 0; row < values.size(); row += 3)
        if (std::equal(centers.begin() + static_cast<std::ptrdiff_t>(at),
                       centers.begin() + static_cast<std::ptrdiff_t>(at) + 3,
                       values.begin() + static_cast<std::ptrdiff_t>(row)))
          rows.push_back(static_cast<std::ptrdiff_t>(row / 3));
    return rows;
  };
  for (const KMeansInit init : {KMeansInit::kmeans_plus_plus, KMeansInit::random}) {
    const auto rows = chosen(init, 1);
    EXPECT_EQ(rows.size(), 8u);
    EXPECT_EQ(chosen(init, 1e-6), rows);
    EXPECT_EQ(chosen(init, 1e6), rows);
  }
  // k-means|| gives means of candidates.
  const auto centers = [&](double unit) {
    const Blobs blobs{3000, 3, 8, 0, 0.3, unit};
    auto found = seeds(ctx, make_array(ctx, blobs), {.clusters = 8, .seed = 3});
    for (double& value : found) value /= unit;
    return found;
  };
  const std::vector<double> plain = centers(1);
  for (const double unit : {1e-6, 1e6}) {
    const std::vector<double> scaled = centers(unit);
    for (std::size_t i = 0; i < plain.size(); ++i) EXPECT_NEAR(scaled[i], plain[i], 1e-12);
  }
}

TEST(KMeansInit, rounds_do_not_depend_on_units) {
  const auto ctx = wide_context();
  const Blobs plain{2000, 3, 8}, scaled{2000, 3, 8, 0, 0.3, 0x1.0p-40};
  for (const KMeansInit init : inits) {
    auto a = fit(ctx, plain, init, DType::f64, false, 8);
    auto b = fit(ctx, scaled, init, DType::f64, false, 8);
    EXPECT_EQ(a.labels, b.labels);
    for (double& value : b.model.centers) value *= 0x1.0p40;
    EXPECT_EQ(a.model.centers, b.model.centers);
  }
}

TEST(KMeansInit, the_first_row_is_drawn_by_weight) {
  const auto ctx = wide_context();
  const Array data = Array::arange(ctx, 0, 8);
  const Array weights = make_weights(ctx, 8, [](std::int64_t row) {
    return row == 2 ? 6. : row == 5 ? 2. : 0.;
  });
  int second = 0;
  for (std::uint64_t seed = 0; seed < 400; ++seed) {
    KMeansOptions options{.clusters = 1, .init = KMeansInit::kmeans_plus_plus, .seed = seed};
    const double row = seeds(ctx, data, options, &weights)[0];
    EXPECT_TRUE(row == 2 || row == 5);
    second += row == 5 ? 1 : 0;
  }
  EXPECT_NEAR(second, 100, 35);
  // One heavy row among 5000: rejection fails, the race finds it.
  const Array many = Array::arange(ctx, 0, 5000);
  const Array rare =
      make_weights(ctx, 5000, [](std::int64_t row) { return row == 4321 ? 1. : 1e-9; });
  KMeansOptions options{.clusters = 1, .init = KMeansInit::kmeans_plus_plus};
  EXPECT_EQ(seeds(ctx, many, options, &rare)[0], 4321);
}

TEST(KMeansInit, n_init_keeps_the_least_inertia) {
  const auto ctx = wide_context();
  const Blobs blobs{600, 2, 12, 0, 0.1};
  const auto several = fit(ctx, blobs, KMeansInit::random, DType::f64, false, 12, 4, 6);
  expect_same_bits(several,
                   computed_alone({},
                                  [&](const Context& lone) {
                                    return fit(lone, blobs, KMeansInit::random, DType::f64, false,
                                               12, 4, 6);
                                  }),
                   "n_init");
  const auto one = fit(ctx, blobs, KMeansInit::random, DType::f64, false, 12, 4, 1);
  EXPECT_LE(several.model.inertia, one.model.inertia);
  std::set<double> inertias;
  for (std::uint64_t seed = 0; seed < 4; ++seed)
    inertias.insert(fit(ctx, blobs, KMeansInit::random, DType::f64, false, 12, seed).model.inertia);
  EXPECT_GT(inertias.size(), 1u);
}

TEST(KMeansInit, exponential_is_minus_log) {
  for (std::uint64_t i = 0; i < 2000; ++i) {
    const double u =
        std::ldexp(0.5 + to_unit_interval(philox_words(1, 1, i)[0]) / 2, -static_cast<int>(i % 50));
    EXPECT_NEAR(kmeans::exponential_of(u), -std::log(u), 4e-16 * std::max(1., -std::log(u)));
  }
}

TEST(KMeansInit, no_rounds_at_all) {
  const auto ctx = wide_context();
  KMeansOptions options{.clusters = 5, .init_rounds = 0};
  const auto model = fit_kmeans(ctx, make_array(ctx, Blobs{500, 2, 5}), options).model;
  for (const std::int64_t size : model.sizes) EXPECT_GT(size, 0);
}

}  // namespace
}  // namespace serried::test
