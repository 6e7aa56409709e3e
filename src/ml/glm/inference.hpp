#pragma once

#include "ml/glm/irls.hpp"

namespace serried::glm {

/// Sets coefficients, covariance, dispersion, degrees of freedom, deviance and Pearson's statistic
/// of a model from a fit. With a penalty the covariance is that of the estimates about their own
/// means: A^-1 G A^-1, A = G + penalty. Local.
void set_inference(const Problem& problem, const Fit& fit, const std::vector<std::string>& names,
                   GlmModel& model);

}  // namespace serried::glm
