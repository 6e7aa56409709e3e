#pragma once

#include "ml/glm/rows.hpp"

namespace serried::glm {

/// The log-likelihood of a fit with a deviance, as R has it. Without x; Collective.
[[nodiscard]] double log_likelihood(const Rows& rows, const GlmDistribution& distribution,
                                    double deviance, WeightsMeaning weights);

}  // namespace serried::glm
