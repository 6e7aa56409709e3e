#include "ml/glm/likelihood.hpp"

#include <cmath>
#include <limits>
#include <numbers>

#include "base/distributions.hpp"

namespace serried::glm {

// log L = log L(means = responses) - deviance / (2 dispersion). Families with a dispersion take
// deviance / (sum of weights), the maximum likelihood estimate of gaussian and inverse gaussian;
// the gaussian divides by the number of rows where weights are variances.
double log_likelihood(const Rows& rows, const GlmDistribution& distribution, double deviance,
                      WeightsMeaning weights) {
  if (distribution.family == GlmFamily::tweedie) return std::numeric_limits<double>::quiet_NaN();
  // of a single trial they are 0
  const bool has_terms = distribution.family != GlmFamily::binomial || rows.has_trials();
  const double terms = has_terms ? rows.likelihood_terms(distribution) : 0;
  const double sum = rows.weight_sum();
  const auto normal = [&](double count) {
    return -0.5 * count * (std::log(2 * std::numbers::pi * deviance / count) + 1);
  };
  switch (distribution.family) {
    case GlmFamily::gaussian:
      return weights == WeightsMeaning::variance ? normal(rows.count()) + terms : normal(sum);
    case GlmFamily::inverse_gaussian:
      return normal(sum) + terms;
    case GlmFamily::gamma: {
      const double shape = sum / deviance;
      return terms + sum * (shape * std::log(shape) - shape - log_gamma(shape)) - sum / 2;
    }
    default:
      return terms - deviance / 2;
  }
}

}  // namespace serried::glm
