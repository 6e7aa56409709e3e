// ranks: 1 2 3 4 7
// Scores of predictions: bits at every number of ranks and threads, hand-made cases, and what is
// wrong with data. tests/app/scores_test.py compares with scikit-learn.
#include "serried/ml/metrics.hpp"

#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "ml/kmeans_support.hpp"
#include "ml/regression_support.hpp"
#include "serried/base/error.hpp"

namespace serried::test {
namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();

double noise(std::int64_t row, std::uint64_t what) {
  return to_unit_interval(philox_words(21, what, static_cast<std::uint64_t>(row))[0]);
}

/// Every hundredth, so that many rows are equal.
double probability(std::int64_t row) {
  return std::floor(100 * noise(row, 1)) / 100;
}
double truth(std::int64_t row) {
  return noise(row, 2) < probability(row) ? 1 : 0;
}
double weight(std::int64_t row) {
  return row % 11 == 3 ? 0 : noise(row, 3);
}
double class_of(std::int64_t row) {
  return std::floor(4 * noise(row, 4)) * 2 - 3;
}
double guess_of(std::int64_t row) {
  return noise(row, 5) < 0.5 ? class_of(row) : 1;
}

Array values(const Context& ctx, const std::vector<double>& all) {
  return make_weights(ctx, static_cast<std::int64_t>(all.size()),
                      [&](std::int64_t row) { return all[static_cast<std::size_t>(row)]; });
}

std::vector<double> all_numbers(const Context& ctx, std::int64_t rows, bool has_weights) {
  const Array y = make_weights(ctx, rows, truth);
  const Array p = make_weights(ctx, rows, probability);
  const Array w = make_weights(ctx, rows, weight);
  const Array* const weights = has_weights ? &w : nullptr;
  std::vector<double> found;
  const RegressionScores r = score_regression(ctx, y, p, weights);
  found.insert(found.end(), {r.mean_squared_error, r.mean_absolute_error, r.max_error,
                             r.r2.value_or(nan), static_cast<double>(r.rows)});
  const BinaryScores b = score_binary(
      ctx, y, p, {.weights = weights, .bins = CalibrationBins::quantiles, .roc_points = 30});
  found.insert(found.end(), {b.log_loss, b.brier, b.accuracy, b.auc.value_or(nan)});
  for (const RocPoint& point : b.roc)
    found.insert(found.end(), {point.false_positive_rate, point.true_positive_rate});
  for (const CalibrationBin& bin : b.calibration)
    found.insert(found.end(), {bin.low, bin.mean_probability, bin.observed});
  const ClassScores c = score_classes(ctx, make_weights(ctx, rows, class_of),
                                      make_weights(ctx, rows, guess_of), {.weights = weights});
  found.insert(found.end(), c.confusion.begin(), c.confusion.end());
  found.push_back(c.accuracy);
  return found;
}

TEST(Metrics, same_bits_for_ranks_threads_and_targets) {
  for (const std::int64_t rows : {5, 3001})
    for (const bool has_weights : {false, true})
      for (const std::int64_t max_tiles : {16384, 3}) {
        const std::string what = std::to_string(rows) + (has_weights ? " weighted" : "");
        const auto alone =
            all_numbers(lone_host_context({.max_tiles = max_tiles}), rows, has_weights);
        const auto wide = [&](int threads, const std::string& level) {
          return all_numbers(wide_host_context(threads, {.max_tiles = max_tiles}, level), rows,
                             has_weights);
        };
        expect_same_bits(wide(1, ""), alone, what);
        expect_same_bits(wide(2, "avx2"), alone, what);
      }
}

TEST(Metrics, area_counts_pairs) {
  const Context ctx = wide_host_context();
  constexpr std::int64_t rows = 700;
  double pairs = 0;
  double all = 0;
  double weighted_pairs = 0;
  double weighted_all = 0;
  for (std::int64_t i = 0; i < rows; ++i)
    for (std::int64_t j = 0; j < rows; ++j) {
      if (truth(i) != 1 || truth(j) != 0) continue;
      const double a = probability(i);
      const double b = probability(j);
      const double share = a > b ? 1 : a == b ? 0.5 : 0;
      pairs += share;
      all += 1;
      weighted_pairs += share * weight(i) * weight(j);
      weighted_all += weight(i) * weight(j);
    }
  const Array y = make_weights(ctx, rows, truth);
  const Array p = make_weights(ctx, rows, probability);
  const Array w = make_weights(ctx, rows, weight);
  EXPECT_EQ(score_binary(ctx, y, p).auc.value(), pairs / all);
  EXPECT_NEAR(score_binary(ctx, y, p, {.weights = &w}).auc.value(), weighted_pairs / weighted_all,
              1e-12);
}

TEST(Metrics, curve_and_calibration) {
  const Context ctx = wide_host_context();
  const Array y = values(ctx, {0, 0, 1, 1, 1, 0, nan});
  const Array p = values(ctx, {0.1, 0.4, 0.4, 0.8, 1, 0, 0.5});
  const BinaryScores s = score_binary(ctx, y, p, {.calibration_bins = 2});
  EXPECT_EQ(s.rows, 6);
  EXPECT_EQ(s.missing, 1);
  EXPECT_EQ(s.auc.value(), 8.5 / 9);
  const std::vector<double> thresholds{
      std::numeric_limits<double>::infinity(), 1, 0.8, 0.4, 0.1, 0};
  const std::vector<double> false_rates{0, 0, 0, 1. / 3, 2. / 3, 1};
  const std::vector<double> true_rates{0, 1. / 3, 2. / 3, 1, 1, 1};
  ASSERT_EQ(s.roc.size(), thresholds.size());
  for (std::size_t i = 0; i < s.roc.size(); ++i) {
    EXPECT_EQ(s.roc[i].threshold, thresholds[i]);
    EXPECT_DOUBLE_EQ(s.roc[i].false_positive_rate, false_rates[i]) << i;
    EXPECT_DOUBLE_EQ(s.roc[i].true_positive_rate, true_rates[i]) << i;
  }
  ASSERT_EQ(s.calibration.size(), 2U);
  EXPECT_EQ(s.calibration[0].rows, 4);
  EXPECT_DOUBLE_EQ(s.calibration[0].observed, 0.25);
  EXPECT_DOUBLE_EQ(s.calibration[1].mean_probability, 0.9);
  EXPECT_EQ(s.confusion.true_positives, 2);
  EXPECT_EQ(s.confusion.false_negatives, 1);
  EXPECT_TRUE(score_binary(ctx, y, p, {.roc_points = 0}).roc.empty());
  // all probabilities alike: one bin
  const BinaryScores alike = score_binary(ctx, values(ctx, {0, 1, 1}), values(ctx, {0.5, 0.5, 0.5}),
                                          {.bins = CalibrationBins::quantiles});
  ASSERT_EQ(alike.calibration.size(), 1U);
  EXPECT_DOUBLE_EQ(alike.calibration[0].observed, 2. / 3);
  EXPECT_EQ(alike.auc.value(), 0.5);
}

TEST(Metrics, normal_quantiles_of_few_and_of_many_values) {
  const Context ctx = wide_host_context();
  const std::vector<NormalQuantile> three = normal_quantiles(ctx, values(ctx, {5, nan, -1, 2}));
  ASSERT_EQ(three.size(), 3U);
  // R: qnorm(ppoints(3, a = 0.5))
  EXPECT_NEAR(three[0].normal, -0.9674215661017010, 1e-14);
  EXPECT_EQ(three[1].normal, 0);
  EXPECT_NEAR(three[2].normal, 0.9674215661017010, 1e-14);
  EXPECT_EQ(three[0].value, -1);
  EXPECT_EQ(three[1].value, 2);
  EXPECT_EQ(three[2].value, 5);
  EXPECT_TRUE(normal_quantiles(ctx, values(ctx, {})).empty());
  EXPECT_TRUE(normal_quantiles(ctx, values(ctx, {nan, nan})).empty());
  const auto normal = [&](const Context& c) {
    const auto found =
        normal_quantiles(c, Array::random_normal(c, Shape{20001}, DType::f64, 3), 50);
    std::vector<double> numbers;
    for (const NormalQuantile& point : found) {
      numbers.insert(numbers.end(), {point.normal, point.value});
      EXPECT_NEAR(point.normal, point.value, 0.1);
    }
    return numbers;
  };
  expect_same_bits(normal(ctx), normal(lone_host_context()), "quantiles");
}

TEST(Metrics, certain_and_wrong_is_a_large_loss) {
  const Context ctx = wide_host_context();
  const BinaryScores s = score_binary(ctx, values(ctx, {1, 1}), values(ctx, {0, 1}));
  EXPECT_NEAR(s.log_loss, 26 * std::log(2.), 1e-12);
  EXPECT_FALSE(s.auc.has_value());
  EXPECT_TRUE(s.roc.empty());
}

TEST(Metrics, types_and_shapes) {
  const Context ctx = wide_host_context();
  const Array y = values(ctx, {1, 0, 1, 1});
  const Array p = values(ctx, {0.75, 0.25, 0.5, 1});
  const RegressionScores want = score_regression(ctx, y, p);
  for (const DType dtype : {DType::f16, DType::f32, DType::f64})
    EXPECT_EQ(score_regression(ctx, y.cast(DType::b8), p.cast(dtype)).mean_squared_error,
              want.mean_squared_error);
  EXPECT_EQ(score_binary(ctx, y.cast(DType::i16), p.cast(DType::f32)).brier,
            want.mean_squared_error);
  const auto told = [&](const auto& work) { return error_of<InvalidArgument>(ctx, work); };
  const Array short_one = values(ctx, {1, 0});
  const Array square = make_array(ctx, 4, 2, DType::f64, [](auto, auto) { return 0.5; });
  expect_has(told([&] { static_cast<void>(score_regression(ctx, y, short_one)); }),
             "the prediction has 2 rows, y has 4");
  expect_has(told([&] { static_cast<void>(score_binary(ctx, square, p)); }), "1 dimension is");
  expect_has(told([&] { static_cast<void>(score_regression(ctx, y, p, &short_one)); }), "weights");
  expect_has(
      told([&] {
        static_cast<void>(score_regression(ctx, Array::zeros(ctx, Shape{4}, DType::c128), p));
      }),
      "complex");
  expect_has(told([&] { static_cast<void>(score_binary(ctx, y, p, {.threshold = 2})); }),
             "threshold");
  expect_has(told([&] { static_cast<void>(score_binary(ctx, y, p, {.calibration_bins = 0})); }),
             "one bin");
  expect_has(told([&] {
               static_cast<void>(score_classes(ctx, y, y, {.classes = {1, 0}}));
             }),
             "ascend");
  expect_has(told([&] { static_cast<void>(score_classes(ctx, y, y, {.probabilities = &square})); }),
             "for 0 classes");
}

TEST(Metrics, wrong_data_is_named) {
  const Context ctx = wide_host_context();
  const Array y = values(ctx, {1, 0, 1, 2});
  const Array p = values(ctx, {0.5, 0.5, -0.5, 0.5});
  const Array fine = values(ctx, {0.5, 0.5, 0.5, 0.5});
  const auto told = [&](const auto& work) { return error_of<DataError>(ctx, work); };
  expect_has(told([&] { static_cast<void>(score_binary(ctx, y, fine)); }), "row 3 of y is 2");
  expect_has(told([&] {
               static_cast<void>(score_binary(ctx, values(ctx, {1, 0, 1, 1}), p));
             }),
             "row 2 of the prediction is -0.5");
  expect_has(told([&] { static_cast<void>(score_regression(ctx, y, fine, &p)); }),
             "row 2 of weights is -0.5");
  expect_has(told([&] {
               static_cast<void>(score_classes(ctx, y, y, {.classes = {0, 1}}));
             }),
             "row 3 of y is 2; that is none of the classes");
  const Array nothing = values(ctx, {0, 0, nan, 0});
  expect_has(told([&] { static_cast<void>(score_regression(ctx, y, fine, &nothing)); }),
             "none of 4 rows can be scored: 1 have NaN, 3 the weight 0");
  expect_has(
      told([&] { static_cast<void>(score_regression(ctx, values(ctx, {}), values(ctx, {}))); }),
      "no rows");
}

}  // namespace
}  // namespace serried::test
