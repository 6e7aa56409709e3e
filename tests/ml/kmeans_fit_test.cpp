// ranks: 1 2 3 4 7
// Lloyd's iteration against a serial long double one, and its bits between numbers of ranks and
// threads.
#include <algorithm>
#include <limits>
#include <map>

#include "ml/kmeans_support.hpp"

namespace serried::test {
namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();
constexpr double inf = std::numeric_limits<double>::infinity();

/// Lloyd's iteration as a loop over long double.
struct SerialFit {
  std::vector<long double> centers;
  std::vector<std::int32_t> labels;
  std::int64_t iterations = 0;
};

/// Empty clusters take the rows farthest from their centres, as scikit-learn's do.
void relocate(const std::vector<double>& x, const std::vector<double>& weights,
              const SerialFit& fit, std::int64_t p, std::vector<long double>& sums,
              std::vector<long double>& masses) {
  const auto width = static_cast<std::size_t>(p);
  std::vector<std::pair<long double, std::size_t>> far;
  for (std::size_t i = 0; i < fit.labels.size(); ++i) {
    long double d = 0;
    for (std::size_t f = 0; f < width; ++f) {
      const long double e = static_cast<long double>(x[i * width + f]) -
                            fit.centers[static_cast<std::size_t>(fit.labels[i]) * width + f];
      d += e * e;
    }
    if (d > 0 && (weights.empty() || weights[i] > 0)) far.emplace_back(-d, i);
  }
  std::sort(far.begin(), far.end());
  std::size_t next = 0;
  for (std::size_t j = 0; j < masses.size(); ++j) {
    if (masses[j] != 0 || next == far.size()) continue;
    const std::size_t row = far[next++].second;
    const auto old = static_cast<std::size_t>(fit.labels[row]);
    const long double w = weights.empty() ? 1 : static_cast<long double>(weights[row]);
    for (std::size_t f = 0; f < width; ++f) {
      sums[j * width + f] = w * static_cast<long double>(x[row * width + f]);
      sums[old * width + f] -= sums[j * width + f];
    }
    masses[j] = w;
    masses[old] -= w;
  }
}

SerialFit serial_fit(const std::vector<double>& x, const std::vector<double>& weights,
                     const std::vector<double>& initial, std::int64_t p,
                     std::int64_t max_iterations) {
  const auto n = static_cast<std::int64_t>(x.size()) / p;
  const auto k = static_cast<std::int64_t>(initial.size()) / p;
  SerialFit fit{{initial.begin(), initial.end()},
                std::vector<std::int32_t>(static_cast<std::size_t>(n), -1),
                0};
  const auto assign = [&] {
    std::int64_t moved = 0;
    for (std::int64_t i = 0; i < n; ++i) {
      long double best = std::numeric_limits<long double>::infinity();
      std::int32_t label = 0;
      for (std::int64_t j = 0; j < k; ++j) {
        long double d = 0;
        for (std::int64_t f = 0; f < p; ++f) {
          const long double e = static_cast<long double>(x[static_cast<std::size_t>(i * p + f)]) -
                                fit.centers[static_cast<std::size_t>(j * p + f)];
          d += e * e;
        }
        if (d < best) {
          best = d;
          label = static_cast<std::int32_t>(j);
        }
      }
      std::int32_t& old = fit.labels[static_cast<std::size_t>(i)];
      moved += old != label ? 1 : 0;
      old = label;
    }
    return moved;
  };
  bool is_still = false;
  while (fit.iterations < max_iterations && !is_still) {
    ++fit.iterations;
    is_still = assign() == 0;
    std::vector<long double> sums(fit.centers.size(), 0), masses(static_cast<std::size_t>(k), 0);
    for (std::int64_t i = 0; i < n; ++i) {
      const auto j = static_cast<std::size_t>(fit.labels[static_cast<std::size_t>(i)]);
      const long double w =
          weights.empty() ? 1 : static_cast<long double>(weights[static_cast<std::size_t>(i)]);
      masses[j] += w;
      for (std::int64_t f = 0; f < p; ++f)
        sums[j * static_cast<std::size_t>(p) + static_cast<std::size_t>(f)] +=
            w * static_cast<long double>(x[static_cast<std::size_t>(i * p + f)]);
    }
    relocate(x, weights, fit, p, sums, masses);
    for (std::size_t i = 0; i < sums.size(); ++i)
      if (masses[i / static_cast<std::size_t>(p)] > 0)
        fit.centers[i] = sums[i] / masses[i / static_cast<std::size_t>(p)];
  }
  if (!is_still) assign();
  return fit;
}

std::vector<double> first_rows(const std::vector<double>& x, std::int64_t k, std::int64_t p) {
  std::vector<double> centers;
  const auto n = static_cast<std::int64_t>(x.size()) / p;
  for (std::int64_t j = 0; j < k; ++j)
    for (std::int64_t f = 0; f < p; ++f)
      centers.push_back(x[static_cast<std::size_t>((j * (n / k)) * p + f)]);
  return centers;
}

/// Labels may differ only where the two nearest centres are equally far but for 1e-12 of the
/// lengths.
std::int64_t wrong_labels(const std::vector<double>& x, const std::vector<double>& centers,
                          const std::vector<std::int32_t>& labels, std::int64_t p) {
  const auto n = static_cast<std::int64_t>(labels.size());
  const auto k = static_cast<std::int64_t>(centers.size()) / p;
  std::vector<long double> mean(static_cast<std::size_t>(p), 0);
  for (std::size_t i = 0; i < x.size(); ++i)
    mean[i % static_cast<std::size_t>(p)] +=
        static_cast<long double>(x[i]) / static_cast<long double>(n);
  const auto length = [&](const double* v) {
    long double sum = 0;
    for (std::int64_t f = 0; f < p; ++f) {
      const long double e = static_cast<long double>(v[f]) - mean[static_cast<std::size_t>(f)];
      sum += e * e;
    }
    return sum;
  };
  std::int64_t wrong = 0;
  for (std::int64_t i = 0; i < n; ++i) {
    const double* row = x.data() + i * p;
    const auto far = [&](std::int64_t j) {
      long double sum = 0;
      for (std::int64_t f = 0; f < p; ++f) {
        const long double e =
            static_cast<long double>(row[f]) -
            static_cast<long double>(centers[static_cast<std::size_t>(j * p + f)]);
        sum += e * e;
      }
      return sum;
    };
    const std::int64_t own = labels[static_cast<std::size_t>(i)];
    for (std::int64_t j = 0; j < k; ++j)
      if (far(own) - far(j) > 1e-12L * (length(row) + length(centers.data() + j * p))) {
        ++wrong;
        break;
      }
  }
  return wrong;
}

struct Case {
  std::string name;
  Blobs blobs;
  std::int64_t clusters = 5;
  double tolerance = 0;
  bool has_weights = false;
};

const std::vector<Case> cases{
    {"blobs", {}, 5},
    {"one feature", {9000, 1, 7}, 7},
    {"many rows", {9000, 4, 9}, 8},
    {"one cluster", {1000, 3, 2}, 1},
    {"as many clusters as rows", {40, 2, 40}, 40},
    {"one row", {1, 3, 1}, 1},
    {"fewer rows than ranks", {2, 5, 2}, 2},
    {"wide rows", {80, 700, 4}, 4},
    {"far from zero", {2500, 3, 6, 1e6}, 6},
    {"small unit", {1500, 3, 6, 0, 0.3, 1e-30}, 6},
    {"weights", {3000, 3, 6}, 6, 0, true},
    {"tolerance", {4000, 3, 12, 0, 2.}, 7, 1e-3},
};

double weight_of(std::int64_t row) {
  return row % 7 == 0
             ? 0
             : 0.25 + 2 * to_unit_interval(philox_words(5, 5, static_cast<std::uint64_t>(row))[0]);
}

KMeansFit fit(const Context& ctx, const Case& c, const std::vector<double>& initial, DType dtype,
              int max_iterations = 30) {
  const Array data = make_array(ctx, c.blobs, dtype);
  KMeansOptions options;
  options.clusters = c.clusters;
  options.init = KMeansInit::given;
  options.initial_centers = initial;
  options.tolerance = c.tolerance;
  options.max_iterations = max_iterations;
  if (!c.has_weights) return fit_kmeans(ctx, data, options);
  const Array weights = make_weights(ctx, c.blobs.rows, weight_of);
  return fit_kmeans(ctx, data, options, &weights);
}

std::vector<double> values_of(const Case& c, DType dtype) {
  static std::map<std::pair<std::string, DType>, std::vector<double>> known;
  std::vector<double> unnamed;
  std::vector<double>& x = c.name.empty() ? unnamed : known[{c.name, dtype}];
  if (!x.empty()) return x;
  for (std::int64_t i = 0; i < c.blobs.rows; ++i)
    for (std::int64_t f = 0; f < c.blobs.features; ++f) {
      const double value = c.blobs(i, f);
      x.push_back(dtype == DType::f32 ? static_cast<double>(static_cast<float>(value)) : value);
    }
  return x;
}

TEST(KMeansFit, equals_a_serial_loop) {
  for (const Case& c : cases)
    for (const DType dtype : {DType::f64, DType::f32}) {
      const auto x = values_of(c, dtype);
      const std::int64_t p = c.blobs.features;
      const auto initial = first_rows(x, c.clusters, p);
      std::vector<double> weights;
      for (std::int64_t i = 0; c.has_weights && i < c.blobs.rows; ++i)
        weights.push_back(weight_of(i));
      const WholeFit got = whole(fit(wide_context(), c, initial, dtype));
      const SerialFit expected = serial_fit(x, weights, initial, p, got.model.iterations);
      EXPECT_EQ(got.model.iterations, expected.iterations) << c.name;
      EXPECT_EQ(wrong_labels(x, got.model.centers, got.labels, p), 0) << c.name;
      EXPECT_EQ(got.labels, expected.labels) << c.name;
      const double size = c.blobs.unit * (c.blobs.offset + 1);
      for (std::size_t i = 0; i < got.model.centers.size(); ++i)
        EXPECT_NEAR(got.model.centers[i], static_cast<double>(expected.centers[i]),
                    4e-15 * size + 1e-15 * std::abs(got.model.centers[i]))
            << c.name;
      const long double inertia = inertia_of(x, got.model.centers, got.labels, p, weights);
      EXPECT_NEAR(got.model.inertia, static_cast<double>(inertia),
                  1e-14 * static_cast<double>(inertia))
          << c.name;
      std::vector<std::int64_t> sizes(static_cast<std::size_t>(c.clusters), 0);
      for (const std::int32_t label : got.labels) ++sizes[static_cast<std::size_t>(label)];
      EXPECT_EQ(got.model.sizes, sizes) << c.name;
      EXPECT_EQ(got.model.rows, c.blobs.rows);
      EXPECT_EQ(got.model.rows_used, c.blobs.rows);
      EXPECT_EQ(got.model.dtype, dtype);
      EXPECT_EQ(got.model.feature_shape, (std::vector<std::int64_t>{p}));
    }
}

TEST(KMeansFit, tolerance_and_stop) {
  Case c = cases.back();
  const auto x = values_of(c, DType::f64);
  const auto initial = first_rows(x, c.clusters, c.blobs.features);
  const auto ctx = wide_context();
  const WholeFit loose = whole(fit(ctx, c, initial, DType::f64, 200));
  EXPECT_TRUE(loose.model.converged);
  c.tolerance = 0;
  const WholeFit strict = whole(fit(ctx, c, initial, DType::f64, 200));
  EXPECT_TRUE(strict.model.converged);
  EXPECT_LT(loose.model.iterations, strict.model.iterations);
  EXPECT_LT(strict.model.inertia, loose.model.inertia);
  const WholeFit cut = whole(fit(ctx, c, initial, DType::f64, 3));
  EXPECT_FALSE(cut.model.converged);
  EXPECT_EQ(cut.model.iterations, 3);
  EXPECT_EQ(wrong_labels(x, cut.model.centers, cut.labels, c.blobs.features), 0);
}

TEST(KMeansFit, same_bits_at_any_ranks_threads_and_tiles) {
  for (const Case& c : cases)
    for (const DType dtype : {DType::f64, DType::f32})
      for (const std::int64_t tiles : {std::int64_t{16384}, std::int64_t{64}, std::int64_t{3}}) {
        const ContextOptions options{.max_tiles = tiles};
        const auto initial = first_rows(values_of(c, dtype), c.clusters, c.blobs.features);
        const auto alone = computed_alone(
            options, [&](const Context& ctx) { return whole(fit(ctx, c, initial, dtype, 6)); });
        const std::string what = c.name + ", tiles " + std::to_string(tiles);
        expect_same_bits(alone, whole(fit(wide_context(1, options), c, initial, dtype, 6)), what);
        if (tiles == 64)
          expect_same_bits(alone, whole(fit(wide_context(2, options), c, initial, dtype, 6)),
                           what + ", 2 threads");
      }
}

TEST(KMeansFit, same_bits_on_avx2_and_avx512) {
  for (const Case& c : cases)
    for (const DType dtype : {DType::f64, DType::f32}) {
      const auto initial = first_rows(values_of(c, dtype), c.clusters, c.blobs.features);
      const auto narrow = whole(fit(wide_context(1, {}, "avx2"), c, initial, dtype, 6));
      std::shared_ptr<Context> ctx;
      try {
        ctx = std::make_shared<Context>(wide_context(1, {}, "avx512"));
      } catch (const InvalidArgument&) {
        ::unsetenv("SERRIED_TARGET");
        GTEST_SKIP() << "this CPU has no AVX-512";
      }
      expect_same_bits(narrow, whole(fit(*ctx, c, initial, dtype, 6)), c.name);
    }
}

TEST(KMeansFit, a_row_s_label_depends_on_the_row_alone) {
  const Blobs blobs{4000, 5, 9};
  const auto ctx = wide_context();
  const std::int64_t stride = 1237;  // coprime to 4000: a permutation
  const auto permuted = [&](std::int64_t row, std::int64_t f) {
    return blobs(row * stride % 4000, f);
  };
  const Case c{"", blobs, 9};
  const WholeFit straight =
      whole(fit(ctx, c, first_rows(values_of(c, DType::f32), 9, 5), DType::f32));
  const auto check = [&](std::int64_t rows, const auto& f, const auto& number) {
    const auto labels = everywhere<std::int32_t>(
        predict_kmeans(ctx, straight.model, make_array(ctx, rows, 5, DType::f32, f)).labels);
    for (std::int64_t i = 0; i < rows; ++i)
      EXPECT_EQ(labels[static_cast<std::size_t>(i)],
                straight.labels[static_cast<std::size_t>(number(i))]);
  };
  check(4000, permuted, [&](std::int64_t i) { return i * stride % 4000; });
  check(
      77, [&](std::int64_t i, std::int64_t f) { return blobs(i + 1111, f); },
      [](std::int64_t i) { return i + 1111; });
}

TEST(KMeansFit, kelvin_in_f32_has_the_labels_of_f64) {
  const Blobs blobs{20000, 8, 12, 139, 0.1, 2};  // about 280 K, small spread
  const Case c{"kelvin", blobs, 12};
  const auto x = values_of(c, DType::f32);
  const WholeFit got = whole(fit(wide_context(), c, first_rows(x, 12, 8), DType::f32, 5));
  EXPECT_EQ(wrong_labels(x, got.model.centers, got.labels, 8), 0);
}

TEST(KMeansFit, other_dtypes_are_converted) {
  const auto ctx = wide_context();
  const auto value = [](std::int64_t row, std::int64_t f) {
    return static_cast<double>((row * 37 + f * 11) % 50 + (row % 3) * 60);
  };
  KMeansOptions options;
  options.clusters = 3;
  options.init = KMeansInit::given;
  options.initial_centers = {10, 10, 70, 70, 130, 130};
  const auto reference =
      whole(fit_kmeans(ctx, make_array(ctx, 500, 2, DType::f64, value), options));
  for (const DType dtype : {DType::i16, DType::u8, DType::i64, DType::u32})
    expect_same_bits(reference,
                     whole(fit_kmeans(ctx, make_array(ctx, 500, 2, dtype, value), options)),
                     std::string(name(dtype)));
  const Array flat = Array::arange(ctx, 0, 30);
  options.initial_centers = {4.5, 14.5, 24.5};
  EXPECT_EQ(fit_kmeans(ctx, flat, options).model.sizes, (std::vector<std::int64_t>{10, 10, 10}));
}

TEST(KMeansFit, missing_rows_are_dropped) {
  const Blobs blobs{3000, 3, 5};
  const auto ctx = wide_context();
  const auto holed = [&](std::int64_t row, std::int64_t f) {
    if (row % 100 == 17 && f == 1) return row % 200 == 17 ? nan : inf;
    return blobs(row, f);
  };
  const auto weight = [&](std::int64_t row) { return row == 1234 ? nan : row == 1235 ? inf : 1.; };
  const auto is_missing = [](std::int64_t row) {
    return row % 100 == 17 || row == 1234 || row == 1235;
  };
  const Case c{"", blobs, 5};
  KMeansOptions options;
  options.clusters = 5;
  options.init = KMeansInit::given;
  options.initial_centers = first_rows(values_of(c, DType::f64), 5, 3);
  options.drop_missing = true;
  const Array data = make_array(ctx, 3000, 3, DType::f64, holed);
  const Array weights = make_weights(ctx, 3000, weight);
  const WholeFit got = whole(fit_kmeans(ctx, data, options, &weights));
  EXPECT_EQ(got.model.rows, 3000);
  EXPECT_EQ(got.model.rows_used, 3000 - 32);
  std::vector<std::int64_t> kept;
  for (std::int64_t i = 0; i < 3000; ++i) {
    EXPECT_EQ(got.labels[static_cast<std::size_t>(i)] < 0, is_missing(i)) << i;
    if (!is_missing(i)) kept.push_back(i);
  }
  // The same as a fit of the rows that are left.
  const auto left = [&](std::int64_t row, std::int64_t f) {
    return blobs(kept[static_cast<std::size_t>(row)], f);
  };
  options.drop_missing = false;
  const WholeFit plain =
      whole(fit_kmeans(ctx, make_array(ctx, 3000 - 32, 3, DType::f64, left), options));
  EXPECT_EQ(plain.model.sizes, got.model.sizes);
  EXPECT_EQ(plain.model.iterations, got.model.iterations);
  EXPECT_NEAR(plain.model.inertia, got.model.inertia, 1e-13 * got.model.inertia);
  for (std::size_t i = 0; i < kept.size(); ++i)
    EXPECT_EQ(plain.labels[i], got.labels[static_cast<std::size_t>(kept[i])]);
  for (const KMeansInit init :
       {KMeansInit::kmeans_parallel, KMeansInit::kmeans_plus_plus, KMeansInit::random}) {
    KMeansOptions seeded{.clusters = 5, .init = init, .drop_missing = true};
    const auto fit = fit_kmeans(ctx, data, seeded, &weights);
    EXPECT_EQ(fit.model.rows_used, 3000 - 32);
    for (const double value : fit.model.centers) EXPECT_TRUE(std::isfinite(value));
  }
}

TEST(KMeansFit, an_empty_cluster_takes_the_farthest_row) {
  const auto ctx = wide_context();
  // Three groups on a line, and one far point; the fourth and fifth centres attract nobody.
  const auto value = [](std::int64_t row, std::int64_t) {
    return row == 70 ? 50.
                     : static_cast<double>(row % 3) * 10 + static_cast<double>(row % 5) * 0.125;
  };
  KMeansOptions options;
  options.clusters = 5;
  options.init = KMeansInit::given;
  options.initial_centers = {0, 10, 20, 1000, 2000};
  options.max_iterations = 1;
  const WholeFit got = whole(fit_kmeans(ctx, make_array(ctx, 100, 1, DType::f64, value), options));
  // Row 70 (30 from its centre) goes to cluster 3; the next farthest (0.5, lowest row) to
  // cluster 4.
  EXPECT_EQ(got.model.centers[3], 50);
  EXPECT_EQ(got.labels[70], 3);
  std::int64_t next = 0;
  while (next == 70 || next % 5 != 4) ++next;
  EXPECT_EQ(got.model.centers[4], value(next, 0));
  long double sum = 0;
  int count = 0;
  for (std::int64_t i = 0; i < 100; ++i)
    if (i % 3 == next % 3 && i != next && i != 70) {
      sum += static_cast<long double>(value(i, 0));
      ++count;
    }
  EXPECT_NEAR(got.model.centers[static_cast<std::size_t>(next % 3)],
              static_cast<double>(sum / count), 1e-14);
  EXPECT_EQ(wrong_labels(
                [&] {
                  std::vector<double> x;
                  for (std::int64_t i = 0; i < 100; ++i) x.push_back(value(i, 0));
                  return x;
                }(),
                got.model.centers, got.labels, 1),
            0);
}

TEST(KMeansFit, fewer_distinct_points_than_clusters) {
  const auto ctx = wide_context();
  const auto value = [](std::int64_t row, std::int64_t f) {
    return static_cast<double>(row % 3) + 0.5 * static_cast<double>(f);
  };
  const Array data = make_array(ctx, 90, 2, DType::f64, value);
  for (const KMeansInit init :
       {KMeansInit::kmeans_parallel, KMeansInit::kmeans_plus_plus, KMeansInit::random}) {
    KMeansOptions options{.clusters = 7, .init = init, .max_iterations = 50};
    const WholeFit got = whole(fit_kmeans(ctx, data, options));
    EXPECT_TRUE(got.model.converged);
    std::int64_t total = 0;
    for (const std::int64_t size : got.model.sizes) total += size;
    EXPECT_EQ(total, 90);
    if (init != KMeansInit::random) {
      EXPECT_EQ(got.model.inertia, 0);
    }
  }
  KMeansOptions constant{.clusters = 3};
  EXPECT_EQ(
      fit_kmeans(ctx, Array::full(ctx, Shape{20, 2}, DType::f64, 4.5), constant).model.inertia, 0);
}

TEST(KMeansFit, means_of_equal_rows_are_not_relocated) {
  const Blobs places{7, 3, 7, 0.1, 0.3, 1, 11};
  for (const DType dtype : {DType::f64, DType::f32})
    for (const double offset : {0., 1000.})
      for (const bool has_weights : {false, true})
        for (const KMeansInit init :
             {KMeansInit::kmeans_parallel, KMeansInit::kmeans_plus_plus, KMeansInit::random}) {
          const auto fit = [&](const Context& ctx) {
            const Array data = make_array(
                ctx, 210, 3, dtype,
                [&](std::int64_t row, std::int64_t f) { return offset + places(row % 7, f); });
            const Array weights = make_weights(ctx, 210, weight_of);
            const KMeansOptions options{.clusters = 12, .init = init, .tolerance = 0};
            return whole(fit_kmeans(ctx, data, options, has_weights ? &weights : nullptr));
          };
          const WholeFit got = fit(wide_context());
          EXPECT_TRUE(got.model.converged);
          EXPECT_LE(got.model.iterations, 9);
          if (init != KMeansInit::random) {
            EXPECT_LE(got.model.inertia, 1e-26 * (1 + offset * offset));
          }
          expect_same_bits(computed_alone({}, fit), got, "equal rows");
        }
}

TEST(KMeansFit, weights_count_as_repetitions) {
  const Blobs blobs{700, 2, 4};
  const auto ctx = wide_context();
  const auto repeats = [](std::int64_t row) { return row % 4; };
  std::vector<std::int64_t> numbers;
  for (std::int64_t i = 0; i < 700; ++i)
    for (std::int64_t r = 0; r < repeats(i); ++r) numbers.push_back(i);
  const Case c{"", blobs, 4};
  KMeansOptions options{.clusters = 4, .init = KMeansInit::given};
  options.tolerance = 0;
  options.initial_centers = first_rows(values_of(c, DType::f64), 4, 2);
  const Array weights = make_weights(
      ctx, 700, [&](std::int64_t i) { return static_cast<double>(repeats(i)); }, DType::i32);
  const Array data = make_array(ctx, blobs);
  const WholeFit weighted = whole(fit_kmeans(ctx, data, options, &weights));
  const auto repeated = [&](std::int64_t row, std::int64_t f) {
    return blobs(numbers[static_cast<std::size_t>(row)], f);
  };
  const WholeFit plain = whole(fit_kmeans(
      ctx, make_array(ctx, static_cast<std::int64_t>(numbers.size()), 2, DType::f64, repeated),
      options));
  EXPECT_EQ(plain.model.iterations, weighted.model.iterations);
  EXPECT_NEAR(plain.model.inertia, weighted.model.inertia, 1e-13 * plain.model.inertia);
  for (std::size_t i = 0; i < 8; ++i)
    EXPECT_NEAR(plain.model.centers[i], weighted.model.centers[i], 1e-14);
  for (std::size_t i = 0; i < numbers.size(); ++i)
    EXPECT_EQ(plain.labels[i], weighted.labels[static_cast<std::size_t>(numbers[i])]);
}

TEST(KMeansFit, weights_of_any_size) {
  const auto ctx = wide_context();
  const Array data = make_array(ctx, Blobs{300, 2, 4, 0, 0.3, 0x1.0p-10});
  for (const KMeansInit init :
       {KMeansInit::kmeans_parallel, KMeansInit::kmeans_plus_plus, KMeansInit::random})
    for (const bool is_uniform : {true, false}) {
      const KMeansOptions options{.clusters = 4, .init = init};
      const auto scaled = [&](double unit) {
        const Array weights = make_weights(ctx, 300, [&](std::int64_t i) {
          return unit * static_cast<double>(is_uniform ? 1 : i % 4);
        });
        return whole(fit_kmeans(ctx, data, options, &weights));
      };
      const WholeFit plain = scaled(1);
      for (const double unit :
           {0x1.0p+1021, 0x1.0p+1000, 0x1.0p-1000, 0x1.0p-1070, 1e307, 1e-310}) {
        WholeFit got = scaled(unit);
        const double expected = plain.model.inertia * unit;
        if (unit == 1e307 || unit == 1e-310) {
          EXPECT_NEAR(got.model.inertia, expected, 1e-13 * expected + 0x1.0p-1073);
          EXPECT_EQ(got.labels, plain.labels);
          continue;
        }
        EXPECT_EQ(got.model.inertia, expected);
        got.model.inertia = plain.model.inertia;
        expect_same_bits(plain, got, "unit " + std::to_string(std::log2(unit)));
      }
    }
  const Array wide = make_array(ctx, Blobs{300, 2, 4});
  const Array heavy = make_weights(ctx, 300, [](std::int64_t) { return 1e308; });
  EXPECT_THROW(static_cast<void>(fit_kmeans(ctx, wide, {.clusters = 4}, &heavy)), DataError);
  // A missing row's weight is of no account.
  const Array holed = make_array(ctx, 300, 1, DType::f64, [](std::int64_t row, std::int64_t) {
    return row == 7 ? nan : static_cast<double>(row % 3);
  });
  const auto without = [&](double weight) {
    const Array weights =
        make_weights(ctx, 300, [&](std::int64_t row) { return row == 7 ? weight : 0x1.0p-900; });
    const KMeansOptions options{.clusters = 2, .drop_missing = true};
    return whole(fit_kmeans(ctx, holed, options, &weights));
  };
  expect_same_bits(without(0x1.0p-900), without(1e308), "missing row");
}

}  // namespace
}  // namespace serried::test
