#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>

#include "ml/regression/columns.hpp"
#include "ml/regression/factor.hpp"
#include "ml/regression/inference.hpp"
#include "ml/regression/lbfgs.hpp"
#include "ml/softmax/rows.hpp"
#include "serried/base/error.hpp"

namespace serried {
namespace softmax {
namespace {

using regression::Columns;
using regression::Factor;

constexpr double least_share = 1e-12;
constexpr std::int64_t most_newton_terms = 1000;
constexpr int most_halvings = 40;
constexpr double rounding_rise = 1e-12;
/// Below it for each row the classes are told apart.
constexpr double separated_loss = 1e-7;

/// What is found at some terms, (classes - 1, terms): of the penalised negative log-likelihood.
struct Place {
  std::vector<double> terms;
  double loss = 0;
  double log_likelihood = 0;
  std::vector<double> gradient;
  std::vector<double> information;  ///< (terms, terms) of all classes, its upper triangle, or empty
};

class Problem {
 public:
  Problem(const Rows& rows, const SoftmaxOptions& options)
      : rows_(rows),
        columns_(regression::scan_columns(rows.context(), rows.x(), options.has_intercept)),
        has_intercept_(options.has_intercept),
        classes_(static_cast<std::int64_t>(rows.classes().size())) {
    for (std::size_t k = 1; k < rows.classes().size(); ++k) {
      if (has_intercept_) penalty_.push_back(0);
      for (std::size_t j = 0; j < columns_.scale.size(); ++j) {
        const double unit = columns_.scale[j] * (options.is_standardized ? columns_.size[j] : 1);
        penalty_.push_back(options.l2 * unit * unit);
      }
    }
  }

  [[nodiscard]] const Rows& rows() const { return rows_; }
  [[nodiscard]] const Columns& columns() const { return columns_; }
  [[nodiscard]] const std::vector<double>& penalty() const { return penalty_; }
  /// Of one class.
  [[nodiscard]] std::size_t terms() const {
    return columns_.scale.size() + (has_intercept_ ? 1 : 0);
  }
  [[nodiscard]] std::size_t size() const { return penalty_.size(); }

  /// The classes' frequencies.
  [[nodiscard]] std::vector<double> start() const {
    std::vector<double> start(size(), 0.);
    if (has_intercept_)
      for (std::size_t k = 1; k < rows_.classes().size(); ++k)
        start[(k - 1) * terms()] = std::log(rows_.class_weights()[k] / rows_.class_weights()[0]);
    return start;
  }
  [[nodiscard]] double null_log_likelihood() const {
    double sum = 0;
    const double classes = static_cast<double>(rows_.classes().size());
    for (const double weight : rows_.class_weights())
      sum += weight * std::log(has_intercept_ ? weight / rows_.weight_sum() : 1 / classes);
    return sum;
  }

  /// Reads x once.
  /// Collective.
  [[nodiscard]] Place at(std::vector<double> terms, bool has_information) const {
    SoftmaxPass pass;
    pass.classes = classes_;
    pass.has_intercept = has_intercept_;
    pass.coefficients = terms;
    pass.shift = columns_.shift;
    pass.scale = columns_.scale;
    const std::vector<double> payload = rows_.accumulate(pass, has_information);
    const SoftmaxSums sums{static_cast<std::int64_t>(this->terms()), classes_, has_information};
    Place place;
    place.log_likelihood = payload[static_cast<std::size_t>(sums.log_likelihood())];
    place.loss = -place.log_likelihood;
    for (std::size_t i = 0; i < size(); ++i) {
      place.loss += 0.5 * penalty_[i] * terms[i] * terms[i];
      place.gradient.push_back(penalty_[i] * terms[i] - payload[i]);
    }
    if (has_information) set_information(payload.data() + sums.information(), place.information);
    place.terms = std::move(terms);
    return place;
  }

 private:
  void set_information(const double* from, std::vector<double>& matrix) const {
    const std::size_t n = size();
    const std::size_t width = terms();
    matrix.assign(n * n, 0.);
    for (std::size_t k = 0; k < n; k += width)
      for (std::size_t l = k; l < n; l += width)
        for (std::size_t i = 0; i < width; ++i)
          for (std::size_t j = i; j < width; ++j) {
            matrix[(k + i) * n + l + j] = *from;
            // of two classes the block is whole, and symmetric
            if (k != l) matrix[(k + j) * n + l + i] = *from;
            ++from;
          }
    for (std::size_t i = 0; i < n; ++i) matrix[i * n + i] += penalty_[i];
  }

  const Rows& rows_;
  Columns columns_;
  bool has_intercept_;
  std::int64_t classes_;
  std::vector<double> penalty_;
};

struct Fit {
  Place place;
  std::vector<std::uint8_t> is_aliased;
  std::optional<Factor> factor;  ///< of the information, with the penalty
  std::int64_t iterations = 0;
  bool converged = false;
  std::string message;
};

/// Whether no loss is left, so that larger coefficients are always better.
bool is_separated(const Problem& problem, const Place& place) {
  return problem.rows().weight_sum() > 0 &&
         -place.log_likelihood <= separated_loss * problem.rows().weight_sum();
}

std::string separation_text(const Problem& problem) {
  return fmt::format(
      "perfect separation: the columns tell the {} classes apart, so that no finite coefficients "
      "are best; a penalty (l2) makes them finite",
      problem.rows().classes().size());
}

/// Which columns are aliased is found by the first pass.
Factor factor_of(const Problem& problem, const Place& place,
                 const std::optional<std::vector<std::uint8_t>>& is_aliased) {
  if (is_aliased) return Factor(place.information, {}, *is_aliased);
  const std::size_t n = problem.size();
  std::vector<double> least;
  for (std::size_t i = 0; i < n; ++i) least.push_back(least_share * place.information[i * n + i]);
  return Factor(place.information, least);
}

Fit fit_by_newton(const Problem& problem, const SoftmaxOptions& options) {
  Fit fit;
  fit.place = problem.at(problem.start(), true);
  std::optional<std::vector<std::uint8_t>> is_aliased;
  for (;;) {
    fit.factor = factor_of(problem, fit.place, is_aliased);
    is_aliased = fit.factor->is_aliased();
    if (is_separated(problem, fit.place) || !fit.factor->is_good()) {
      fit.message = is_separated(problem, fit.place)
                        ? separation_text(problem)
                        : "the information matrix has become singular: some rows' probabilities "
                          "are at their bounds";
      break;
    }
    std::vector<double> down = fit.place.gradient;
    for (double& value : down) value = -value;
    const std::vector<double> step = fit.factor->solve(down);
    double decrement = 0;
    for (std::size_t i = 0; i < step.size(); ++i) decrement += step[i] * down[i];
    const auto moved = [&](double share) {
      std::vector<double> terms = fit.place.terms;
      for (std::size_t i = 0; i < terms.size(); ++i) terms[i] += share * step[i];
      return terms;
    };
    if (decrement <= options.tolerance * options.tolerance) {
      // too short to be worth another read
      fit.place.terms = moved(1);
      fit.converged = true;
      break;
    }
    if (fit.iterations == options.max_iterations) {
      fit.message = fmt::format("{} iterations were not enough", fit.iterations);
      break;
    }
    ++fit.iterations;
    const double before = fit.place.loss;
    double share = 1;
    Place next = problem.at(moved(share), true);
    for (int halving = 0;
         !(next.loss <= before + rounding_rise * std::abs(before)) && halving < most_halvings;
         ++halving) {
      share /= 2;
      next = problem.at(moved(share), true);
    }
    if (!(next.loss <= before + rounding_rise * std::abs(before))) {
      fit.message =
          fmt::format("no part of the step of iteration {} lowers the loss", fit.iterations);
      break;
    }
    fit.place = std::move(next);
  }
  fit.is_aliased = *is_aliased;
  return fit;
}

Fit fit_by_lbfgs(const Problem& problem, const SoftmaxOptions& options) {
  Fit fit;
  const auto evaluate = [&](const std::vector<double>& terms) {
    Place place = problem.at(terms, false);
    return regression::Slope{place.loss, std::move(place.gradient)};
  };
  const regression::Descent descent = regression::minimize(
      evaluate, problem.start(), options.tolerance * problem.rows().weight_sum(),
      std::int64_t{10} * options.max_iterations);
  fit.place.terms = descent.place;
  fit.place.loss = descent.slope.value;
  fit.place.log_likelihood = -descent.slope.value;
  for (std::size_t i = 0; i < descent.place.size(); ++i)
    fit.place.log_likelihood += 0.5 * problem.penalty()[i] * descent.place[i] * descent.place[i];
  fit.iterations = descent.iterations;
  fit.converged = descent.converged && !is_separated(problem, fit.place);
  if (is_separated(problem, fit.place))
    fit.message = separation_text(problem);
  else if (!fit.converged)
    fit.message = fmt::format("{} iterations were not enough", fit.iterations);
  fit.is_aliased.assign(problem.size(), 0);
  return fit;
}

/// Of all coefficients: S with S S^T = covariance of the terms, from a penalised information matrix
/// A: A^-1 (A - penalty) A^-1.
std::vector<double> covariance_root(const Problem& problem, const Fit& fit) {
  if (std::ranges::all_of(problem.penalty(), [](double p) { return p == 0; }))
    return fit.factor->inverse_root();
  const std::size_t n = problem.size();
  std::vector<double> information = fit.place.information;
  for (std::size_t i = 0; i < n; ++i) information[i * n + i] -= problem.penalty()[i];
  const Factor plain(information, std::vector<double>(n, 0.));
  return regression::product(fit.factor->inverse(), plain.root(), n);
}

void set_coefficients(const Problem& problem, const Fit& fit, const std::vector<std::string>& names,
                      SoftmaxModel& model) {
  const std::size_t width = problem.terms();
  const std::size_t n = problem.size();
  const regression::Unscaling unscaling(problem.columns(), model.has_intercept);
  const std::vector<double> root =
      model.has_errors ? covariance_root(problem, fit) : std::vector<double>();
  for (std::size_t first = 0; first < n; first += width) {
    const auto part = [&](const auto& all) {
      return std::vector(all.begin() + static_cast<std::ptrdiff_t>(first),
                         all.begin() + static_cast<std::ptrdiff_t>(first + width));
    };
    const std::vector<std::uint8_t> is_aliased = part(fit.is_aliased);
    std::vector<double> variances(width * width, std::numeric_limits<double>::quiet_NaN());
    // the rows of this class, a column of the root after the other
    std::vector<double> column(width);
    if (model.has_errors) {
      for (std::size_t i = 0; i < width; ++i) variances[i * width + i] = 0;
      for (std::size_t j = 0; j < n; ++j) {
        for (std::size_t i = 0; i < width; ++i) column[i] = root[(first + i) * n + j];
        column = unscaling.coefficients(column);
        for (std::size_t i = 0; i < width; ++i) variances[i * width + i] += column[i] * column[i];
      }
    }
    model.coefficients.push_back(regression::infer(
        {names, is_aliased, std::numeric_limits<double>::infinity(), model.confidence},
        unscaling.coefficients(part(fit.place.terms)), variances));
  }
}

}  // namespace
}  // namespace softmax

void check_softmax_options(const SoftmaxOptions& options) {
  const auto require = [](bool is_good, const std::string& text) {
    if (!is_good) throw InvalidArgument("softmax: " + text);
  };
  require(options.l2 >= 0 && std::isfinite(options.l2),
          fmt::format("l2 must be a number >= 0, not {}", options.l2));
  require(options.tolerance > 0 && std::isfinite(options.tolerance),
          fmt::format("the tolerance must be above 0, not {}", options.tolerance));
  require(options.max_iterations >= 1,
          fmt::format("there must be at least 1 iteration, not {}", options.max_iterations));
  require(options.confidence > 0 && options.confidence < 1,
          fmt::format("the confidence must be between 0 and 1, not {}", options.confidence));
}

SoftmaxModel fit_softmax(const Context& ctx, const TileSource& x, const TileSource& y,
                         const SoftmaxOptions& options) {
  check_softmax_options(options);
  const std::vector<std::string> names =
      regression::term_names(x, options.has_intercept, options.column_names);
  const auto phase = ctx.recorder().phase("fit");
  const softmax::Rows rows(ctx, x, y, options);
  const softmax::Problem problem(rows, options);
  SoftmaxModel model;
  model.has_intercept = options.has_intercept;
  model.classes = rows.classes();
  model.confidence = options.confidence;
  model.rows = x.rows();
  model.rows_used = rows.used();
  model.solver = options.solver;
  if (options.solver == SoftmaxSolver::automatic)
    model.solver = static_cast<std::int64_t>(problem.size()) <= softmax::most_newton_terms
                       ? SoftmaxSolver::newton
                       : SoftmaxSolver::lbfgs;
  model.has_errors = model.solver == SoftmaxSolver::newton;
  const softmax::Fit fit = model.has_errors ? softmax::fit_by_newton(problem, options)
                                            : softmax::fit_by_lbfgs(problem, options);
  model.iterations = fit.iterations;
  model.converged = fit.converged;
  model.message = fit.message;
  model.rank = std::ranges::count(fit.is_aliased, std::uint8_t{0});
  softmax::set_coefficients(problem, fit, names, model);
  const double count = options.weights_meaning == WeightsMeaning::frequency
                           ? rows.weight_sum()
                           : static_cast<double>(rows.used());
  model.log_likelihood = fit.place.log_likelihood;
  model.null_log_likelihood = problem.null_log_likelihood();
  model.deviance = -2 * model.log_likelihood;
  model.pseudo_r2 = 1 - model.log_likelihood / model.null_log_likelihood;
  model.aic = model.deviance + 2 * static_cast<double>(model.rank);
  model.bic = model.deviance + std::log(count) * static_cast<double>(model.rank);
  model.df_residual =
      count * static_cast<double>(model.classes.size() - 1) - static_cast<double>(model.rank);
  return model;
}

}  // namespace serried
