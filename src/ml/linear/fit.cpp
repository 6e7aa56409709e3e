#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>

#include "base/distributions.hpp"
#include "ml/linear/rows.hpp"
#include "ml/regression/factor.hpp"
#include "ml/regression/inference.hpp"
#include "serried/base/error.hpp"

namespace serried {
namespace linear {
namespace {

using regression::Columns;
using regression::Factor;

/// A column is aliased where less than this of its sum of squares is its own.
constexpr double least_share = 1e-24;
constexpr double nan = std::numeric_limits<double>::quiet_NaN();

std::vector<std::string> target_names(const TileSource& y, const LinearOptions& options) {
  const auto targets = static_cast<std::size_t>(y.row_elements());
  if (!options.target_names.empty() && options.target_names.size() != targets)
    throw InvalidArgument(fmt::format("linear model: there are {} names for the {} columns of {}",
                                      options.target_names.size(), targets, y.describe()));
  if (!options.target_names.empty()) return options.target_names;
  if (targets == 1) return {"y"};
  std::vector<std::string> names;
  for (std::size_t k = 0; k < targets; ++k) names.push_back("y" + std::to_string(k));
  return names;
}

/// The columns as they are.
Columns plain_columns(const TileSource& x) {
  const auto n = static_cast<std::size_t>(x.row_elements());
  Columns columns;
  columns.shift.assign(n, 0.);
  columns.scale.assign(n, 1.);
  columns.size.assign(n, 1.);
  columns.noise.assign(n, 0.);
  return columns;
}

/// A finished decomposition: R of the terms and the targets behind them.
class Problem {
 public:
  Problem(const LinearOptions& options, const Columns& columns, const Triangle& triangle,
          std::int64_t targets)
      : options_(options),
        columns_(columns),
        triangle_(triangle),
        first_(options.has_intercept ? 1 : 0),
        terms_(first_ + columns.shift.size()),
        width_(terms_ + static_cast<std::size_t>(targets)),
        penalty_(terms_, 0.) {
    for (std::size_t j = first_; j < terms_; ++j) {
      const double unit =
          columns.scale[j - first_] * (options.is_standardized ? columns.size[j - first_] : 1);
      penalty_[j] = options.l2 * unit * unit;
    }
    std::vector<double> least;
    for (std::size_t j = 0; j < terms_; ++j) {
      double whole = penalty_[j];
      for (std::size_t i = 0; i <= j; ++i) whole += r(i, j) * r(i, j);
      least.push_back(least_share * whole);
    }
    factor_ = Factor::of_triangle(triangle.values, penalty_, std::vector<double>(terms_, 0.), least,
                                  {}, static_cast<std::size_t>(targets));
  }

  [[nodiscard]] const Factor& factor() const { return factor_; }

  /// S with S S^T = covariance of the terms but for the residual variance. With a penalty that of
  /// the estimates about their own means: A^-1 R^T, A = R^T R + penalty.
  [[nodiscard]] std::vector<double> covariance_root() const {
    if (options_.l2 == 0) return factor_.inverse_root();
    std::vector<double> transposed(terms_ * terms_, 0.);
    for (std::size_t i = 0; i < terms_; ++i)
      for (std::size_t j = i; j < terms_; ++j) transposed[j * terms_ + i] = r(i, j);
    return regression::product(factor_.inverse(), transposed, terms_);
  }

  /// The squared length of R (terms, -1), target by target: no difference of large numbers.
  [[nodiscard]] double residual_squares(std::size_t target) const {
    const std::vector<double>& terms = factor_.step(target);
    const std::size_t column = terms_ + target;
    double squares = 0;
    for (std::size_t i = 0; i <= column; ++i) {
      double rest = r(i, column);
      for (std::size_t j = i; j < terms_; ++j) rest -= r(i, j) * terms[j];
      squares += rest * rest;
    }
    return squares;
  }
  [[nodiscard]] double total_squares(std::size_t target) const {
    const std::size_t column = terms_ + target;
    double squares = 0;
    for (std::size_t i = first_; i <= column; ++i) squares += r(i, column) * r(i, column);
    return squares;
  }

 private:
  [[nodiscard]] double r(std::size_t i, std::size_t j) const {
    return triangle_.values[i * width_ - i * (i + 1) / 2 + j];
  }

  const LinearOptions& options_;
  const Columns& columns_;
  const Triangle& triangle_;
  std::size_t first_;
  std::size_t terms_;
  std::size_t width_;
  std::vector<double> penalty_;
  Factor factor_;
};

double log_likelihood(const LinearOptions& options, const Triangle& triangle, double squares) {
  const bool is_frequency = options.weights_meaning == WeightsMeaning::frequency;
  const double count = is_frequency ? triangle.weight_sum : static_cast<double>(triangle.used);
  const double value = -0.5 * count * (std::log(2 * std::numbers::pi * squares / count) + 1);
  return is_frequency ? value : value + 0.5 * triangle.log_weight_sum;
}

/// All of a target but its coefficients.
LinearTarget measured(const LinearOptions& options, const LinearModel& model,
                      const Triangle& triangle, double residual, double total) {
  LinearTarget t;
  const double df_total = model.df_model + model.df_residual;
  const bool has_rest = model.df_residual > 0;
  t.residual_squares = residual;
  t.total_squares = total;
  t.residual_std = has_rest ? std::sqrt(residual / model.df_residual) : nan;
  t.r2 = 1 - residual / total;
  t.adjusted_r2 = has_rest ? 1 - residual / model.df_residual / (total / df_total) : nan;
  t.f_statistic = has_rest && model.df_model > 0
                      ? (total - residual) / model.df_model / (residual / model.df_residual)
                      : nan;
  t.f_p_value = fisher_upper(t.f_statistic, model.df_model, model.df_residual);
  t.log_likelihood = log_likelihood(options, triangle, residual);
  const double parameters = static_cast<double>(model.rank) + 1;
  t.aic = -2 * t.log_likelihood + 2 * parameters;
  t.bic = -2 * t.log_likelihood + std::log(df_total + (options.has_intercept ? 1 : 0)) * parameters;
  return t;
}

bool is_finite(const Triangle& triangle) {
  return std::ranges::all_of(triangle.values, [](double value) { return std::isfinite(value); });
}
/// Whether the squares of every column are in the range of f64, far from its ends.
bool is_in_range(const Triangle& triangle, std::size_t terms, std::size_t width) {
  std::vector<double> squares(width, 0.);
  const double* from = triangle.values.data();
  for (std::size_t i = 0; i < width; ++i)
    for (std::size_t j = i; j < width; ++j, ++from) squares[j] += *from * *from;
  return is_finite(triangle) &&
         std::all_of(squares.begin(), squares.begin() + static_cast<std::ptrdiff_t>(terms),
                     [](double square) { return square > 1e-200; });
}

}  // namespace
}  // namespace linear

void check_linear_options(const LinearOptions& options) {
  if (!(options.l2 >= 0) || !std::isfinite(options.l2))
    throw InvalidArgument(
        fmt::format("linear model: l2 must be a number >= 0, not {}", options.l2));
  if (!(options.confidence > 0 && options.confidence < 1))
    throw InvalidArgument(fmt::format(
        "linear model: the confidence must be between 0 and 1, not {}", options.confidence));
}

LinearModel fit_linear(const Context& ctx, const TileSource& x, const TileSource& y,
                       const LinearOptions& options) {
  check_linear_options(options);
  const std::vector<std::string> names =
      regression::term_names(x, options.has_intercept, options.column_names);
  const auto phase = ctx.recorder().phase("fit");
  const linear::Rows rows(ctx, x, y, options);
  const std::vector<std::string> target_names = linear::target_names(y, options);
  const auto scan = [&] {
    return regression::scan_columns(rows.context(), x, options.has_intercept);
  };
  regression::Columns columns = options.is_standardized ? scan() : linear::plain_columns(x);
  linear::Triangle triangle = rows.factor(columns, options.has_intercept);
  if (triangle.used == 0)
    throw DataError(x.rows() == 0 ? x.describe() + " has no rows"
                                  : "no row of " + x.describe() + " has a weight above 0");
  const std::size_t width = names.size() + target_names.size();
  if (!options.is_standardized && !linear::is_in_range(triangle, names.size(), width)) {
    columns = scan();
    triangle = rows.factor(columns, options.has_intercept);
  }
  if (!linear::is_finite(triangle))
    throw NumericError("the squares of " + y.describe() +
                       " leave the range of f64; it needs other units");

  const linear::Problem problem(options, columns, triangle, rows.targets());
  LinearModel model;
  model.has_intercept = options.has_intercept;
  model.confidence = options.confidence;
  model.rows = x.rows();
  model.rows_used = triangle.used;
  model.rank = problem.factor().rank();
  const double count = options.weights_meaning == WeightsMeaning::frequency
                           ? triangle.weight_sum
                           : static_cast<double>(triangle.used);
  model.df_model = static_cast<double>(model.rank) - (options.has_intercept ? 1 : 0);
  model.df_residual = count - static_cast<double>(model.rank);
  const regression::Unscaling unscaling(columns, options.has_intercept);
  const auto& is_aliased = problem.factor().is_aliased();
  model.covariance_root = unscaling.root(problem.covariance_root());
  model.unscaled_covariance = regression::squared_root(model.covariance_root, is_aliased);
  for (std::size_t k = 0; k < target_names.size(); ++k) {
    LinearTarget target = linear::measured(options, model, triangle, problem.residual_squares(k),
                                           problem.total_squares(k));
    target.name = target_names[k];
    target.coefficients =
        regression::infer({names, is_aliased, model.df_residual, options.confidence},
                          unscaling.coefficients(problem.factor().step(k)),
                          model.unscaled_covariance, target.residual_std * target.residual_std);
    model.targets.push_back(std::move(target));
  }
  return model;
}

}  // namespace serried
