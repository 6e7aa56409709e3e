#pragma once

#include "ml/glm/irls.hpp"

namespace serried::glm {

struct ThetaFit {
  Fit fit;
  double theta = 0;
  double std_error = 0;
};

/// The negative binomial family with theta by maximum likelihood: coefficients for a theta and
/// theta for the coefficients, in turn, until theta stands still (as glm.nb of W. Venables and B.
/// Ripley, "Modern Applied Statistics with S", 2002). Collective.
/// @param problem its theta is set.
/// @throws NumericError where no theta is best: the responses vary no more than those of a Poisson
/// distribution.
[[nodiscard]] ThetaFit iterate_with_theta(Problem& problem,
                                          const std::optional<std::vector<double>>& feasible,
                                          const std::vector<std::string>& names);

}  // namespace serried::glm
