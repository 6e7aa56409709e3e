// ranks: 1 2 3 4 7
// Least squares against certified values; some of these problems have fewer rows than there are
// columns on each rank, and none of the columns of Filip's has more than 1e-9 of its length to
// itself.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <limits>
#include <string>
#include <vector>

#include "ml/kmeans_support.hpp"
#include "ml/nist_data.hpp"
#include "serried/ml/glm.hpp"
#include "serried/ml/linear.hpp"

namespace serried::test {
namespace {

/// Decimal digits that two numbers share.
double digits(double found, double certified) {
  const double error = std::abs(found - certified) / std::abs(certified);
  return error == 0 ? std::numeric_limits<double>::infinity() : -std::log10(error);
}

struct Problem {
  Problem(const Context& ctx, const NistRegression& data)
      : x(make_array(ctx, static_cast<std::int64_t>(data.y.size()),
                     std::max<std::int64_t>(data.degree, data.columns), DType::f64,
                     [&](std::int64_t row, std::int64_t column) {
                       const auto at = static_cast<std::size_t>(row * data.columns);
                       if (data.degree == 0) return data.x[at + static_cast<std::size_t>(column)];
                       double power = data.x[at];
                       for (std::int64_t i = 0; i < column; ++i) power *= data.x[at];
                       return power;
                     })),
        y(make_weights(ctx, static_cast<std::int64_t>(data.y.size()),
                       [&](std::int64_t row) { return data.y[static_cast<std::size_t>(row)]; })) {}

  Array x;
  Array y;
};

void expect_certified(const NistRegression& data, const std::vector<Coefficient>& coefficients,
                      double residual_std, const std::string& what) {
  ASSERT_EQ(coefficients.size(), data.coefficients.size()) << what;
  double estimates = 15;
  double errors = 15;
  for (std::size_t j = 0; j < coefficients.size(); ++j) {
    estimates = std::min(estimates, digits(coefficients[j].estimate, data.coefficients[j]));
    errors = std::min(errors, digits(coefficients[j].std_error, data.std_errors[j]));
  }
  EXPECT_GE(estimates, data.digits) << what;
  EXPECT_GE(errors, data.digits) << what;
  EXPECT_GE(digits(residual_std, data.residual_std), data.digits) << what;
  if (runtime().communicator().rank() == 0)
    std::printf("%s: %.1f digits of the coefficients, %.1f of their errors\n", what.c_str(),
                estimates, errors);
}

TEST(Nist, gaussian_models_have_the_certified_digits) {
  const Context ctx = wide_host_context();
  for (const NistRegression& data : nist_regressions()) {
    const Problem problem(ctx, data);
    for (const GlmSolver solver : {GlmSolver::automatic, GlmSolver::qr}) {
      GlmOptions options;
      options.solver = solver;
      const GlmModel m = fit_glm(ctx, problem.x, problem.y, options);
      EXPECT_TRUE(m.converged) << data.name << m.message;
      expect_certified(data, m.coefficients, std::sqrt(m.dispersion),
                       data.name + (solver == GlmSolver::qr ? " glm qr" : " glm"));
    }
  }
}

TEST(Nist, least_squares_has_the_certified_digits) {
  const Context ctx = wide_host_context();
  for (const NistRegression& data : nist_regressions()) {
    const Problem problem(ctx, data);
    const LinearModel m = fit_linear(ctx, problem.x, problem.y, {});
    ASSERT_EQ(m.targets.size(), 1U);
    expect_certified(data, m.targets[0].coefficients, m.targets[0].residual_std,
                     data.name + " linear");
  }
}

}  // namespace
}  // namespace serried::test
