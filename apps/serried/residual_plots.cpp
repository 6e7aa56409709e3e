#include "residual_plots.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "serried/array/evaluate.hpp"
#include "serried/expr/functions.hpp"
#include "serried/expr/reductions.hpp"

namespace serried::app {
namespace {

constexpr std::int64_t columns = 120;
constexpr std::int64_t rows = 60;

/// Bins of all finite values; of values that are all alike, around them.
BinAxis bins_of(const Context& ctx, const Expr& values, std::int64_t bins) {
  const Expr is_finite = isfinite(values);
  const double low = evaluate_as<double>(ctx, min(values, {.where = is_finite}));
  const double high = evaluate_as<double>(ctx, max(values, {.where = is_finite}));
  const double reach = std::max(std::abs(low), std::abs(high));
  if (high - low > 1e-12 * reach) return {.bins = bins, .low = low, .high = high};
  const double half = reach > 0 ? reach / 2 : 0.5;
  return {.bins = bins, .low = low - half, .high = high + half};
}

PlaneAxis axis_of(const std::vector<double>& edges, const std::string& title) {
  PlaneAxis axis{.title = title, .extent = static_cast<std::int64_t>(edges.size()) - 1};
  for (std::size_t i = 0; i + 1 < edges.size(); ++i)
    axis.places.push_back((edges[i] + edges[i + 1]) / 2);
  return axis;
}

}  // namespace

ResidualPlots residual_plots(const Context& ctx, const Array& fitted, const Array& residuals,
                             const Array& standardized) {
  ResidualPlots plots;
  const Expr x(fitted);
  const Expr y(residuals);
  const double finite =
      evaluate_as<double>(ctx, cast(count_nonzero(isfinite(x) & isfinite(y)), DType::f64));
  if (finite == 0) return plots;
  const std::vector<const TileSource*> both{&fitted, &residuals};
  HistogramOptions options;
  options.axes = {bins_of(ctx, x, columns), bins_of(ctx, y, rows)};
  plots.places = histogram(ctx, both, options);
  const Expr z(standardized);
  // a row that decides a coefficient alone has none
  plots.quantiles = normal_quantiles(ctx, evaluate(ctx, where(isfinite(z), z, std::nan(""))));
  return plots;
}

void add_residuals(Page& page, const ResidualPlots& plots, bool is_writing) {
  if (plots.places.edges.empty()) return;
  page.add_heading(plots.heading);
  page.begin_row();
  Plane plane{.rows = rows,
              .columns = columns,
              .values = {},
              .vertical = axis_of(plots.places.edges[1], plots.residual_title),
              .horizontal = axis_of(plots.places.edges[0], plots.fitted_title),
              .title = "rows"};
  std::ranges::reverse(plane.vertical.places);  // row 0 is on top
  if (is_writing)
    for (std::int64_t row = 0; row < rows; ++row)
      for (std::int64_t column = 0; column < columns; ++column) {
        const auto count =
            plots.places.counts[static_cast<std::size_t>(column * rows + rows - 1 - row)];
        plane.values.push_back(count == 0 ? std::numeric_limits<double>::quiet_NaN()
                                          : static_cast<double>(count));
      }
  page.add_plane(plane, "Residuals by fitted value");
  if (plots.quantiles.size() > 1) {
    PageChart chart{.title = "Normal Q-Q plot",
                    .note = "the straight line: where normal residuals lie",
                    .horizontal = {.title = "quantile of the normal distribution"},
                    .vertical_title = "standardised residual",
                    .series = {{.name = "residuals", .values = {}},
                               {.name = "normal", .values = {}, .color = 1}}};
    for (const NormalQuantile& point : plots.quantiles) {
      chart.horizontal.places.push_back(point.normal);
      chart.series[0].values.push_back(point.value);
      chart.series[1].values.push_back(point.normal);
    }
    chart.horizontal.extent = static_cast<std::int64_t>(plots.quantiles.size());
    page.add_chart(chart);
  }
  page.end_row();
  if (plots.binary) add_scores(page, {.responses = {}, .binary = plots.binary, .classes = {}});
}

}  // namespace serried::app
