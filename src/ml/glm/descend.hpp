#pragma once

#include <optional>
#include <string>
#include <vector>

#include "ml/glm/irls.hpp"

namespace serried::glm {

/// Limited-memory BFGS (regression::minimize): a read of x for each gradient, and no products of
/// columns. It has no factor, and finds no aliased columns. Collective.
/// @param start terms to begin with; none: `feasible`, else 0. @param feasible as of iterate.
/// @throws NumericError where there is nothing to begin with.
[[nodiscard]] Fit descend(const Problem& problem, const std::optional<std::vector<double>>& start,
                          const std::optional<std::vector<double>>& feasible,
                          const std::vector<std::string>& names);

}  // namespace serried::glm
