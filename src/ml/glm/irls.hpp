#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "ml/glm/rows.hpp"
#include "ml/regression/columns.hpp"
#include "ml/regression/factor.hpp"

namespace serried::glm {

using regression::Columns;
using regression::Factor;

/// What is fitted: a model of the rows' scaled columns. Its terms are the intercept, if there is
/// one, and the columns.
struct Problem {
  const Rows& rows;
  GlmDistribution distribution;
  bool has_intercept = true;
  Columns columns;              ///< none: the intercept and the offset alone
  std::vector<double> penalty;  ///< of the terms: half of penalty * square is added to deviance / 2
  double tolerance = 0;
  int max_iterations = 0;
  GlmSolver solver = GlmSolver::automatic;

  [[nodiscard]] std::size_t first_column() const { return has_intercept ? 1 : 0; }
  [[nodiscard]] std::size_t terms() const { return first_column() + columns.shift.size(); }
  [[nodiscard]] GlmPass pass_of(const std::vector<double>& terms) const;
};

/// The sums of a pass.
struct Totals {
  std::vector<double> gram;   ///< (terms, terms), its upper triangle
  std::vector<double> score;  ///< X^T W r
  /// R of the weighted rows and their residual, packed; empty: the sums were made of products.
  std::vector<double> triangle;
  double pearson = 0;
  double deviance = 0;
  double invalid = 0;
  double extreme = 0;
};

struct Fit {
  std::vector<double> terms;
  Totals totals;  ///< at these terms
  Factor factor;  ///< of the Gram matrix with the penalty; none of GlmSolver::lbfgs
  GlmSolver solver = GlmSolver::irls;
  std::int64_t iterations = 0;
  GlmStatus status = GlmStatus::converged;
  std::string message;
};

/// Reads x once.
/// Collective.
[[nodiscard]] Totals totals_of(const Problem& problem, const std::vector<double>& terms,
                               bool is_start = false, bool is_triangle = false);

/// The factor of a pass, with the penalty. Local.
/// @param is_aliased which columns are; none: it is found, as the first pass of a fit does.
[[nodiscard]] Factor factor_of(const Problem& problem, const Totals& totals,
                               const std::vector<double>& terms,
                               const std::optional<std::vector<std::uint8_t>>& is_aliased);

/// Iteratively reweighted least squares. Each iteration reads x once, at the present terms: the
/// deviance tells whether the last step was good (else half of it is taken back), and the same
/// read's Gram matrix and score, or their QR decomposition, give the next one. Where that is to be
/// found out, the first read for which products are not enough is done again. With
/// GlmSolver::lbfgs it is descend(). Collective.
/// @param start terms to begin with; none: the response's own means.
/// @param feasible terms that have a mean for every row, or none.
/// @param names of the terms, for messages.
/// @throws NumericError where there is nothing to begin with.
[[nodiscard]] Fit iterate(const Problem& problem, const std::optional<std::vector<double>>& start,
                          const std::optional<std::vector<double>>& feasible,
                          const std::vector<std::string>& names);

}  // namespace serried::glm
