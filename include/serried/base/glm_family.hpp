#pragma once

#include <cstdint>
#include <limits>
#include <span>
#include <string_view>

#include "serried/base/api.hpp"

namespace SERRIED_API serried {

/// How the response of a generalised linear model is distributed about its mean.
enum class GlmFamily : std::uint8_t {
  gaussian,
  binomial,
  poisson,
  gamma,
  inverse_gaussian,
  negative_binomial,
  tweedie
};

/// What function of the mean is the linear predictor. power: mean^link_power.
enum class GlmLink : std::uint8_t {
  identity,
  log,
  logit,
  probit,
  cloglog,
  loglog,
  inverse,
  inverse_square,
  square_root,
  power
};

/// A family and a link with their parameters.
struct GlmDistribution {
  GlmFamily family = GlmFamily::gaussian;
  GlmLink link = GlmLink::identity;
  double family_parameter = 0;  ///< theta of negative_binomial, the power of tweedie
  double link_power = 1;        ///< of GlmLink::power
};

/// What is known of a family besides its formulas.
struct GlmFamilyFacts {
  GlmFamily family = GlmFamily::gaussian;
  std::string_view name;
  GlmLink default_link = GlmLink::identity;
  /// Responses are numbers above `low`, or `low` itself where it is allowed.
  double low = -std::numeric_limits<double>::infinity();
  bool allows_low = false;
  /// Means lie strictly between.
  double mean_low = -std::numeric_limits<double>::infinity();
  double mean_high = std::numeric_limits<double>::infinity();
  bool has_dispersion = false;  ///< estimated; else it is 1
};

struct GlmLinkFacts {
  GlmLink link = GlmLink::identity;
  std::string_view name;
  bool is_for_probabilities = false;  ///< its means lie between 0 and 1
  /// Whether the mean comes as near to a bound of its range as it likes, at an infinite predictor.
  bool has_far_end = false;
};

/// All of them, in the order of their enumerations. Local.
[[nodiscard]] std::span<const GlmFamilyFacts> glm_families();
[[nodiscard]] std::span<const GlmLinkFacts> glm_links();

/// Local.
[[nodiscard]] const GlmFamilyFacts& facts(GlmFamily family);
[[nodiscard]] const GlmLinkFacts& facts(GlmLink link);
/// Whether a family takes a link: one for probabilities is for binomial alone, which takes log and
/// identity too; every other family takes every other link. Local.
[[nodiscard]] bool is_allowed(GlmFamily family, GlmLink link);

}  // namespace serried
