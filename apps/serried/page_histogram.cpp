#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "page_output.hpp"
#include "page_text.hpp"
#include "serried/report/picture.hpp"

namespace serried::app {
namespace {

/// Places between two edges, where bins stand in a picture: of logarithmic bins their logarithms.
PlaneAxis axis_of(const HistogramResult& result, std::size_t axis, const Field& field) {
  const std::vector<double>& edges = result.table.edges[axis];
  const std::string what = with_units(field.title, field.units);
  PlaneAxis found{.title = result.is_logarithmic ? "log10 of " + what : what,
                  .extent = static_cast<std::int64_t>(edges.size()) - 1};
  for (std::size_t i = 0; i + 1 < edges.size(); ++i)
    found.places.push_back(result.is_logarithmic
                               ? (std::log10(edges[i]) + std::log10(edges[i + 1])) / 2
                               : (edges[i] + edges[i + 1]) / 2);
  return found;
}

std::string values_title(const HistogramResult& result) {
  return result.weights ? "sum of " + short_address(*result.weights) : "count";
}

/// The table as a picture shows it: a line, or the first dataset to the right and the second
/// upwards. Empty bins of a plane have no value. On rank 0; elsewhere without values.
Plane plane_of(const Session& session, const HistogramResult& result) {
  std::vector<Field> fields;
  for (const Address& address : result.addresses)
    fields.push_back(open_field(session.ctx, address, session.common().untrusted));
  const std::vector<double> values = values_of(result);
  Plane plane{.columns = result.table.shape[0], .horizontal = axis_of(result, 0, fields[0])};
  plane.title = values_title(result);
  const bool is_line = result.addresses.size() == 1;
  plane.rows = is_line ? 1 : result.table.shape[1];
  if (!is_line) {
    plane.vertical = axis_of(result, 1, fields[1]);
    std::ranges::reverse(plane.vertical.places);  // row 0 is on top
  }
  if (session.ctx.rank() != 0) return plane;
  if (is_line) {
    plane.values = values;
    return plane;
  }
  plane.notes.push_back("grey: empty bins");
  for (std::int64_t row = 0; row < plane.rows; ++row)
    for (std::int64_t column = 0; column < plane.columns; ++column) {
      const double value =
          values[static_cast<std::size_t>(column * plane.rows + plane.rows - 1 - row)];
      plane.values.push_back(value == 0 ? std::numeric_limits<double>::quiet_NaN() : value);
    }
  return plane;
}

PageChart chart_of(const HistogramResult& result, const Plane& line) {
  std::vector<double> edges = result.table.edges.front();
  if (result.is_logarithmic)
    for (double& edge : edges) edge = std::log10(edge);
  return histogram_chart(edges, values_of(result), "Histogram", line.horizontal.title,
                         values_title(result));
}

}  // namespace

void fill_page(const Session& session, const HistogramCommand& command,
               const HistogramResult& result) {
  session.extras.keep_run(session);
  if (!session.extras.has_page() && !session.extras.has_picture()) return;
  const auto phase = session.ctx.recorder().phase("report");
  const Plane plane = plane_of(session, result);
  if (session.extras.has_picture() && session.ctx.rank() == 0)
    session.extras.set_picture(picture_png(plane));
  if (!session.extras.has_page()) return;
  Page& page = session.extras.begin_page(
      session, "serried histogram", fmt::format("Histogram of {}.", names_text(command.addresses)));
  page.add_heading("Result");
  std::vector<std::pair<std::string, std::string>> facts = {
      {"elements", extents_text(result.shape)}, {"type", std::string(name(result.dtype))}};
  for (std::size_t a = 0; a < result.addresses.size(); ++a) {
    const std::vector<double>& edges = result.table.edges[a];
    facts.emplace_back(short_address(result.addresses[a]),
                       fmt::format("{} bins{} from {} to {}", edges.size() - 1,
                                   result.is_logarithmic ? ", logarithmic," : "",
                                   number_text(edges.front()), number_text(edges.back())));
  }
  if (result.outside >= 0) facts.emplace_back("outside, or NaN", grouped_digits(result.outside));
  page.add_facts(facts);
  if (plane.is_line())
    page.add_chart(chart_of(result, plane));
  else
    page.add_plane(plane);
}

}  // namespace serried::app
