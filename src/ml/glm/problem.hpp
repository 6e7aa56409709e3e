#pragma once

#include <vector>

#include "ml/glm/irls.hpp"

namespace serried::glm {

/// What the options ask for. One read of x. Collective.
/// @throws DataError naming the first row with NaN or Inf.
[[nodiscard]] Problem make_problem(const Rows& rows, const GlmOptions& options);

/// The terms of a problem's scaled columns for the coefficients of a model; 0 for aliased ones.
[[nodiscard]] std::vector<double> terms_of(const Problem& problem, const GlmModel& model);

}  // namespace serried::glm
