#pragma once

#include <vector>

#include "ml/glm/irls.hpp"

namespace serried::glm {

/// The sum of the squared scores of the rows, (terms, terms), its upper triangle: what lies between
/// the two inverses of a covariance that does not trust the family's variance. Reads x twice, for
/// hc2 and hc3 three times. Collective.
[[nodiscard]] std::vector<double> robust_gram(const Problem& problem, const Fit& fit,
                                              GlmErrors errors);

}  // namespace serried::glm
