#include "ml/glm/irls.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "ml/glm/descend.hpp"
#include "ml/glm/separation.hpp"
#include "serried/base/error.hpp"

namespace serried::glm {
namespace {

/// A column is aliased where less than this of its sum of squares is its own: in the Gram matrix,
/// and in the triangle of a QR decomposition.
constexpr double least_share = 1e-12;
constexpr double least_triangle_share = 1e-24;
/// Where a column has less to itself, half of the digits are gone with the products.
constexpr double share_for_products = 1e-7;
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

/// Whether products have lost what a QR decomposition keeps: a column has little to itself, but it
/// is no constant.
bool is_ill(const Problem& problem, const Totals& totals, const Factor& factor) {
  if (factor.least_share() < share_for_products) return true;
  const std::size_t n = problem.terms();
  for (std::size_t j = problem.first_column(); j < n; ++j)
    if (factor.is_aliased()[j] != 0 && totals.gram[j * n + j] > 0) return true;
  return false;
}

/// The iteration; see iterate.
class Iteration {
 public:
  Iteration(const Problem& problem, const std::vector<std::string>& names)
      : problem_(problem), names_(names), uses_triangle_(problem.solver == GlmSolver::qr) {}

  Fit run(const std::optional<std::vector<double>>& start,
          const std::optional<std::vector<double>>& feasible) {
    begin(start, feasible);
    for (;;) {
      read(false);
      if (!is_descent()) {
        if (!take_half_back()) return finish(GlmStatus::no_descent);
        continue;
      }
      halvings_ = 0;
      set_factor(false);
      if (!factor_.is_good()) {
        if (separates(step_)) return finish(GlmStatus::separated);
        return finish(GlmStatus::singular);
      }
      if (is_done(set_step())) {
        // too short to be worth another read, but it takes back what rounding did to the last one
        take_step();
        return finish(GlmStatus::converged);
      }
      if (totals_.extreme > 0 && iterations_ % separation_interval == 0 && separates(step_))
        return finish(GlmStatus::separated);
      if (iterations_ == problem_.max_iterations)
        return finish(separates(step_) ? GlmStatus::separated : GlmStatus::iteration_limit);
      former_ = terms_;
      former_objective_ = objective();
      take_step();
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
    terms_.assign(problem_.terms(), 0.);
    read(true);
    if (std::ranges::any_of(totals_.gram, [](double value) { return !std::isfinite(value); }))
      throw NumericError(
          "the fit has nothing to begin with: the working weights of the responses "
          "leave the range of f64; y needs other units");
    set_factor(true);
    set_step();
    terms_ = step_;
  }

  void read(bool is_start) { totals_ = totals_of(problem_, terms_, is_start, uses_triangle_); }

  void set_factor(bool is_start) {
    std::optional<std::vector<std::uint8_t>> is_aliased;
    if (knows_aliased_) is_aliased = factor_.is_aliased();
    factor_ = factor_of(problem_, totals_, terms_, is_aliased);
    if (!uses_triangle_ && problem_.solver == GlmSolver::automatic &&
        is_ill(problem_, totals_, factor_)) {
      uses_triangle_ = true;
      read(is_start);
      factor_ = factor_of(problem_, totals_, terms_, is_aliased);
    }
    knows_aliased_ = true;
  }

  void take_step() {
    for (std::size_t j = 0; j < terms_.size(); ++j) terms_[j] += step_[j];
  }

  /// @return the squared length of the step, in standard errors for a dispersion of 1.
  double set_step() {
    if (uses_triangle_) {
      step_ = factor_.step();
      return factor_.decrement();
    }
    std::vector<double> gradient = totals_.score;
    for (std::size_t j = 0; j < gradient.size(); ++j)
      gradient[j] -= problem_.penalty[j] * terms_[j];
    step_ = factor_.solve(gradient);
    return dot(step_, gradient);
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
    return {std::move(terms_),  std::move(totals_),
            std::move(factor_), uses_triangle_ ? GlmSolver::qr : GlmSolver::irls,
            iterations_,        status,
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
  bool uses_triangle_;
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

Totals totals_of(const Problem& problem, const std::vector<double>& terms, bool is_start,
                 bool is_triangle) {
  GlmPass pass = problem.pass_of(terms);
  pass.is_start = is_start;
  const std::vector<double> payload =
      is_triangle ? problem.rows.factor(pass) : problem.rows.accumulate(pass);
  const std::size_t n = terms.size();
  const GlmSums sums{static_cast<std::int64_t>(n)};
  Totals totals;
  totals.gram.assign(n * n, 0.);
  totals.score.assign(n, 0.);
  const double* from = payload.data();
  if (is_triangle) totals.triangle.assign(from, from + sums.products());
  // a product, or the row of a triangle whose products are added up
  const std::size_t rows = n + 1;
  for (std::size_t k = 0; k < rows; from += rows - k++) {
    const std::size_t last = is_triangle ? rows : k + 1;
    for (std::size_t i = k; i < last; ++i) {
      const double factor = is_triangle ? from[i - k] : 1;
      for (std::size_t j = i; j < n; ++j) totals.gram[i * n + j] += factor * from[j - k];
      (i < n ? totals.score[i] : totals.pearson) += factor * from[n - k];
    }
  }
  const auto at = [&](std::int64_t i) { return payload[static_cast<std::size_t>(i)]; };
  totals.deviance = at(sums.deviance());
  totals.invalid = at(sums.invalid());
  totals.extreme = at(sums.extreme());
  return totals;
}

Factor factor_of(const Problem& problem, const Totals& totals, const std::vector<double>& terms,
                 const std::optional<std::vector<std::uint8_t>>& is_aliased) {
  const std::size_t n = problem.terms();
  std::vector<double> matrix = totals.gram;
  for (std::size_t j = 0; j < n; ++j) matrix[j * n + j] += problem.penalty[j];
  std::vector<double> least;
  if (!is_aliased) {
    const double share = totals.triangle.empty() ? least_share : least_triangle_share;
    for (std::size_t j = 0; j < n; ++j) {
      const double noise = !problem.has_intercept || j == 0 ? 0 : problem.columns.noise[j - 1];
      least.push_back(std::max(share * matrix[j * n + j], noise * noise * matrix[0]));
    }
  }
  std::vector<std::uint8_t> aliased = is_aliased.value_or(std::vector<std::uint8_t>());
  if (totals.triangle.empty()) return Factor(matrix, least, std::move(aliased));
  return Factor::of_triangle(totals.triangle, problem.penalty, terms, least, std::move(aliased));
}

Fit iterate(const Problem& problem, const std::optional<std::vector<double>>& start,
            const std::optional<std::vector<double>>& feasible,
            const std::vector<std::string>& names) {
  if (problem.solver == GlmSolver::lbfgs) return descend(problem, start, feasible, names);
  return Iteration(problem, names).run(start, feasible);
}

}  // namespace serried::glm
