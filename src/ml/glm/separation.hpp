#pragma once

#include <string>
#include <vector>

#include "ml/glm/irls.hpp"

namespace serried::glm {

/// Whether the likelihood rises for ever along a direction of the terms: rows whose response is at
/// a bound that the mean approaches move towards it or stand still, and all others stand still
/// (A. Albert and J. Anderson, "On the existence of maximum likelihood estimates in logistic
/// regression models", 1984). The steps of the iteration come to lie along such a direction where
/// there is one. One read of x. Collective.
/// @return what a statistician wants to know about it; empty: it is none.
[[nodiscard]] std::string separation_along(const Problem& problem,
                                           const std::vector<double>& direction,
                                           const std::vector<std::string>& names);

/// Whether that can be at all, whatever the data.
[[nodiscard]] bool can_separate(const GlmDistribution& distribution);

}  // namespace serried::glm
