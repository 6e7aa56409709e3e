// ranks: 1 2 3 4 7
// What models say of rows: residuals, leverage and predictions have the sums and limits that they
// must have, and the same bits for every number of ranks, threads and tiles. tests/app/glm_test.py
// compares them with statsmodels.
#include "serried/ml/glm_rows.hpp"

#include <cmath>
#include <string>
#include <vector>

#include "ml/kmeans_support.hpp"
#include "ml/regression_support.hpp"
#include "serried/base/error.hpp"
#include "serried/ml/linear.hpp"
#include "support/value_source.hpp"

namespace serried::test {
namespace {

double noise(std::int64_t row, std::int64_t column) {
  return to_unit_interval(
      philox_words(13, static_cast<std::uint64_t>(column), static_cast<std::uint64_t>(row))[0]);
}

constexpr std::int64_t count = 900;
constexpr std::int64_t columns = 4;

double column_of(std::int64_t row, std::int64_t column) {
  // the last one is the sum of the first two
  if (column == 3) return column_of(row, 0) + column_of(row, 1);
  return 10 * static_cast<double>(column) + noise(row, column);
}
double response_of(GlmFamily family, std::int64_t row) {
  const double eta = 0.4 + noise(row, 0) - 1.5 * noise(row, 1) + 0.5 * noise(row, 2);
  const double u = noise(row, 50);
  if (family == GlmFamily::binomial) return u < 1 / (1 + std::exp(-eta)) ? 1 : 0;
  if (family == GlmFamily::poisson) return std::floor(6 * std::exp(eta) * u * u);
  return std::exp(eta) * (0.5 + u);
}

/// A model of some rows, with weights of which some are 0, and an offset.
struct Fitted {
  Fitted(const Context& context, GlmFamily family, GlmErrors errors = GlmErrors::model)
      : ctx(context),
        x(make_array(ctx, count, columns, DType::f64, column_of)),
        y(make_weights(ctx, count, [&](std::int64_t row) { return response_of(family, row); })),
        weights(make_weights(
            ctx, count, [](std::int64_t row) { return row % 13 == 2 ? 0 : 0.5 + noise(row, 60); })),
        offset(make_weights(ctx, count, [](std::int64_t row) { return 0.1 * noise(row, 61); })) {
    options.family = family;
    options.errors = errors;
    options.weights = &weights;
    options.offset = &offset;
    if (family == GlmFamily::gamma) options.link = GlmLink::log;
    model = fit_glm(ctx, x, y, options);
  }

  Context ctx;
  Array x;
  Array y;
  Array weights;
  Array offset;
  GlmOptions options;
  GlmModel model;
};

std::vector<std::vector<double>> all_of(const GlmDiagnostics& d) {
  std::vector<std::vector<double>> all;
  for (const Array* array :
       {&d.predictor, &d.mean, &d.response_residual, &d.pearson_residual, &d.deviance_residual,
        &d.working_residual, &d.leverage, &d.cooks_distance})
    all.push_back(everywhere<double>(*array));
  return all;
}
std::vector<std::vector<double>> all_of(const GlmPrediction& p) {
  std::vector<std::vector<double>> all;
  for (const Array* array : {&p.predictor, &p.mean, &p.std_error, &p.low, &p.high})
    all.push_back(everywhere<double>(*array));
  return all;
}

void expect_same_bits(const std::vector<std::vector<double>>& a,
                      const std::vector<std::vector<double>>& b, const std::string& what) {
  ASSERT_EQ(a.size(), b.size());
  for (std::size_t k = 0; k < a.size(); ++k) {
    test::expect_same_bits(a[k], b[k], what + ' ' + std::to_string(k));
  }
}

TEST(GlmRows, diagnostics_have_the_sums_of_their_model) {
  for (const GlmFamily family :
       {GlmFamily::gaussian, GlmFamily::binomial, GlmFamily::poisson, GlmFamily::gamma})
    for (const GlmSolver solver : {GlmSolver::irls, GlmSolver::qr}) {
      Fitted f(wide_host_context(2), family);
      f.options.solver = solver;
      f.model = fit_glm(f.ctx, f.x, f.y, f.options);
      ASSERT_TRUE(f.model.converged);
      const auto all = all_of(diagnose_glm(f.ctx, f.model, f.x, f.y, f.options));
      double pearson = 0, deviance = 0, leverage = 0;
      for (std::int64_t row = 0; row < count; ++row) {
        const auto i = static_cast<std::size_t>(row);
        if (row % 13 == 2) {
          for (const auto& values : all) EXPECT_TRUE(std::isnan(values[i]));
          continue;
        }
        EXPECT_EQ(all[2][i], response_of(family, row) - all[1][i]);
        for (const std::size_t k : {3U, 4U})
          EXPECT_EQ(std::signbit(all[k][i]), std::signbit(all[2][i])) << k << ' ' << row;
        pearson += all[3][i] * all[3][i];
        deviance += all[4][i] * all[4][i];
        leverage += all[6][i];
        EXPECT_GT(all[6][i], 0);
        EXPECT_LT(all[6][i], 1);
        const double rest = 1 - all[6][i];
        EXPECT_NEAR(all[7][i],
                    all[3][i] * all[3][i] * all[6][i] / (rest * rest) /
                        (f.model.dispersion * static_cast<double>(f.model.rank)),
                    1e-12 * all[7][i]);
      }
      EXPECT_NEAR(pearson / f.model.pearson, 1, 1e-11);
      EXPECT_NEAR(deviance / f.model.deviance, 1, 1e-11);
      EXPECT_NEAR(leverage, static_cast<double>(f.model.rank), 1e-10);
    }
}

// The rows that a model was fitted to are predicted as it fitted them.
TEST(GlmRows, predictions_have_the_fitted_means_and_intervals) {
  for (const GlmFamily family : {GlmFamily::gaussian, GlmFamily::binomial, GlmFamily::gamma}) {
    const Fitted f(wide_host_context(), family);
    const auto fitted = all_of(diagnose_glm(f.ctx, f.model, f.x, f.y, f.options));
    const auto p = all_of(predict_glm(f.ctx, f.model, f.x, &f.offset));
    double variances = 0;
    for (std::size_t i = 0; i < p[0].size(); ++i) {
      if (std::isnan(fitted[0][i])) continue;
      EXPECT_NEAR(p[0][i], fitted[0][i], 1e-12);
      EXPECT_NEAR(p[1][i], fitted[1][i], 1e-12 * (1 + std::abs(fitted[1][i])));
      EXPECT_GT(p[2][i], 0);
      EXPECT_LT(p[3][i], p[1][i]);
      EXPECT_GT(p[4][i], p[1][i]);
      if (family == GlmFamily::binomial) {
        EXPECT_GT(p[3][i], 0);
        EXPECT_LT(p[4][i], 1);
      }
      if (family != GlmFamily::gaussian) continue;
      // leverage = weight * variance of the predictor / dispersion
      const double weight = 0.5 + noise(static_cast<std::int64_t>(i), 60);
      EXPECT_NEAR(fitted[6][i], weight * p[2][i] * p[2][i] / f.model.dispersion,
                  1e-9 * fitted[6][i]);
      variances += p[2][i];
    }
    EXPECT_EQ(variances > 0, family == GlmFamily::gaussian);
  }
}

TEST(GlmRows, same_bits_for_ranks_threads_and_tiles) {
  for (const std::int64_t max_tiles : {16384, 64, 3})
    for (const GlmErrors errors :
         {GlmErrors::model, GlmErrors::hc0, GlmErrors::hc1, GlmErrors::hc2, GlmErrors::hc3}) {
      const auto numbers = [&](const Context& ctx) {
        const Fitted f(ctx, GlmFamily::binomial, errors);
        auto all = all_of(diagnose_glm(ctx, f.model, f.x, f.y, f.options));
        for (auto& values : all_of(predict_glm(ctx, f.model, f.x)))
          all.push_back(std::move(values));
        all.push_back(f.model.covariance);
        return all;
      };
      const std::string what = std::to_string(max_tiles);
      // `everywhere` gathers over the context's own ranks
      const auto alone = numbers(lone_host_context({.max_tiles = max_tiles}));
      expect_same_bits(numbers(wide_host_context(1, {.max_tiles = max_tiles})), alone, what);
      expect_same_bits(numbers(wide_host_context(2, {.max_tiles = max_tiles}, "avx2")), alone,
                       what + " avx2");
    }
}

// Of a gaussian model without weights, by its definition.
TEST(GlmRows, robust_errors_are_those_of_the_sandwich) {
  const Context ctx = wide_host_context();
  const std::int64_t n = 60;
  const auto value = [](std::int64_t row, std::int64_t) { return noise(row, 0); };
  const auto response = [](std::int64_t row) {
    return 1 + 2 * noise(row, 0) + noise(row, 0) * (noise(row, 1) - 0.5);
  };
  const Array x = make_array(ctx, n, 1, DType::f64, value);
  const Array y = make_weights(ctx, n, response);
  double mean = 0, squares = 0, cross = 0, mean_y = 0;
  for (std::int64_t i = 0; i < n; ++i) {
    mean += noise(i, 0) / static_cast<double>(n);
    mean_y += response(i) / static_cast<double>(n);
  }
  for (std::int64_t i = 0; i < n; ++i) {
    squares += (noise(i, 0) - mean) * (noise(i, 0) - mean);
    cross += (noise(i, 0) - mean) * (response(i) - mean_y);
  }
  const double slope = cross / squares;
  const GlmErrors kinds[] = {GlmErrors::hc0, GlmErrors::hc1, GlmErrors::hc2, GlmErrors::hc3};
  for (int kind = 0; kind < 4; ++kind) {
    double sum = 0;
    for (std::int64_t i = 0; i < n; ++i) {
      const double away = noise(i, 0) - mean;
      const double residual = response(i) - mean_y - slope * away;
      const double rest = 1 - 1 / static_cast<double>(n) - away * away / squares;
      const double by = kind == 2 ? rest : kind == 3 ? rest * rest : 1;
      sum += away * away * residual * residual / by;
    }
    if (kind == 1) sum *= static_cast<double>(n) / static_cast<double>(n - 2);
    GlmOptions options;
    options.errors = kinds[kind];
    const GlmModel m = fit_glm(ctx, x, y, options);
    EXPECT_NEAR(m.coefficients[1].std_error, std::sqrt(sum) / squares, 1e-12) << kind;
  }
  // a row of frequency 3 counts as three rows
  const Array thrice = make_array(
      ctx, 3 * n, 1, DType::f64, [&](std::int64_t row, std::int64_t) { return noise(row % n, 0); });
  const Array thrice_y =
      make_weights(ctx, 3 * n, [&](std::int64_t row) { return response(row % n); });
  const Array threes = make_weights(ctx, n, [](std::int64_t) { return 3.; });
  for (const GlmErrors kind : kinds) {
    GlmOptions options;
    options.errors = kind;
    const GlmModel long_model = fit_glm(ctx, thrice, thrice_y, options);
    options.weights = &threes;
    options.weights_meaning = WeightsMeaning::frequency;
    const GlmModel short_model = fit_glm(ctx, x, y, options);
    EXPECT_NEAR(short_model.coefficients[1].std_error / long_model.coefficients[1].std_error, 1,
                1e-11);
  }
}

TEST(GlmRows, models_are_compared_by_their_deviance) {
  const Context ctx = wide_host_context();
  for (const GlmFamily family : {GlmFamily::gaussian, GlmFamily::poisson}) {
    const Fitted f(ctx, family);
    const Array fewer = make_array(ctx, count, 1, DType::f64, column_of);
    const GlmModel smaller = fit_glm(ctx, fewer, f.y, f.options);
    const GlmComparison c = compare(smaller, f.model);
    EXPECT_EQ(c.df, 2);
    EXPECT_EQ(c.is_f, family == GlmFamily::gaussian);
    EXPECT_DOUBLE_EQ(c.deviance, smaller.deviance - f.model.deviance);
    EXPECT_GT(c.p_value, 0);
    EXPECT_LT(c.p_value, 1e-10);
    EXPECT_THROW(static_cast<void>(compare(f.model, smaller)), InvalidArgument);
  }
  const Fitted a(ctx, GlmFamily::gaussian);
  const Fitted b(ctx, GlmFamily::poisson);
  EXPECT_THROW(static_cast<void>(compare(a.model, b.model)), InvalidArgument);
}

TEST(GlmRows, least_squares_predicts_as_a_gaussian_model) {
  const Context ctx = wide_host_context();
  const Array x = make_array(ctx, count, columns, DType::f64, column_of);
  const Array y = make_array(ctx, count, 2, DType::f64, [](std::int64_t row, std::int64_t k) {
    return response_of(k == 0 ? GlmFamily::gaussian : GlmFamily::poisson, row);
  });
  const LinearModel linear = fit_linear(ctx, x, y, {});
  const LinearPrediction p = predict_linear(ctx, linear, x);
  const Array first = make_weights(
      ctx, count, [](std::int64_t row) { return response_of(GlmFamily::gaussian, row); });
  const auto other = all_of(predict_glm(ctx, fit_glm(ctx, x, first, {}), x));
  const auto mean = everywhere<double>(p.mean);
  const auto error = everywhere<double>(p.std_error);
  const auto low = everywhere<double>(p.low);
  ASSERT_EQ(mean.size(), static_cast<std::size_t>(2 * count));
  for (std::size_t i = 0; i < static_cast<std::size_t>(count); ++i) {
    EXPECT_NEAR(mean[2 * i], other[1][i], 1e-10);
    EXPECT_NEAR(error[2 * i] / other[2][i], 1, 1e-9);
    EXPECT_NEAR(low[2 * i], other[3][i], 1e-10);
  }
  const Array wrong = make_array(ctx, count, 3, DType::f64, column_of);
  EXPECT_THROW(static_cast<void>(predict_linear(ctx, linear, wrong)), InvalidArgument);
}

}  // namespace
}  // namespace serried::test
