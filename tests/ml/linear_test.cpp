// ranks: 1 2 3 4 7
// Least squares: bits between numbers of ranks, threads, tiles and instruction levels, agreement
// with gaussian models, and what is wrong with data. tests/ml/nist_test.cpp has certified values,
// tests/ml/linear_oracle_test.py compares with statsmodels and NumPy.
#include "serried/ml/linear.hpp"

#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "ml/kmeans_support.hpp"
#include "ml/regression_support.hpp"
#include "serried/base/error.hpp"
#include "serried/ml/glm.hpp"
#include "support/value_source.hpp"

namespace serried::test {
namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();

double noise(std::int64_t row, std::int64_t column) {
  return to_unit_interval(
      philox_words(12, static_cast<std::uint64_t>(column), static_cast<std::uint64_t>(row))[0]);
}

/// A function of the row's number alone.
struct Data {
  std::int64_t rows = 1000;
  std::int64_t columns = 4;
  std::int64_t targets = 1;

  [[nodiscard]] static double x(std::int64_t row, std::int64_t column) {
    return 5 * static_cast<double>(column) + 2 * noise(row, column) - 1;
  }
  [[nodiscard]] double y(std::int64_t row, std::int64_t target) const {
    double sum = 0.5 + static_cast<double>(target);
    for (std::int64_t j = 0; j < columns; ++j)
      sum += (0.8 - 0.3 * static_cast<double>(j + target)) * x(row, j);
    return sum + 0.2 * noise(row, 500 + target);
  }
  [[nodiscard]] static double weight(std::int64_t row) {
    return row % 9 == 5 ? 0 : 0.5 + noise(row, 900);
  }
};

std::vector<double> numbers_of(const LinearModel& m) {
  std::vector<double> all = m.unscaled_covariance;
  for (const LinearTarget& t : m.targets) {
    for (const Coefficient& c : t.coefficients)
      all.insert(all.end(), {c.estimate, c.std_error, c.statistic, c.p_value, c.low, c.high});
    all.insert(all.end(), {t.residual_squares, t.total_squares, t.residual_std, t.r2, t.adjusted_r2,
                           t.f_statistic, t.f_p_value, t.log_likelihood, t.aic, t.bic});
  }
  return all;
}

void expect_same_bits(const LinearModel& one, const LinearModel& other, const std::string& what) {
  test::expect_same_bits(numbers_of(one), numbers_of(other), what);
}

LinearModel fit(const Context& ctx, const Data& data, LinearOptions options,
                bool is_streamed = false) {
  const Array y =
      make_array(ctx, data.rows, data.targets, DType::f64,
                 [&](std::int64_t row, std::int64_t target) { return data.y(row, target); });
  const Array weights = make_weights(ctx, data.rows, Data::weight);
  options.weights = &weights;
  if (is_streamed)
    return fit_linear(ctx, ValueSource<double>(ctx, data.rows, data.columns, Data::x), y, options);
  return fit_linear(ctx, make_array(ctx, data.rows, data.columns, DType::f64, Data::x), y, options);
}

TEST(Linear, same_bits_for_ranks_threads_tiles_targets_and_streams) {
  for (const std::int64_t max_tiles : {16384, 64, 3})
    for (const std::int64_t targets : {1, 3})
      for (const double l2 : {0., 2.}) {
        const Data data{.rows = 3001, .columns = 6, .targets = targets};
        LinearOptions options;
        options.l2 = l2;
        options.is_standardized = l2 > 0;
        const std::string what = std::to_string(max_tiles) + ' ' + std::to_string(targets);
        const auto alone = fit(lone_host_context({.max_tiles = max_tiles}), data, options);
        const auto wide = [&](int threads, std::int64_t batch_bytes, const std::string& level) {
          return wide_host_context(threads, {.max_tiles = max_tiles, .batch_bytes = batch_bytes},
                                   level);
        };
        expect_same_bits(fit(wide(1, 1 << 20, ""), data, options), alone, what);
        expect_same_bits(fit(wide(2, 1 << 15, ""), data, options, true), alone,
                         what + " streamed by 2 threads");
        expect_same_bits(fit(wide(1, 1 << 20, "avx2"), data, options), alone, what + " avx2");
      }
}

// The same models by another road.
TEST(Linear, agrees_with_gaussian_models) {
  const Context ctx = wide_host_context();
  const Data data{.rows = 700, .columns = 5, .targets = 2};
  for (const bool has_intercept : {true, false})
    for (const double l2 : {0., 3.})
      for (const WeightsMeaning meaning : {WeightsMeaning::variance, WeightsMeaning::frequency}) {
        LinearOptions options;
        options.has_intercept = has_intercept;
        options.l2 = l2;
        options.is_standardized = l2 > 0;
        options.weights_meaning = meaning;
        const LinearModel m = fit(ctx, data, options);
        const Array x = make_array(ctx, data.rows, data.columns, DType::f64, Data::x);
        const Array weights = make_weights(ctx, data.rows, Data::weight);
        for (std::int64_t k = 0; k < 2; ++k) {
          const Array y =
              make_weights(ctx, data.rows, [&](std::int64_t row) { return data.y(row, k); });
          GlmOptions as_glm;
          as_glm.has_intercept = has_intercept;
          as_glm.l2 = l2;
          as_glm.is_standardized = l2 > 0;
          as_glm.weights_meaning = meaning;
          as_glm.weights = &weights;
          const GlmModel other = fit_glm(ctx, x, y, as_glm);
          const LinearTarget& t = m.targets[static_cast<std::size_t>(k)];
          const auto near = [](double a, double b, const char* what) {
            EXPECT_NEAR(a, b, 1e-9 * std::abs(b)) << what;
          };
          for (std::size_t j = 0; j < t.coefficients.size(); ++j) {
            EXPECT_NEAR(t.coefficients[j].estimate, other.coefficients[j].estimate,
                        1e-9 * other.coefficients[j].std_error);
            near(t.coefficients[j].std_error, other.coefficients[j].std_error, "error");
            near(t.coefficients[j].high - t.coefficients[j].low,
                 other.coefficients[j].high - other.coefficients[j].low, "interval");
          }
          near(t.residual_squares, other.deviance, "deviance");
          near(t.residual_std * t.residual_std, other.dispersion, "dispersion");
          near(t.total_squares, other.null_deviance, "null deviance");
          near(t.log_likelihood, other.log_likelihood, "log-likelihood");
          near(t.aic, other.aic, "aic");
          near(t.bic, other.bic, "bic");
          EXPECT_EQ(m.df_residual, other.df_residual);
          EXPECT_EQ(m.rows_used, other.rows_used);
        }
      }
}

TEST(Linear, dependent_columns_are_aliased) {
  const Context ctx = wide_host_context();
  // x2 = x0 + x1, x3 is constant, x5 = x4
  const Array x = make_array(ctx, 200, 6, DType::f64, [](std::int64_t row, std::int64_t column) {
    if (column == 2) return noise(row, 0) + noise(row, 1);
    if (column == 3) return 1e6 / 3;
    return noise(row, column == 5 ? 4 : column);
  });
  const Array y = make_weights(ctx, 200, [](std::int64_t row) {
    return 3 * noise(row, 0) - noise(row, 4) + 0.1 * noise(row, 99);
  });
  const LinearModel m = fit_linear(ctx, x, y, {});
  const bool is_aliased[] = {false, false, false, true, true, false, true};
  EXPECT_EQ(m.rank, 4);
  EXPECT_EQ(m.df_residual, 196);
  for (std::size_t j = 0; j < 7; ++j) {
    const Coefficient& c = m.targets[0].coefficients[j];
    EXPECT_EQ(c.is_aliased, is_aliased[j]) << j;
    EXPECT_EQ(std::isnan(c.estimate), is_aliased[j]) << j;
    EXPECT_EQ(std::isnan(c.std_error), is_aliased[j]) << j;
  }
  EXPECT_NEAR(m.targets[0].coefficients[1].estimate, 3, 0.05);
  expect_has(summary(m), "Coefficients: (3 not defined because of singularities)\n");
}

// cars of R: summary(lm(dist ~ speed)).
TEST(Linear, cars_as_r_prints_it) {
  const Context ctx = wide_host_context();
  const std::vector<double> speed{4,  4,  7,  7,  8,  9,  10, 10, 10, 11, 11, 12, 12,
                                  12, 12, 13, 13, 13, 13, 14, 14, 14, 14, 15, 15, 15,
                                  16, 16, 17, 17, 17, 18, 18, 18, 18, 19, 19, 19, 20,
                                  20, 20, 20, 20, 22, 23, 24, 24, 24, 24, 25};
  const std::vector<double> distance{2,  10, 4,  22, 16, 10, 18, 26, 34, 17,  28, 14, 20,
                                     24, 28, 26, 34, 34, 46, 26, 36, 60, 80,  20, 26, 54,
                                     32, 40, 32, 40, 50, 42, 56, 76, 84, 36,  46, 68, 32,
                                     48, 52, 56, 64, 66, 54, 70, 92, 93, 120, 85};
  const auto n = static_cast<std::int64_t>(speed.size());
  LinearOptions options;
  options.column_names = {"speed"};
  const LinearModel m = fit_linear(
      ctx,
      make_array(
          ctx, n, 1, DType::f64,
          [&](std::int64_t row, std::int64_t) { return speed[static_cast<std::size_t>(row)]; }),
      make_weights(ctx, n,
                   [&](std::int64_t row) { return distance[static_cast<std::size_t>(row)]; }),
      options);
  const LinearTarget& t = m.targets[0];
  EXPECT_NEAR(t.coefficients[0].estimate, -17.5791, 5e-5);
  EXPECT_NEAR(t.coefficients[0].std_error, 6.7584, 5e-5);
  EXPECT_NEAR(t.coefficients[0].p_value, 0.0123, 5e-5);
  EXPECT_NEAR(t.coefficients[1].estimate, 3.9324, 5e-5);
  EXPECT_NEAR(t.coefficients[1].std_error, 0.4155, 5e-5);
  EXPECT_NEAR(t.residual_std, 15.38, 5e-3);
  EXPECT_NEAR(t.r2, 0.6511, 5e-5);
  EXPECT_NEAR(t.adjusted_r2, 0.6438, 5e-5);
  EXPECT_NEAR(t.f_statistic, 89.57, 5e-3);
  EXPECT_NEAR(t.f_p_value, 1.49e-12, 5e-15);
  EXPECT_NEAR(t.aic, 419.1569, 5e-5);
  const std::string text = summary(m);
  expect_has(text, "Least squares\n50 rows\n\nCoefficients:\n");
  expect_has(text, "speed             3.93241     0.415513     9.464   1.49e-12 ***\n");
  expect_has(text, "F-statistic: 89.5671 on 1 and 48 degrees of freedom, p-value: 1.49e-12\n");
}

TEST(Linear, few_rows_and_ranks_without_rows) {
  const Context ctx = wide_host_context();
  const Array x = make_array(ctx, 3, 6, DType::f64, noise);
  const Array y = make_weights(ctx, 3, [](std::int64_t row) { return static_cast<double>(row); });
  const LinearModel m = fit_linear(ctx, x, y, {});
  EXPECT_EQ(m.rank, 3);
  EXPECT_EQ(m.df_residual, 0);
  EXPECT_NEAR(m.targets[0].residual_squares, 0, 1e-20);
  EXPECT_TRUE(std::isnan(m.targets[0].residual_std));
  for (std::size_t j = 0; j < 7; ++j)
    EXPECT_EQ(m.targets[0].coefficients[j].is_aliased, j > 2) << j;
  const std::string text = error_of<DataError>(ctx, [&] {
    const Array none = make_array(ctx, 0, 2, DType::f64, noise);
    static_cast<void>(fit_linear(ctx, none, make_weights(ctx, 0, Data::weight), {}));
  });
  expect_has(text, "has no rows");
}

TEST(Linear, numbers_far_from_one) {
  const Context ctx = wide_host_context();
  const Data data{.rows = 200, .columns = 3, .targets = 1};
  const LinearModel plain = fit(ctx, data, {});
  const Array y = make_weights(ctx, data.rows, [&](std::int64_t row) { return data.y(row, 0); });
  const Array weights = make_weights(ctx, data.rows, Data::weight);
  LinearOptions options;
  options.weights = &weights;
  const auto scaled = [&](double unit) {
    return make_array(ctx, data.rows, data.columns, DType::f64,
                      [&](std::int64_t row, std::int64_t column) {
                        return unit * (Data::x(row, column) - 5. * static_cast<double>(column));
                      });
  };
  const LinearModel small = fit_linear(ctx, scaled(0x1p-400), y, options);
  for (std::size_t j = 1; j < 4; ++j)
    EXPECT_NEAR(small.targets[0].coefficients[j].estimate * 0x1p-400,
                plain.targets[0].coefficients[j].estimate, 1e-11);
  expect_has(error_of<DataError>(
                 ctx, [&] { static_cast<void>(fit_linear(ctx, scaled(0x1p600), y, options)); }),
             "leave the range of f64");
  const Array huge =
      make_weights(ctx, data.rows, [&](std::int64_t row) { return 1e200 * data.y(row, 0); });
  const Array x = make_array(ctx, data.rows, data.columns, DType::f64, Data::x);
  expect_has(error_of<NumericError>(ctx, [&] { static_cast<void>(fit_linear(ctx, x, huge, {})); }),
             "leave the range of f64");
}

TEST(Linear, wrong_data_and_options_are_named) {
  const Context ctx = wide_host_context();
  const Array x = make_array(ctx, 50, 2, DType::f64, noise);
  const Array y = make_weights(ctx, 50, [](std::int64_t row) { return noise(row, 3); });
  const auto fails = [&](auto error, const Array& columns, const Array& responses,
                         const LinearOptions& options, const std::string& part) {
    using E = decltype(error);
    expect_has(
        error_of<E>(ctx, [&] { static_cast<void>(fit_linear(ctx, columns, responses, options)); }),
        part);
  };
  const Array bad_x = make_array(ctx, 50, 2, DType::f64, [](std::int64_t row, std::int64_t column) {
    return row > 30 && column == 1 ? nan : noise(row, column);
  });
  fails(DataError(""), bad_x, y, {}, "row 31 has NaN or Inf in column 1 (both counted from 0)");
  const Array bad_y =
      make_weights(ctx, 50, [](std::int64_t row) { return row == 17 ? nan : noise(row, 3); });
  fails(DataError(""), x, bad_y, {}, "row 17 (counted from 0) has the response nan");
  const Array two = make_array(ctx, 50, 2, DType::f64, [](std::int64_t row, std::int64_t column) {
    return row == 40 && column == 1 ? nan : noise(row, column);
  });
  fails(DataError(""), x, two, {}, "row 40 (counted from 0) has the response nan in column 1");
  const Array negative =
      make_weights(ctx, 50, [](std::int64_t row) { return row == 3 ? -1. : 1.; });
  LinearOptions options;
  options.weights = &negative;
  fails(DataError(""), x, y, options, "row 3 (counted from 0) has the weight -1");
  const Array nothing = make_weights(ctx, 50, [](std::int64_t) { return 0.; });
  options.weights = &nothing;
  fails(DataError(""), x, y, options, "has a weight above 0");
  const Array longer = make_weights(ctx, 51, [](std::int64_t) { return 0.; });
  fails(InvalidArgument(""), x, longer, {}, "51 rows");
  LinearOptions wrong;
  wrong.l2 = -1;
  fails(InvalidArgument(""), x, y, wrong, "l2 must be a number >= 0, not -1");
  wrong = {};
  wrong.column_names = {"one"};
  fails(InvalidArgument(""), x, y, wrong, "there are 1 names for the 2 columns");
  wrong = {};
  wrong.target_names = {"one", "two"};
  fails(InvalidArgument(""), x, y, wrong, "there are 2 names for the 1 columns");
  wrong = {};
  wrong.confidence = 1;
  fails(InvalidArgument(""), x, y, wrong, "the confidence must be between 0 and 1");
}

}  // namespace
}  // namespace serried::test
