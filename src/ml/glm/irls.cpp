#include "ml/glm/irls.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "ml/glm/separation.hpp"
#include "serried/base/error.hpp"

namespace serried::glm {
namespace {

/// A column of which less than this is its own, in the Gram matrix, is aliased.
constexpr double least_pivot = 1e-12;
constexpr int most_halvings = 40;
/// Iterations from one look for separation to the next, where means are near their bounds.
constexpr int separation_interval = 4;
/// What rounding of the sums may raise an objective by, relative.
constexpr double rounding_rise = 1e-11;

double dot(const std::vector<double>& a, const std::vector<double>& b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += a[i] * b[i];
  return sum;
}

std::vector<double> penalized(const Problem& problem, const Totals& totals) {
  std::vector<double> matrix = totals.gram;
  const std::size_t n = problem.terms();
  for (std::size_t j = 0; j < n; ++j) matrix[j * n + j] += problem.penalty[j];
  return matrix;
}

/// Which columns are aliased, by the weights of the first pass.
Factor first_factor(const Problem& problem, const Totals& totals) {
  const std::size_t n = problem.terms();
  const std::vector<double> matrix = penalized(problem, totals);
  std::vector<double> least(n, 0.);
  for (std::size_t j = 0; j < n; ++j) {
    least[j] = least_pivot * matrix[j * n + j];
    if (!problem.has_intercept || j == 0) continue;
    const double noise = problem.columns.noise[j - 1];
    least[j] = std::max(least[j], noise * noise * matrix[0]);
  }
  return Factor(matrix, least);
}

/// The iteration; see iterate.
class Iteration {
 public:
  Iteration(const Problem& problem, const std::vector<std::string>& names)
      : problem_(problem), names_(names), factor_({}, {}) {}

  Fit run(const std::optional<std::vector<double>>& start,
          const std::optional<std::vector<double>>& feasible) {
    begin(start, feasible);
    for (;;) {
      totals_ = totals_of(problem_, terms_);
      if (!is_descent()) {
        if (!take_half_back()) return finish(GlmStatus::no_descent);
        continue;
      }
      halvings_ = 0;
      factor_ = knows_aliased_ ? Factor(penalized(problem_, totals_), {}, factor_.is_aliased())
                               : first_factor(problem_, totals_);
      knows_aliased_ = true;
      if (!factor_.is_good()) {
        if (separates(step_)) return finish(GlmStatus::separated);
        return finish(GlmStatus::singular);
      }
      std::vector<double> gradient = totals_.score;
      for (std::size_t j = 0; j < gradient.size(); ++j)
        gradient[j] -= problem_.penalty[j] * terms_[j];
      step_ = factor_.solve(gradient);
      if (is_done(dot(step_, gradient))) return finish(GlmStatus::converged);
      if (totals_.extreme > 0 && iterations_ % separation_interval == 0 && separates(step_))
        return finish(GlmStatus::separated);
      if (iterations_ == problem_.max_iterations)
        return finish(separates(step_) ? GlmStatus::separated : GlmStatus::iteration_limit);
      former_ = terms_;
      former_objective_ = objective();
      for (std::size_t j = 0; j < terms_.size(); ++j) terms_[j] += step_[j];
      ++iterations_;
    }
  }

 private:
  void begin(const std::optional<std::vector<double>>& start,
             const std::optional<std::vector<double>>& feasible) {
    if (feasible) former_ = *feasible;
    if (start) {
      terms_ = *start;
      return;
    }
    const std::vector<double> zeros(problem_.terms(), 0.);
    totals_ = totals_of(problem_, zeros, true);
    if (std::ranges::any_of(totals_.gram, [](double value) { return !std::isfinite(value); }))
      throw NumericError(
          "the fit has nothing to begin with: the working weights of the responses "
          "leave the range of f64; y needs other units");
    factor_ = first_factor(problem_, totals_);
    knows_aliased_ = true;
    terms_ = factor_.solve(totals_.score);
  }

  [[nodiscard]] double objective() const {
    double sum = totals_.deviance;
    for (std::size_t j = 0; j < terms_.size(); ++j)
      sum += problem_.penalty[j] * terms_[j] * terms_[j];
    return sum;
  }

  /// Whether the terms have means, and are no worse than the former ones but for rounding.
  [[nodiscard]] bool is_descent() const {
    if (totals_.invalid > 0 || !std::isfinite(objective())) return false;
    if (std::ranges::any_of(totals_.score, [](double value) { return !std::isfinite(value); }))
      return false;
    if (!former_objective_) return true;
    const double rounding = rounding_rise * (*former_objective_ + 1e-15 * squared_predictors());
    return objective() <= *former_objective_ + rounding;
  }
  /// What the weighted sum of the predictors' squares is near to.
  [[nodiscard]] double squared_predictors() const {
    const std::size_t n = terms_.size();
    double sum = 0;
    for (std::size_t j = 0; j < n; ++j) sum += totals_.gram[j * n + j] * terms_[j] * terms_[j];
    return sum;
  }

  bool take_half_back() {
    if (former_.empty())
      throw NumericError(
          "the fit has nothing to begin with: there are rows without a mean in the family's range; "
          "take another link");
    if (++halvings_ > most_halvings) return false;
    for (std::size_t j = 0; j < terms_.size(); ++j) terms_[j] = 0.5 * (terms_[j] + former_[j]);
    return true;
  }

  /// Whether the step is at most `tolerance` standard errors long in every direction, or changes
  /// the predictors by no more than rounding does. Its longest part in standard errors is
  /// sqrt(decrement / dispersion).
  [[nodiscard]] bool is_done(double decrement) const {
    double dispersion = 1;
    if (facts(problem_.distribution.family).has_dispersion) {
      const double df = problem_.rows.count() - static_cast<double>(factor_.rank());
      dispersion = df > 0 ? totals_.pearson / df : 0;
    }
    if (decrement <= problem_.tolerance * problem_.tolerance * dispersion) return true;
    constexpr double rounding = 16 * std::numeric_limits<double>::epsilon();
    return decrement <= rounding * rounding * squared_predictors();
  }

  bool separates(const std::vector<double>& direction) {
    if (direction.empty() || !can_separate(problem_.distribution) || problem_.columns.shift.empty())
      return false;
    message_ = separation_along(problem_, direction, names_);
    return !message_.empty();
  }

  Fit finish(GlmStatus status) {
    if (status == GlmStatus::iteration_limit)
      message_ = fmt::format("{} iterations were not enough", iterations_);
    if (status == GlmStatus::no_descent)
      message_ =
          fmt::format("no part of the step of iteration {} lowers the deviance", iterations_);
    if (status == GlmStatus::singular)
      message_ =
          "the weighted columns have become dependent on each other: some fitted means are "
          "at a bound of their range";
    return {std::move(terms_),  std::move(totals_), std::move(factor_), iterations_, status,
            std::move(message_)};
  }

  const Problem& problem_;
  const std::vector<std::string>& names_;
  std::vector<double> terms_;
  std::vector<double> step_;
  std::vector<double> former_;  ///< terms that a step may be halved towards
  std::optional<double> former_objective_;
  Totals totals_;
  Factor factor_;
  bool knows_aliased_ = false;
  std::int64_t iterations_ = 1;
  int halvings_ = 0;
  std::string message_;
};

}  // namespace

GlmPass Problem::pass_of(const std::vector<double>& terms) const {
  GlmPass pass;
  pass.distribution = distribution;
  pass.has_intercept = has_intercept;
  if (has_intercept) pass.intercept = terms.front();
  pass.coefficients = std::span(terms).subspan(first_column());
  pass.shift = columns.shift;
  pass.scale = columns.scale;
  return pass;
}

Totals totals_of(const Problem& problem, const std::vector<double>& terms, bool is_start) {
  GlmPass pass = problem.pass_of(terms);
  pass.is_start = is_start;
  const std::vector<double> payload = problem.rows.accumulate(pass);
  const std::size_t n = terms.size();
  const GlmSums sums{static_cast<std::int64_t>(n)};
  Totals totals;
  totals.gram.resize(n * n);
  totals.score.resize(n);
  const double* from = payload.data();
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t j = i; j < n; ++j) totals.gram[i * n + j] = *from++;
    totals.score[i] = *from++;
  }
  totals.pearson = *from;
  const auto at = [&](std::int64_t i) { return payload[static_cast<std::size_t>(i)]; };
  totals.deviance = at(sums.deviance());
  totals.invalid = at(sums.invalid());
  totals.extreme = at(sums.extreme());
  return totals;
}

Fit iterate(const Problem& problem, const std::optional<std::vector<double>>& start,
            const std::optional<std::vector<double>>& feasible,
            const std::vector<std::string>& names) {
  return Iteration(problem, names).run(start, feasible);
}

}  // namespace serried::glm
