// ranks: 1 2 3 4 7
// timeout: 300
// Generalised linear models: R's published examples, bits between numbers of ranks, threads, tiles
// and instruction levels, and what is wrong with data. tests/ml/glm_oracle_test.py compares every
// family and link with statsmodels.
#include "serried/ml/glm.hpp"

#include <cmath>
#include <functional>
#include <limits>
#include <string>
#include <vector>

#include "ml/glm_support.hpp"
#include "ml/regression_support.hpp"
#include "serried/base/error.hpp"
#include "support/value_source.hpp"

namespace serried::test {
namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();
constexpr double inf = std::numeric_limits<double>::infinity();

// example(glm) of R: Dobson (1990), page 93, randomized controlled trial.
TEST(Glm, poisson_of_dobson_as_r_prints_it) {
  const Context ctx = wide_host_context();
  const std::vector<double> counts{18, 17, 15, 20, 10, 20, 25, 13, 12};
  // outcome 2 and 3, treatment 2 and 3
  const std::vector<double> x{0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 1, 0,
                              1, 0, 0, 1, 1, 0, 0, 0, 0, 1, 1, 0, 0, 1, 0, 1, 0, 1};
  GlmOptions options{.family = GlmFamily::poisson};
  options.column_names = {"outcome2", "outcome3", "treatment2", "treatment3"};
  const GlmModel m = fit_glm(ctx, matrix_of(ctx, 4, x), vector_of(ctx, counts), options);
  ASSERT_EQ(m.coefficients.size(), 5U);
  const double estimates[] = {3.045, -0.4543, -0.2930, 0, 0};
  const double errors[] = {0.1709, 0.2022, 0.1927, 0.2000, 0.2000};
  for (std::size_t j = 0; j < 5; ++j) {
    EXPECT_NEAR(m.coefficients[j].estimate, estimates[j], 5e-4) << j;
    EXPECT_NEAR(m.coefficients[j].std_error, errors[j], 5e-5) << j;
  }
  EXPECT_NEAR(m.coefficients[1].p_value, 0.0246, 5e-5);
  EXPECT_NEAR(m.null_deviance, 10.5814, 5e-5);
  EXPECT_NEAR(m.deviance, 5.1291, 5e-5);
  EXPECT_NEAR(m.aic, 56.76, 5e-3);
  EXPECT_EQ(m.df_null, 8);
  EXPECT_EQ(m.df_residual, 4);
  EXPECT_TRUE(m.converged);
  const std::string text = summary(m);
  expect_has(text, "Generalised linear model: poisson, link log\n9 rows\n");
  expect_has(text, "Std. Error   z value   Pr(>|z|)\n");
  expect_has(text, "(Intercept)       3.04452     0.170899     17.81  < 2.2e-16 ***\n");
  expect_has(text, "outcome2        -0.454255     0.202171    -2.247     0.0246 *\n");
  expect_has(text, "Dispersion taken to be 1\n");
  expect_has(text, "    Null deviance: 10.5814 on 8 degrees of freedom\n");
  expect_has(text, "Residual deviance: 5.12914 on 4 degrees of freedom\nAIC: 56.76132,");
}

// The same page: McCullagh and Nelder (1989), pages 300-302, clotting times.
TEST(Glm, gamma_of_clotting_as_r_prints_it) {
  const Context ctx = wide_host_context();
  const double u[] = {5, 10, 15, 20, 30, 40, 60, 80, 100};
  std::vector<double> x;
  for (const double value : u) x.push_back(std::log(value));
  const Array y = vector_of(ctx, {118, 58, 42, 35, 27, 25, 21, 19, 18});
  const GlmModel m = fit_glm(ctx, matrix_of(ctx, 1, x), y, {.family = GlmFamily::gamma});
  EXPECT_NEAR(m.coefficients[0].estimate, -0.01655438, 5e-9);
  // R stops where the deviance changes by less than 1e-8
  EXPECT_NEAR(m.coefficients[0].std_error, 0.00092754, 2e-8);
  EXPECT_NEAR(m.coefficients[0].statistic, -17.85, 5e-3);
  EXPECT_NEAR(m.coefficients[1].estimate, 0.01534311, 5e-9);
  EXPECT_NEAR(m.coefficients[1].std_error, 0.00041496, 2e-8);
  EXPECT_NEAR(m.dispersion, 0.002446059, 5e-8);
  EXPECT_NEAR(m.null_deviance, 3.51283, 5e-6);
  EXPECT_NEAR(m.deviance, 0.01673, 5e-6);
  EXPECT_NEAR(m.aic, 37.99, 5e-3);
  expect_has(summary(m), "t value   Pr(>|t|)\n");
}

TEST(Glm, same_bits_for_ranks_threads_tiles_targets_and_streams) {
  for (int f = 0; f < std::ssize(glm_families()); ++f)
    for (const std::int64_t max_tiles : {16384, 64, 3}) {
      Data data{.rows = 3000, .columns = 5, .family = static_cast<GlmFamily>(f)};
      GlmOptions options;
      if (data.family == GlmFamily::gamma || data.family == GlmFamily::inverse_gaussian)
        options.link = GlmLink::log;
      const std::string what =
          std::string(facts(data.family).name) + ' ' + std::to_string(max_tiles);
      const auto alone =
          numbers_of(fit(lone_host_context({.max_tiles = max_tiles}), data, options));
      const auto wide = [&](int threads, std::int64_t batch_bytes, const std::string& target = {}) {
        return wide_host_context(threads, {.max_tiles = max_tiles, .batch_bytes = batch_bytes},
                                 target);
      };
      expect_same_bits(numbers_of(fit(wide(1, 1 << 20), data, options)), alone, what);
      expect_same_bits(numbers_of(fit(wide(2, 1 << 16), data, options, true)), alone,
                       what + " streamed by 2 threads");
      expect_same_bits(numbers_of(fit(wide(1, 1 << 20, "avx2"), data, options)), alone,
                       what + " avx2");
      options.solver = GlmSolver::qr;
      const auto alone_qr =
          numbers_of(fit(lone_host_context({.max_tiles = max_tiles}), data, options));
      expect_same_bits(numbers_of(fit(wide(2, 1 << 16), data, options, true)), alone_qr,
                       what + " qr, streamed by 2 threads");
      expect_same_bits(numbers_of(fit(wide(1, 1 << 20, "avx2"), data, options)), alone_qr,
                       what + " qr avx2");
      for (std::size_t i = 0; i < alone.size(); ++i)
        EXPECT_TRUE(std::abs(alone_qr[i] - alone[i]) <= 1e-7 * std::abs(alone[i]) ||
                    std::isnan(alone[i]))
            << what << ' ' << i << ' ' << alone[i] << ' ' << alone_qr[i];
    }
}

TEST(Glm, same_bits_with_many_tiles) {
  const Data data{.rows = 700001, .columns = 2, .family = GlmFamily::poisson};
  const GlmModel together = fit(wide_host_context(2), data, {});
  std::vector<double> expected = numbers_of(together);
  const auto own = runtime().communicator().split(runtime().communicator().rank(), 0);
  if (runtime().communicator().rank() == 0)
    expected = numbers_of(fit(host_context_of(*own), data, {}));
  runtime().communicator().broadcast(std::span<double>(expected), 0);
  expect_same_bits(numbers_of(together), expected, "700001 rows");
  EXPECT_TRUE(together.converged);
}

// At the estimates the score is 0, for every family and link that fit.
TEST(Glm, estimates_solve_the_score_equations) {
  const Context ctx = wide_host_context(2);
  const Data data{.rows = 2000, .columns = 2, .family = GlmFamily::binomial};
  for (const GlmLink link : {GlmLink::logit, GlmLink::probit, GlmLink::cloglog, GlmLink::loglog}) {
    GlmOptions options;
    options.link = link;
    const GlmModel m = fit(ctx, data, options);
    ASSERT_TRUE(m.converged) << m.message;
    std::vector<long double> score(3, 0);
    for (std::int64_t row = 0; row < data.rows; ++row) {
      const double z[] = {1, data.x(row, 0), data.x(row, 1)};
      long double eta = data.offset(row);
      for (std::size_t j = 0; j < 3; ++j)
        eta += static_cast<long double>(m.coefficients[j].estimate) * z[j];
      long double mean = 0, slope = 0;
      if (link == GlmLink::logit) {
        mean = 1 / (1 + std::exp(-eta));
        slope = mean * (1 - mean);
      } else if (link == GlmLink::probit) {
        mean = std::erfc(-eta / std::sqrt(2.L)) / 2;
        slope = std::exp(-eta * eta / 2) / std::sqrt(2 * std::acos(-1.L));
      } else if (link == GlmLink::cloglog) {
        mean = -std::expm1(-std::exp(eta));
        slope = std::exp(eta - std::exp(eta));
      } else {
        mean = std::exp(-std::exp(-eta));
        slope = std::exp(-eta - std::exp(-eta));
      }
      for (std::size_t j = 0; j < 3; ++j)
        score[j] += data.weight(row) * (data.y(row) - mean) * slope / (mean * (1 - mean)) * z[j];
    }
    for (std::size_t j = 0; j < 3; ++j)
      EXPECT_LE(std::abs(score[j]) * m.coefficients[j].std_error, 1e-8) << j;
  }
}

TEST(Glm, narrow_dtypes_are_fitted_as_their_values) {
  const Context ctx = wide_host_context();
  const Data data{.rows = 500, .columns = 4, .family = GlmFamily::poisson};
  const GlmModel narrow = fit(ctx, data, {}, false, DType::f32);
  const GlmModel wide = fit(ctx, data, {});
  for (std::size_t j = 0; j < 5; ++j)
    EXPECT_NEAR(narrow.coefficients[j].estimate, wide.coefficients[j].estimate,
                1e-3 * wide.coefficients[j].std_error);
}

TEST(Glm, dependent_columns_are_aliased_as_in_r) {
  const Context ctx = wide_host_context();
  // x2 = x0 + x1, x3 is constant, x5 = x4
  const Array x = matrix(ctx, 200, 6, [](std::int64_t row, std::int64_t column) {
    if (column == 2) return noise(row, 0) + noise(row, 1);
    if (column == 3) return 1e6 / 3;
    return noise(row, column == 5 ? 4 : column);
  });
  const Array plain = matrix(ctx, 200, 3, [](std::int64_t row, std::int64_t column) {
    return noise(row, column == 2 ? 4 : column);
  });
  const Array y = make_weights(ctx, 200, [](std::int64_t row) {
    return 3 * noise(row, 0) - noise(row, 4) + 0.1 * noise(row, 99);
  });
  const GlmModel m = fit_glm(ctx, x, y, {});
  const GlmModel full = fit_glm(ctx, plain, y, {});
  const bool is_aliased[] = {false, false, false, true, true, false, true};
  const std::size_t same_as[] = {0, 1, 2, 0, 0, 3, 0};
  EXPECT_EQ(m.rank, 4);
  EXPECT_EQ(m.df_residual, 196);
  EXPECT_TRUE(m.converged);
  for (std::size_t j = 0; j < 7; ++j) {
    EXPECT_EQ(m.coefficients[j].is_aliased, is_aliased[j]) << j;
    if (is_aliased[j]) {
      EXPECT_TRUE(std::isnan(m.coefficients[j].estimate)) << j;
      continue;
    }
    const Coefficient& other = full.coefficients[same_as[j]];
    EXPECT_NEAR(m.coefficients[j].estimate, other.estimate, 1e-10) << j;
    EXPECT_NEAR(m.coefficients[j].std_error, other.std_error, 1e-10) << j;
  }
  expect_has(summary(m), "Coefficients: (3 not defined because of singularities)\n");
}

// A mean that is 1e8 deviations away is centred out of the products.
TEST(Glm, columns_far_from_zero_keep_their_digits) {
  const Context ctx = wide_host_context();
  const auto model_at = [&](double place) {
    const Array x = matrix(ctx, 300, 2, [&](std::int64_t row, std::int64_t column) {
      return place + std::floor(1024 * noise(row, column));
    });
    const Array y = make_weights(ctx, 300, [](std::int64_t row) {
      return std::floor(1024 * noise(row, 0)) + 100 * noise(row, 7);
    });
    return fit_glm(ctx, x, y, {});
  };
  const GlmModel near = model_at(0);
  const GlmModel far = model_at(0x1p36);
  EXPECT_EQ(far.rank, 3);
  for (const std::size_t j : {1U, 2U}) {
    EXPECT_NEAR(far.coefficients[j].estimate, near.coefficients[j].estimate,
                1e-9 * near.coefficients[j].std_error);
    EXPECT_NEAR(far.coefficients[j].std_error / near.coefficients[j].std_error, 1, 1e-11);
  }
}

TEST(Glm, more_columns_than_rows_and_ranks_without_rows) {
  const Context ctx = wide_host_context();
  const Array x = matrix(ctx, 4, 6, noise);
  const Array y = vector_of(ctx, {1, 3, 2, 5});
  const GlmModel m = fit_glm(ctx, x, y, {});
  EXPECT_EQ(m.rank, 4);
  EXPECT_EQ(m.df_residual, 0);
  EXPECT_NEAR(m.deviance, 0, 1e-20);
  EXPECT_TRUE(m.converged);
  EXPECT_TRUE(std::isnan(m.dispersion));
  EXPECT_TRUE(std::isnan(m.coefficients[0].std_error));
  for (std::size_t j = 0; j < 7; ++j) EXPECT_EQ(m.coefficients[j].is_aliased, j > 3) << j;

  // two rows: most ranks have none
  const GlmModel two = fit_glm(ctx, matrix_of(ctx, 1, {0, 1}), vector_of(ctx, {2, 4}),
                               {.family = GlmFamily::poisson});
  EXPECT_NEAR(two.coefficients[0].estimate, std::log(2.), 1e-12);
  EXPECT_NEAR(two.coefficients[1].estimate, std::log(2.), 1e-12);
  EXPECT_EQ(two.df_residual, 0);

  error_of<DataError>(ctx, [&] {
    static_cast<void>(fit_glm(ctx, matrix(ctx, 0, 2, noise), vector_of(ctx, {}), {}));
  });
}

TEST(Glm, separation_is_found_and_named) {
  const Context ctx = wide_host_context();
  const std::int64_t n = 400;
  // x1 tells the responses apart; then but for those where x1 is 0
  for (const bool is_perfect : {true, false}) {
    const auto x = [&](std::int64_t row, std::int64_t column) {
      if (column != 1) return noise(row, column);
      if (is_perfect) return noise(row, 1) - 0.5;
      return row % 3 == 0 ? 1. : 0.;
    };
    const Array y = make_weights(ctx, n, [&](std::int64_t row) {
      if (is_perfect) return x(row, 1) > 0 ? 1. : 0.;
      return row % 3 == 0 || noise(row, 50) < 0.4 ? 1. : 0.;
    });
    for (const GlmLink link : {GlmLink::logit, GlmLink::probit, GlmLink::cloglog}) {
      GlmOptions options{.family = GlmFamily::binomial};
      options.link = link;
      const GlmModel m = fit_glm(ctx, matrix(ctx, n, 3, x), y, options);
      EXPECT_EQ(m.status, GlmStatus::separated) << m.message;
      EXPECT_FALSE(m.converged);
      expect_has(m.message, is_perfect ? "perfect separation: " : "quasi-complete separation: x1 ");
      if (!is_perfect) expect_has(m.message, "fits the responses of 134 of 400 rows exactly");
      expect_has(m.message, "x1");
      expect_has(summary(m), "Not converged: " + m.message);
    }
  }
  // a group without any count
  const Array counts = make_weights(
      ctx, n, [](std::int64_t row) { return row % 5 == 0 ? 0. : std::floor(9 * noise(row, 60)); });
  const Array groups = matrix(ctx, n, 2, [](std::int64_t row, std::int64_t column) {
    return column == 0 ? noise(row, 3) : (row % 5 == 0 ? 1. : 0.);
  });
  const GlmModel m = fit_glm(ctx, groups, counts, {.family = GlmFamily::poisson});
  EXPECT_EQ(m.status, GlmStatus::separated);
  expect_has(m.message, "quasi-complete separation: x1 fits the responses of 80 of 400 rows");

  // strong effects are none
  const Array strong = make_weights(ctx, n, [](std::int64_t row) {
    return noise(row, 0) + 0.1 * noise(row, 70) > 0.55 ? 1. : 0.;
  });
  const GlmModel finite =
      fit_glm(ctx, matrix(ctx, n, 2, noise), strong, {.family = GlmFamily::binomial});
  EXPECT_TRUE(finite.converged) << finite.message;
  EXPECT_GT(finite.coefficients[1].estimate, 10);
}

TEST(Glm, weights_of_zero_leave_rows_out) {
  const Context ctx = wide_host_context();
  const std::int64_t n = 120;
  const auto is_kept = [](std::int64_t row) { return row % 4 != 1; };
  const Array x = matrix(ctx, n, 2, noise);
  const Array y = make_weights(
      ctx, n, [&](std::int64_t row) { return is_kept(row) ? noise(row, 5) + noise(row, 0) : nan; });
  const Array weights =
      make_weights(ctx, n, [&](std::int64_t row) { return is_kept(row) ? 1. : 0.; });
  const auto kept = [](std::int64_t i) { return i / 3 * 4 + (i % 3 == 0 ? 0 : i % 3 + 1); };
  const Array short_x = matrix(
      ctx, 90, 2, [&](std::int64_t i, std::int64_t column) { return noise(kept(i), column); });
  const Array short_y =
      make_weights(ctx, 90, [&](std::int64_t i) { return noise(kept(i), 5) + noise(kept(i), 0); });
  GlmOptions options{.family = GlmFamily::gamma};
  options.link = GlmLink::log;
  const GlmModel expected = fit_glm(ctx, short_x, short_y, options);
  options.weights = &weights;
  const GlmModel m = fit_glm(ctx, x, y, options);
  EXPECT_EQ(m.rows_used, 90);
  EXPECT_EQ(m.df_residual, 87);
  for (std::size_t j = 0; j < 3; ++j) {
    EXPECT_NEAR(m.coefficients[j].estimate, expected.coefficients[j].estimate, 1e-10);
    EXPECT_NEAR(m.coefficients[j].std_error, expected.coefficients[j].std_error, 1e-10);
  }
  EXPECT_NEAR(m.aic, expected.aic, 1e-9 * std::abs(expected.aic));
  expect_has(summary(m), "120 rows, 30 without weight left out\n");
}

TEST(Glm, bad_rows_are_named) {
  const Context ctx = wide_host_context();
  const std::int64_t n = 50;
  struct Bad {
    GlmFamily family;
    double y;
    std::string text;
  };
  const std::vector<Bad> cases{
      {GlmFamily::gaussian, nan, "row 31 (counted from 0) has the response nan"},
      {GlmFamily::gaussian, inf, "row 31 (counted from 0) has the response inf"},
      {GlmFamily::binomial, 0.5, "has the response 0.5; the binomial family needs 0 or 1"},
      {GlmFamily::poisson, -1,
       "row 31 (counted from 0) has the response -1; the poisson family "
       "needs numbers >= 0"},
      {GlmFamily::gamma, 0, "the gamma family needs numbers > 0"},
      {GlmFamily::inverse_gaussian, 0, "the inverse_gaussian family needs numbers > 0"},
      {GlmFamily::negative_binomial, -2, "the negative_binomial family needs numbers >= 0"},
      {GlmFamily::tweedie, -2, "the tweedie family needs numbers >= 0"}};
  const Array x = matrix(ctx, n, 2, noise);
  for (const Bad& bad : cases) {
    // a worse one behind it is not the first
    const Array y = make_weights(ctx, n, [&](std::int64_t row) {
      return row == 31 ? bad.y : row == 40 ? -inf : 1.;
    });
    const std::string text = error_of<DataError>(
        ctx, [&] { static_cast<void>(fit_glm(ctx, x, y, {.family = bad.family})); });
    expect_has(text, bad.text);
    expect_has(text, "row 31 ");
  }
  const Array good = make_weights(ctx, n, [](std::int64_t row) { return row % 2 == 0 ? 1. : 0.; });
  const auto with = [&](const char* what, double value, double y_value) {
    GlmOptions options{.family = GlmFamily::binomial};
    const Array other =
        make_weights(ctx, n, [&](std::int64_t row) { return row == 17 ? value : 2.; });
    const Array y = make_weights(ctx, n, [&](std::int64_t row) {
      return row == 17 ? y_value : row % 2 == 0 ? 1. : 0.;
    });
    (what[0] == 'w' ? options.weights : what[0] == 'o' ? options.offset : options.trials) = &other;
    return error_of<DataError>(ctx, [&] { static_cast<void>(fit_glm(ctx, x, y, options)); });
  };
  expect_has(with("weights", -1, 1), "row 17 (counted from 0) has the weight -1; weights must be");
  expect_has(with("weights", nan, 1), "row 17 (counted from 0) has the weight nan");
  expect_has(with("offset", inf, 1), "row 17 (counted from 0) has the offset inf");
  expect_has(with("trials", 1.5, 1), "has 1.5 trials; they must be a whole number >= 0");
  expect_has(with("trials", 3, 4), "has 4 successes in 3 trials");
  for (const double value : {nan, inf, -inf}) {
    const Array holed = matrix(ctx, n, 2, [&](std::int64_t row, std::int64_t column) {
      return (row == 23 && column == 1) || row == 41 ? value : noise(row, column);
    });
    expect_has(error_of<DataError>(ctx, [&] { static_cast<void>(fit_glm(ctx, holed, good, {})); }),
               "row 23 has NaN or Inf in column 1");
  }
  const Array none = make_weights(ctx, n, [](std::int64_t) { return 0.; });
  GlmOptions options;
  options.weights = &none;
  expect_has(error_of<DataError>(ctx, [&] { static_cast<void>(fit_glm(ctx, x, good, options)); }),
             "has a weight above 0");
}

TEST(Glm, wrong_arguments_are_refused) {
  const Context ctx = wide_host_context();
  const Array x = matrix(ctx, 50, 2, noise);
  const Array y = make_weights(ctx, 50, [](std::int64_t row) { return noise(row, 3); });
  const Array shorter = make_weights(ctx, 49, [](std::int64_t row) { return noise(row, 3); });
  const auto refused = [&](GlmOptions options, const std::string& part) {
    expect_has(
        error_of<InvalidArgument>(ctx, [&] { static_cast<void>(fit_glm(ctx, x, y, options)); }),
        part);
  };
  GlmOptions options;
  options.link = GlmLink::logit;
  refused(options, "the gaussian family has no logit link");
  refused({.family = GlmFamily::binomial, .link = GlmLink::inverse}, "has no inverse link");
  refused({.family = GlmFamily::gamma, .link = GlmLink::power, .link_power = 0},
          "a power other than 0");
  refused({.family = GlmFamily::negative_binomial, .theta = -1}, "theta must be above 0, not -1");
  refused({.family = GlmFamily::tweedie, .tweedie_power = 2}, "between 1 and 2 or above 2, not 2");
  refused({.l2 = -1}, "l2 must be a number >= 0, not -1");
  refused({.tolerance = 0}, "the tolerance must be above 0");
  refused({.max_iterations = 0}, "at least 1 iteration");
  refused({.confidence = 1}, "the confidence must be between 0 and 1");
  refused({.trials = &y}, "the gaussian family has no trials");
  refused({.column_names = {"a"}}, "there are 1 names for the 2 columns");
  refused({.weights = &shorter}, "one number of weights for each of the 50 rows");
  expect_has(
      error_of<InvalidArgument>(ctx, [&] { static_cast<void>(fit_glm(ctx, x, shorter, {})); }),
      "one number of y for each of the 50 rows");
}

TEST(Glm, iterations_may_be_too_few_and_steps_too_long) {
  const Context ctx = wide_host_context();
  const Data data{.rows = 500, .columns = 2, .family = GlmFamily::binomial};
  GlmOptions options;
  options.max_iterations = 2;
  const GlmModel few = fit(ctx, data, options);
  EXPECT_EQ(few.status, GlmStatus::iteration_limit);
  EXPECT_FALSE(few.converged);
  expect_has(few.message, "2 iterations were not enough");

  // Without halving, the first step of this one leaves the means' range.
  const Array x = matrix_of(ctx, 1, {0, 1, 2, 3, 4, 5, 6, 7, 8, 9});
  const Array y = vector_of(ctx, {40, 1, 1, 1, 1, 1, 1, 1, 1, 1});
  GlmOptions identity{.family = GlmFamily::poisson};
  identity.link = GlmLink::identity;
  identity.max_iterations = 1000;
  const GlmModel steep = fit_glm(ctx, x, y, identity);
  EXPECT_TRUE(std::isfinite(steep.deviance));
  EXPECT_LT(steep.deviance, steep.null_deviance);
}

TEST(Glm, theta_without_overdispersion_is_refused) {
  const Context ctx = wide_host_context();
  const Array x = matrix(ctx, 300, 1, noise);
  const Array y = make_weights(ctx, 300, [](std::int64_t row) { return 4. + (row % 2 == 0); });
  expect_has(
      error_of<NumericError>(
          ctx,
          [&] { static_cast<void>(fit_glm(ctx, x, y, {.family = GlmFamily::negative_binomial})); }),
      "vary no more");
}

TEST(Glm, failing_reads_end_the_fit_on_all_ranks) {
  const Context ctx = wide_host_context();
  ValueSource<double> x(ctx, 300, 2, noise);
  x.failing_rank = ctx.size() - 1;
  const Array y = make_weights(ctx, 300, [](std::int64_t row) { return noise(row, 4); });
  EXPECT_THROW(static_cast<void>(fit_glm(ctx, x, y, {})), RankError);
}

}  // namespace
}  // namespace serried::test
