#pragma once

#include <string>
#include <vector>

#include "serried/report/page.hpp"

namespace serried::page {

/// A figure of a plane: HTML.
[[nodiscard]] std::string plane_figure(const Plane& plane, const std::string& title,
                                       const std::vector<double>& sizes);

/// A figure of a chart: HTML that is complete without a script, and its data for Chart.js.
[[nodiscard]] std::string chart_figure(const PageChart& chart);

}  // namespace serried::page
