// ranks: 1 2 3 4 7
// Generalised linear models by gradients alone: agreement with irls, bits, and what is wrong.
#include <cmath>
#include <string>

#include "ml/glm_support.hpp"
#include "ml/regression_support.hpp"
#include "serried/base/error.hpp"
#include "serried/ml/glm.hpp"

namespace serried::test {
namespace {

// By gradients alone: the same estimates, without errors, and the same bits everywhere.
TEST(GlmLbfgs, finds_what_irls_finds) {
  for (int f = 0; f < std::ssize(glm_families()); ++f)
    for (const double l2 : {0., 3.}) {
      Data data{.rows = 2001, .columns = 6, .family = static_cast<GlmFamily>(f)};
      GlmOptions options;
      options.l2 = l2;
      // with the penalty, and their own links, for which not every predictor has a mean
      if (l2 == 0 &&
          (data.family == GlmFamily::gamma || data.family == GlmFamily::inverse_gaussian))
        options.link = GlmLink::log;
      const std::string what = std::string(facts(data.family).name) + ' ' + std::to_string(l2);
      const GlmModel wanted = fit(wide_host_context(), data, options);
      options.solver = GlmSolver::lbfgs;
      const GlmModel found = fit(lone_host_context(), data, options);
      ASSERT_TRUE(found.converged) << what << ": " << found.message;
      EXPECT_EQ(found.solver, GlmSolver::lbfgs);
      EXPECT_TRUE(found.covariance.empty());
      for (std::size_t j = 0; j < found.coefficients.size(); ++j) {
        EXPECT_NEAR(found.coefficients[j].estimate, wanted.coefficients[j].estimate,
                    1e-5 * wanted.coefficients[j].std_error)
            << what << ' ' << j;
        EXPECT_TRUE(std::isnan(found.coefficients[j].std_error));
        EXPECT_TRUE(std::isnan(found.coefficients[j].p_value));
      }
      EXPECT_NEAR(found.deviance, wanted.deviance, 1e-9 * wanted.deviance) << what;
      EXPECT_NEAR(found.null_deviance, wanted.null_deviance, 1e-9 * wanted.null_deviance) << what;
      EXPECT_NEAR(found.dispersion, wanted.dispersion, 1e-6 * wanted.dispersion) << what;
      const auto alone = numbers_of(found);
      expect_same_bits(numbers_of(fit(wide_host_context(1), data, options)), alone, what);
      expect_same_bits(numbers_of(fit(wide_host_context(2, {.batch_bytes = 1 << 14}, "avx2"), data,
                                      options, true)),
                       alone, what + " streamed by 2 threads, avx2");
    }
}

TEST(GlmLbfgs, is_taken_for_many_columns) {
  const Context ctx = wide_host_context();
  constexpr std::int64_t rows = 300;
  const Array x = matrix(ctx, rows, 2001, noise);
  const Array y =
      make_weights(ctx, rows, [](std::int64_t row) { return noise(row, 0) - noise(row, 1); });
  const GlmModel m = fit_glm(ctx, x, y, {.l2 = 1});
  EXPECT_EQ(m.solver, GlmSolver::lbfgs);
  EXPECT_TRUE(m.converged) << m.message;
  EXPECT_GT(m.coefficients[1].estimate, 0.1);
  EXPECT_LT(m.coefficients[2].estimate, -0.1);
}

TEST(GlmLbfgs, names_what_it_cannot_do) {
  const Context ctx = wide_host_context();
  const Array x = matrix_of(ctx, 1, {-3, -2, -1, 1, 2, 3});
  const Array y = vector_of(ctx, {0, 0, 0, 1, 1, 1});
  GlmOptions options{.family = GlmFamily::binomial, .solver = GlmSolver::lbfgs};
  const GlmModel m = fit_glm(ctx, x, y, options);
  EXPECT_FALSE(m.converged);
  expect_has(m.message, "separation");
  options.max_iterations = 1;
  options.tolerance = 1e-300;
  options.l2 = 0.1;
  expect_has(fit_glm(ctx, x, y, options).message, "iteration");
  options.errors = GlmErrors::hc0;
  expect_has(
      error_of<InvalidArgument>(ctx, [&] { static_cast<void>(fit_glm(ctx, x, y, options)); }),
      "lbfgs gives no standard errors");
}

}  // namespace
}  // namespace serried::test
