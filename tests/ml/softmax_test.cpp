// ranks: 1 2 3 4 7
// Multinomial logistic regression: bits, agreement with binomial models and between the two
// solvers, and what is wrong with data. tests/app/regression_test.py compares with statsmodels.
#include "serried/ml/softmax.hpp"

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
      philox_words(14, static_cast<std::uint64_t>(column), static_cast<std::uint64_t>(row))[0]);
}

/// A function of the row's number alone. Classes are -1, 3, 7, ...
struct Data {
  std::int64_t rows = 1500;
  std::int64_t columns = 3;
  std::int64_t classes = 3;

  [[nodiscard]] static double x(std::int64_t row, std::int64_t column) {
    return 3 * static_cast<double>(column) + 2 * noise(row, column) - 1;
  }
  [[nodiscard]] double y(std::int64_t row) const {
    std::vector<double> shares(1, 1.);
    for (std::int64_t k = 1; k < classes; ++k) {
      double eta = 0.3 * static_cast<double>(k) - 0.5;
      for (std::int64_t j = 0; j < columns; ++j)
        eta += std::sin(static_cast<double>(3 * k + j)) * (2 * noise(row, j) - 1);
      shares.push_back(shares.back() + std::exp(eta));
    }
    const double u = noise(row, 70) * shares.back();
    std::int64_t k = 0;
    while (shares[static_cast<std::size_t>(k)] < u) ++k;
    return static_cast<double>(4 * k - 1);
  }
  [[nodiscard]] static double weight(std::int64_t row) {
    return row % 11 == 4 ? 0 : 0.5 + noise(row, 71);
  }
};

SoftmaxModel fit(const Context& ctx, const Data& data, SoftmaxOptions options,
                 bool is_streamed = false) {
  const Array y = make_weights(ctx, data.rows, [&](std::int64_t row) { return data.y(row); });
  const Array weights = make_weights(ctx, data.rows, Data::weight);
  options.weights = &weights;
  if (is_streamed)
    return fit_softmax(ctx, ValueSource<double>(ctx, data.rows, data.columns, Data::x), y, options);
  return fit_softmax(ctx, make_array(ctx, data.rows, data.columns, DType::f64, Data::x), y,
                     options);
}

std::vector<double> numbers_of(const SoftmaxModel& m) {
  std::vector<double> all = m.classes;
  for (const auto& of_class : m.coefficients)
    for (const Coefficient& c : of_class)
      all.insert(all.end(), {c.estimate, c.std_error, c.statistic, c.p_value, c.low, c.high});
  all.insert(all.end(), {m.log_likelihood, m.null_log_likelihood, m.aic, m.bic, m.df_residual,
                         static_cast<double>(m.iterations)});
  return all;
}

TEST(Softmax, same_bits_for_ranks_threads_tiles_targets_and_streams) {
  for (const std::int64_t max_tiles : {16384, 64, 3})
    for (const SoftmaxSolver solver : {SoftmaxSolver::newton, SoftmaxSolver::lbfgs}) {
      const Data data{.rows = 2001, .columns = 5, .classes = 4};
      SoftmaxOptions options;
      options.solver = solver;
      options.l2 = 0.5;
      options.is_standardized = true;
      if (solver == SoftmaxSolver::lbfgs) options.tolerance = 1e-8;
      const std::string what =
          std::to_string(max_tiles) + (solver == SoftmaxSolver::newton ? " newton" : " lbfgs");
      const SoftmaxModel first = fit(lone_host_context({.max_tiles = max_tiles}), data, options);
      EXPECT_TRUE(first.converged) << first.message;
      const auto alone = numbers_of(first);
      const auto wide = [&](int threads, std::int64_t batch_bytes, const std::string& level) {
        return wide_host_context(threads, {.max_tiles = max_tiles, .batch_bytes = batch_bytes},
                                 level);
      };
      expect_same_bits(numbers_of(fit(wide(1, 1 << 20, ""), data, options)), alone, what);
      expect_same_bits(numbers_of(fit(wide(2, 1 << 15, ""), data, options, true)), alone,
                       what + " streamed by 2 threads");
      expect_same_bits(numbers_of(fit(wide(1, 1 << 20, "avx2"), data, options)), alone,
                       what + " avx2");
    }
}

TEST(Softmax, two_classes_are_a_binomial_model) {
  const Context ctx = wide_host_context();
  const Data data{.rows = 900, .columns = 4, .classes = 2};
  const SoftmaxModel m = fit(ctx, data, {});
  const Array x = make_array(ctx, data.rows, data.columns, DType::f64, Data::x);
  const Array y =
      make_weights(ctx, data.rows, [&](std::int64_t row) { return data.y(row) > 0 ? 1. : 0.; });
  const Array weights = make_weights(ctx, data.rows, Data::weight);
  GlmOptions options{.family = GlmFamily::binomial};
  options.weights = &weights;
  const GlmModel other = fit_glm(ctx, x, y, options);
  ASSERT_EQ(m.coefficients.size(), 1U);
  for (std::size_t j = 0; j < 5; ++j) {
    EXPECT_NEAR(m.coefficients[0][j].estimate, other.coefficients[j].estimate,
                1e-8 * other.coefficients[j].std_error);
    EXPECT_NEAR(m.coefficients[0][j].std_error / other.coefficients[j].std_error, 1, 1e-8);
    EXPECT_NEAR(m.coefficients[0][j].p_value, other.coefficients[j].p_value, 1e-8);
  }
  EXPECT_NEAR(m.deviance / other.deviance, 1, 1e-12);
  EXPECT_NEAR(-2 * m.null_log_likelihood / other.null_deviance, 1, 1e-12);
  EXPECT_EQ(m.df_residual, other.df_residual);
  EXPECT_EQ(m.rows_used, other.rows_used);
}

TEST(Softmax, both_solvers_find_the_same_and_the_score_is_zero) {
  const Context ctx = wide_host_context(2);
  for (const double l2 : {0., 2.}) {
    const Data data{.rows = 3000, .columns = 6, .classes = 5};
    SoftmaxOptions options;
    options.l2 = l2;
    options.solver = SoftmaxSolver::newton;
    const SoftmaxModel newton = fit(ctx, data, options);
    options.solver = SoftmaxSolver::lbfgs;
    options.tolerance = 1e-10;
    const SoftmaxModel lbfgs = fit(ctx, data, options);
    ASSERT_TRUE(newton.converged) << newton.message;
    ASSERT_TRUE(lbfgs.converged) << lbfgs.message;
    EXPECT_FALSE(lbfgs.has_errors);
    EXPECT_NEAR(newton.log_likelihood / lbfgs.log_likelihood, 1, 1e-11);
    for (std::size_t k = 0; k < 4; ++k)
      for (std::size_t j = 0; j < 7; ++j) {
        EXPECT_NEAR(newton.coefficients[k][j].estimate, lbfgs.coefficients[k][j].estimate,
                    1e-5 * newton.coefficients[k][j].std_error);
        EXPECT_TRUE(std::isnan(lbfgs.coefficients[k][j].std_error));
      }
    std::vector<long double> score(7, 0);
    for (std::int64_t row = 0; row < data.rows; ++row) {
      std::vector<long double> shares(5, 1);
      long double sum = 1;
      for (std::size_t k = 1; k < 5; ++k) {
        long double eta = newton.coefficients[k - 1][0].estimate;
        for (std::size_t j = 1; j < 7; ++j)
          eta += static_cast<long double>(newton.coefficients[k - 1][j].estimate) *
                 Data::x(row, static_cast<std::int64_t>(j) - 1);
        sum += shares[k] = std::exp(eta);
      }
      const long double residual = (data.y(row) == 7 ? 1 : 0) - shares[2] / sum;
      for (std::size_t j = 0; j < 7; ++j)
        score[j] += Data::weight(row) * residual *
                    (j == 0 ? 1 : Data::x(row, static_cast<std::int64_t>(j) - 1));
    }
    for (std::size_t j = 0; j < 7; ++j) {
      const Coefficient& c = newton.coefficients[1][j];
      const long double pull = j == 0 ? 0 : l2 * c.estimate;
      EXPECT_LE(std::abs(score[j] - pull) * c.std_error, 1e-8) << j;
    }
  }
}

TEST(Softmax, predictions) {
  const Context ctx = wide_host_context();
  const Data data{.rows = 700, .columns = 3, .classes = 3};
  const SoftmaxModel m = fit(ctx, data, {});
  const Array x = make_array(ctx, data.rows, data.columns, DType::f64,
                             [](std::int64_t row, std::int64_t column) {
                               return row == 5 && column == 1 ? nan : Data::x(row, column);
                             });
  const SoftmaxPrediction p = predict_softmax(ctx, m, x);
  const auto probabilities = everywhere<double>(p.probabilities);
  const auto classes = everywhere<double>(p.classes);
  ASSERT_EQ(probabilities.size(), 2100U);
  for (std::size_t i = 0; i < 700; ++i) {
    const double* row = probabilities.data() + 3 * i;
    if (i == 5) {
      EXPECT_TRUE(std::isnan(row[0]) && std::isnan(classes[i]));
      continue;
    }
    EXPECT_NEAR(row[0] + row[1] + row[2], 1, 1e-14);
    double eta = m.coefficients[1][0].estimate;
    for (std::size_t j = 1; j < 4; ++j)
      eta += m.coefficients[1][j].estimate *
             Data::x(static_cast<std::int64_t>(i), static_cast<std::int64_t>(j) - 1);
    EXPECT_NEAR(std::log(row[2] / row[0]), eta, 1e-11);
    const std::size_t best = row[0] >= row[1] && row[0] >= row[2] ? 0 : row[1] >= row[2] ? 1 : 2;
    EXPECT_EQ(classes[i], m.classes[best]);
  }
}

TEST(Softmax, dependent_columns_separation_and_wrong_data) {
  const Context ctx = wide_host_context();
  const Array twice = make_array(ctx, 400, 3, DType::f64, [](std::int64_t row, std::int64_t j) {
    return noise(row, j == 2 ? 0 : j);
  });
  const Array y = make_weights(ctx, 400, [](std::int64_t row) {
    return std::floor(3 * noise(row, 9) * (0.5 + 0.5 * noise(row, 0)));
  });
  const SoftmaxModel m = fit_softmax(ctx, twice, y, {});
  EXPECT_TRUE(m.converged) << m.message;
  EXPECT_EQ(m.rank, 6);
  for (const auto& of_class : m.coefficients) {
    EXPECT_TRUE(of_class[3].is_aliased);
    EXPECT_FALSE(of_class[1].is_aliased);
  }
  expect_has(summary(m), "Class 2\nCoefficients: (1 not defined because of singularities)");

  const Array apart =
      make_weights(ctx, 400, [](std::int64_t row) { return std::floor(3 * noise(row, 0)); });
  for (const SoftmaxSolver solver : {SoftmaxSolver::newton, SoftmaxSolver::lbfgs}) {
    SoftmaxOptions options;
    options.solver = solver;
    const Array one = make_array(ctx, 400, 1, DType::f64, noise);
    const SoftmaxModel separated = fit_softmax(ctx, one, apart, options);
    EXPECT_FALSE(separated.converged);
    expect_has(separated.message, "perfect separation");
    options.l2 = 1;
    EXPECT_TRUE(fit_softmax(ctx, one, apart, options).converged);
  }

  const auto fails = [&](const Array& responses, const std::string& part) {
    expect_has(error_of<DataError>(
                   ctx, [&] { static_cast<void>(fit_softmax(ctx, twice, responses, {})); }),
               part);
  };
  fails(make_weights(ctx, 400, [](std::int64_t row) { return row == 33 ? 0.5 : 1.; }),
        "row 33 (counted from 0) has the response 0.5; classes are whole numbers");
  fails(make_weights(ctx, 400, [](std::int64_t) { return 2.; }), "has one class, 2");
  fails(make_weights(ctx, 400, [](std::int64_t row) { return row == 3 ? nan : 1.; }),
        "row 3 (counted from 0) has the response nan");
  SoftmaxOptions wrong;
  wrong.tolerance = 0;
  expect_has(
      error_of<InvalidArgument>(ctx, [&] { static_cast<void>(fit_softmax(ctx, twice, y, wrong)); }),
      "the tolerance must be above 0");
}

}  // namespace
}  // namespace serried::test
