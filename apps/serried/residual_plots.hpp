#pragma once

#include <optional>
#include <string>
#include <vector>

#include "prediction_scores.hpp"
#include "serried/array/histogram.hpp"
#include "serried/ml/metrics.hpp"
#include "serried/report/page.hpp"
#include "session.hpp"

namespace serried::app {

/// What a page shows of the residuals of a fit.
struct ResidualPlots {
  std::string heading = "Residuals";
  std::string fitted_title;
  std::string residual_title;
  /// (fitted, residual): how many rows lie where; without bins where nothing can be shown.
  HistogramTable places;
  std::vector<NormalQuantile> quantiles;  ///< of the standardised residuals
  std::optional<BinaryScores> binary;     ///< of the fitted probabilities
};

/// Collective. @param standardized residuals over their standard deviations.
[[nodiscard]] ResidualPlots residual_plots(const Context& ctx, const Array& fitted,
                                           const Array& residuals, const Array& standardized);
/// Local.
void add_residuals(Page& page, const ResidualPlots& plots, bool is_writing);

}  // namespace serried::app
