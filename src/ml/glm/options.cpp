#include <fmt/format.h>

#include <cmath>

#include "serried/base/error.hpp"
#include "serried/ml/glm.hpp"

namespace serried {
namespace {

/// For more of them the automatic solver is lbfgs.
constexpr std::int64_t most_columns_of_products = 2000;

void require(bool is_good, const std::string& text) {
  if (!is_good) throw InvalidArgument("linear model: " + text);
}

}  // namespace

void check_glm_options(const GlmOptions& options) {
  const GlmFamilyFacts& family = facts(options.family);
  const GlmLink link = options.link.value_or(family.default_link);
  require(is_allowed(options.family, link),
          fmt::format("the {} family has no {} link", family.name, facts(link).name));
  require(link != GlmLink::power || (std::isfinite(options.link_power) && options.link_power != 0),
          fmt::format("the power link needs a power other than 0, not {}", options.link_power));
  require(!options.theta || (*options.theta > 0 && std::isfinite(*options.theta)),
          fmt::format("theta must be above 0, not {}", options.theta.value_or(0)));
  require(options.family != GlmFamily::tweedie ||
              (options.tweedie_power > 1 && options.tweedie_power != 2 &&
               std::isfinite(options.tweedie_power)),
          fmt::format("the power of the tweedie family must be between 1 and 2 or above 2, not {} "
                      "(1 is poisson's, 2 is gamma's)",
                      options.tweedie_power));
  require(options.l2 >= 0 && std::isfinite(options.l2),
          fmt::format("l2 must be a number >= 0, not {}", options.l2));
  require(options.tolerance > 0 && std::isfinite(options.tolerance),
          fmt::format("the tolerance must be above 0, not {}", options.tolerance));
  require(options.max_iterations >= 1,
          fmt::format("there must be at least 1 iteration, not {}", options.max_iterations));
  require(options.confidence > 0 && options.confidence < 1,
          fmt::format("the confidence must be between 0 and 1, not {}", options.confidence));
  require(options.solver != GlmSolver::lbfgs || options.errors == GlmErrors::model,
          "lbfgs gives no standard errors, so that none can be robust");
  require(options.trials == nullptr || options.family == GlmFamily::binomial,
          fmt::format("the {} family has no trials", family.name));
}

GlmSolver glm_solver(const GlmOptions& options, std::int64_t columns) {
  const bool is_free = options.solver == GlmSolver::automatic && options.errors == GlmErrors::model;
  return is_free && columns > most_columns_of_products ? GlmSolver::lbfgs : options.solver;
}

}  // namespace serried
