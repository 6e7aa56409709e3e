#include <fmt/format.h>

#include <algorithm>

#include "base/distributions.hpp"
#include "serried/base/error.hpp"
#include "serried/ml/glm_rows.hpp"

namespace serried {

GlmComparison compare(const GlmModel& smaller, const GlmModel& larger) {
  const GlmDistribution& a = smaller.distribution;
  const GlmDistribution& b = larger.distribution;
  if (a.family != b.family || a.link != b.link || a.link_power != b.link_power)
    throw InvalidArgument(fmt::format(
        "models of the {} family with link {} and of the {} family "
        "with link {} cannot be compared",
        facts(a.family).name, facts(a.link).name, facts(b.family).name, facts(b.link).name));
  if (smaller.rows_used != larger.rows_used)
    throw InvalidArgument(fmt::format("models of {} and of {} rows cannot be compared",
                                      smaller.rows_used, larger.rows_used));
  if (smaller.rank > larger.rank)
    throw InvalidArgument(
        fmt::format("the larger model, of {} coefficients, must come second", smaller.rank));
  GlmComparison c;
  c.df = smaller.df_residual - larger.df_residual;
  c.deviance = smaller.deviance - larger.deviance;
  c.is_f = larger.has_estimated_dispersion;
  if (c.is_f) {
    c.statistic = c.deviance / c.df / larger.dispersion;
    c.p_value = fisher_upper(c.statistic, c.df, larger.df_residual);
  } else {
    c.statistic = c.deviance;
    c.p_value = chi_squared_upper(std::max(c.statistic, 0.), c.df);
  }
  return c;
}

}  // namespace serried
