#pragma once

#include <cmath>
#include <functional>
#include <vector>

#include "ml/kmeans_support.hpp"
#include "serried/ml/glm.hpp"
#include "support/value_source.hpp"

namespace serried::test {

using Function = std::function<double(std::int64_t row, std::int64_t column)>;

inline Array matrix(const Context& ctx, std::int64_t rows, std::int64_t columns, const Function& f,
                    DType dtype = DType::f64) {
  return make_array(ctx, rows, columns, dtype, f);
}
inline Array vector_of(const Context& ctx, const std::vector<double>& values) {
  return make_weights(ctx, static_cast<std::int64_t>(values.size()),
                      [&](std::int64_t row) { return values[static_cast<std::size_t>(row)]; });
}
inline Array matrix_of(const Context& ctx, std::int64_t columns,
                       const std::vector<double>& values) {
  return matrix(ctx, static_cast<std::int64_t>(values.size()) / columns, columns,
                [&](std::int64_t row, std::int64_t column) {
                  return values[static_cast<std::size_t>(row * columns + column)];
                });
}

inline double noise(std::int64_t row, std::int64_t column) {
  return to_unit_interval(
      philox_words(11, static_cast<std::uint64_t>(column), static_cast<std::uint64_t>(row))[0]);
}

/// Random rows and responses of any family: a function of the row's number alone.
struct Data {
  std::int64_t rows = 1000;
  std::int64_t columns = 3;
  GlmFamily family = GlmFamily::binomial;

  [[nodiscard]] double x(std::int64_t row, std::int64_t column) const {
    return 20 * static_cast<double>(column) + 2 * noise(row, column) - 1;
  }
  [[nodiscard]] double y(std::int64_t row) const {
    double eta = -0.3;
    for (std::int64_t j = 0; j < columns; ++j)
      eta += (0.8 - 0.3 * static_cast<double>(j)) * (2 * noise(row, j) - 1);
    const double u = noise(row, 1000);
    switch (family) {
      case GlmFamily::binomial:
        return u < 1 / (1 + std::exp(-eta)) ? 1 : 0;
      case GlmFamily::poisson:
      case GlmFamily::negative_binomial:
        return std::floor(std::exp(eta) * 6 * u * u);
      case GlmFamily::tweedie:
        return u < 0.3 ? 0 : std::exp(eta) * (0.2 + u);
      default:
        return std::exp(eta) * (0.5 + u);
    }
  }
  [[nodiscard]] double weight(std::int64_t row) const {
    return row % 11 == 4 ? 0 : 0.5 + noise(row, 1001);
  }
  [[nodiscard]] double offset(std::int64_t row) const { return 0.2 * noise(row, 1002); }
};

/// All numbers of a model, to be compared bit by bit.
inline std::vector<double> numbers_of(const GlmModel& m) {
  std::vector<double> all = m.covariance;
  for (const Coefficient& c : m.coefficients)
    all.insert(all.end(), {c.estimate, c.std_error, c.statistic, c.p_value, c.low, c.high});
  all.insert(all.end(), {m.deviance, m.null_deviance, m.pearson, m.dispersion, m.log_likelihood,
                         m.aic, m.bic, m.df_residual, m.theta_std_error,
                         m.distribution.family_parameter, static_cast<double>(m.iterations)});
  return all;
}

inline GlmModel fit(const Context& ctx, const Data& data, GlmOptions options,
                    bool is_streamed = false, DType dtype = DType::f64) {
  options.family = data.family;
  const Array y = make_weights(ctx, data.rows, [&](std::int64_t row) { return data.y(row); });
  const Array weights =
      make_weights(ctx, data.rows, [&](std::int64_t row) { return data.weight(row); });
  const Array offset =
      make_weights(ctx, data.rows, [&](std::int64_t row) { return data.offset(row); });
  options.weights = &weights;
  options.offset = &offset;
  const Function f = [&](std::int64_t row, std::int64_t column) { return data.x(row, column); };
  if (is_streamed)
    return fit_glm(ctx, ValueSource<double>(ctx, data.rows, data.columns, f), y, options);
  return fit_glm(ctx, matrix(ctx, data.rows, data.columns, f, dtype), y, options);
}

}  // namespace serried::test
