// Whatever has axes: a grid of HTML elements around an image or an SVG that is stretched, so that
// texts keep their size at any width of the page.
#include "report/page/plot.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

#include "report/page/html.hpp"
#include "report/picture/color_map.hpp"
#include "report/picture/extents.hpp"
#include "report/picture/ticks.hpp"
#include "serried/report/picture.hpp"

namespace serried::page {
namespace {

using picture::field_color;
using picture::field_levels;
using picture::label_color;
using picture::Tick;
using picture::to_hex;

constexpr std::int64_t most_keys = 40;

/// A tick and where it stands, in per cent of the axis.
struct Mark {
  double at = 0;
  std::string text;
};

std::vector<Mark> marks_of(const std::vector<Tick>& ticks, double low, double high) {
  std::vector<Mark> marks;
  for (const Tick& tick : ticks) {
    const double share = low < high ? (tick.value - low) / (high - low) : 0.5;
    if (share >= -1e-9 && share <= 1 + 1e-9) marks.push_back({100 * share, tick.text});
  }
  return marks;
}

std::vector<Mark> marks_between(double low, double high, int count) {
  return marks_of(picture::ticks_between(low, high, count), low, high);
}

/// The ticks of a chart's axis of places.
std::vector<Tick> place_ticks(const PageChart& chart) {
  if (chart.horizontal.places.empty()) return {};
  PlaneAxis axis = chart.horizontal;
  axis.are_indices = axis.are_indices || chart.has_points;
  return picture::ticks_of(axis, 6);
}

/// Of places that are cells beside each other.
std::vector<Mark> marks_of_cells(const PlaneAxis& axis, int count) {
  std::vector<Mark> marks;
  if (axis.places.empty()) return marks;
  const double cell = 100 / static_cast<double>(axis.places.size());
  for (const Tick& tick : picture::ticks_of(axis, count)) {
    const double at = (picture::position_among(axis.places, tick.value) + 0.5) * cell;
    if (at >= 0 && at <= 100) marks.push_back({at, tick.text});
  }
  return marks;
}

std::string marks_below(std::vector<Mark> marks) {
  std::ranges::sort(marks, {}, &Mark::at);
  std::string html = "<div class=\"xticks\">";
  for (std::size_t i = 0; i < marks.size(); ++i)
    html += fmt::format("<span style=\"left:{:.2f}%\"{}>{}</span>", marks[i].at,
                        i % 2 == 1 ? " class=\"odd\"" : "", escaped(marks[i].text));
  return html + "</div>";
}

/// @param name of the CSS class; `at` counts from above.
std::string marks_beside(const std::vector<Mark>& marks, const char* name) {
  std::string html = fmt::format("<div class=\"{}\">", name);
  const Mark* widest = nullptr;
  for (const Mark& mark : marks)
    if (widest == nullptr || mark.text.size() > widest->text.size()) widest = &mark;
  // what gives the column its width
  if (widest != nullptr) html += fmt::format("<i>{}</i>", escaped(widest->text));
  for (const Mark& mark : marks)
    html += fmt::format("<span style=\"top:{:.2f}%\">{}</span>", mark.at, escaped(mark.text));
  return html + "</div>";
}

void turn_over(std::vector<Mark>& marks) {
  for (Mark& mark : marks) mark.at = 100 - mark.at;
}

struct Parts {
  std::string vertical_title;
  std::string vertical_marks;
  std::string area;
  double aspect = 1.6;
  std::string horizontal_marks;
  std::string horizontal_title;
  std::string bar;
};

std::string plot(const Parts& parts) {
  std::string html = "<div class=\"plot\">";
  if (!parts.vertical_title.empty())
    html +=
        fmt::format("<div class=\"ytitle\"><span>{}</span></div>", escaped(parts.vertical_title));
  html += parts.vertical_marks;
  html += fmt::format("<div class=\"area\" style=\"aspect-ratio:{:.3f}\">{}</div>", parts.aspect,
                      parts.area);
  html += parts.bar + parts.horizontal_marks;
  if (!parts.horizontal_title.empty())
    html += fmt::format("<div class=\"xtitle\">{}</div>", escaped(parts.horizontal_title));
  return html + "</div>";
}

std::string caption(const std::string& title) {
  return title.empty() ? std::string()
                       : fmt::format("<figcaption><b>{}</b></figcaption>", escaped(title));
}

/// What stands below a plot.
std::string notes_of(const std::vector<std::string>& notes) {
  std::string html;
  for (const std::string& note : notes)
    if (!note.empty()) html += fmt::format("<span class=\"note\">{}</span>", escaped(note));
  return html;
}

std::string color_bar(const std::pair<double, double>& range) {
  std::string stops;
  for (int i = 0; i <= 16; ++i)
    stops +=
        fmt::format("{}{}", i == 0 ? "" : ",", to_hex(field_color(i * (field_levels - 1) / 16)));
  std::vector<Mark> marks = marks_between(range.first, range.second, 6);
  turn_over(marks);
  return fmt::format(
      "<div class=\"bar\"><div class=\"ramp\" style=\"background:linear-gradient(to "
      "top,{})\"></div>{}</div>",
      stops, marks_beside(marks, "barticks"));
}

std::string chip(const std::string& color, const std::string& text) {
  return fmt::format("<span class=\"chip\"><i style=\"background:{}\"></i>{}</span>", color,
                     escaped(text));
}

std::string key(const Plane& plane, const std::vector<double>& sizes) {
  std::string html = "<div class=\"key\">";
  for (std::int64_t i = 0; i < std::min(plane.labels, most_keys); ++i) {
    std::string text = fmt::format("{}", i);
    if (!sizes.empty())
      text += fmt::format(" \u00b7 {:.1f} %", 100 * sizes[static_cast<std::size_t>(i)]);
    html += chip(to_hex(label_color(i)), text);
  }
  if (plane.labels > most_keys)
    html += fmt::format("<span class=\"chip\">and {} more</span>", plane.labels - most_keys);
  if (std::ranges::any_of(plane.values, [](double value) { return value < 0; }))
    html += chip(to_hex(picture::missing_color), "left out");
  return html + "</div>";
}

std::string alternative(const Plane& plane, const std::string& title) {
  return fmt::format("{}: {} rows by {} columns", title.empty() ? plane.title : title, plane.rows,
                     plane.columns);
}

/// What SVG and Chart.js draw of a chart.
struct ChartRange {
  double left = 0;
  double right = 1;
  double low = 0;
  double high = 1;
};

ChartRange range_of(const PageChart& chart) {
  ChartRange range;
  const auto& places = chart.horizontal.places;
  if (!places.empty()) {
    range.left = std::min(places.front(), places.back());
    range.right = std::max(places.front(), places.back());
  }
  if (!(range.left < range.right)) range.left -= 0.5, range.right += 0.5;
  if (chart.has_points) {
    const double air = 0.03 * (range.right - range.left);
    range.left -= air;
    range.right += air;
  }
  double low = std::numeric_limits<double>::infinity();
  double high = -low;
  for (const PageChart::Series& series : chart.series)
    for (const double value : series.values)
      if (std::isfinite(value)) low = std::min(low, value), high = std::max(high, value);
  if (chart.is_bars || chart.is_from_zero) low = std::min(low, 0.), high = std::max(high, 0.);
  if (!(low <= high)) low = 0, high = 1;
  if (low == high) low -= chart.is_bars ? 0 : 0.5, high += 0.5;
  const double air = (high - low) / 20;
  range.low = low == 0 && (chart.is_bars || chart.is_from_zero) ? 0 : low - air;
  range.high = high + air;
  return range;
}

/// Places of a drawing that is 1000 by 1000 units whatever its size on the page.
struct Projection {
  ChartRange range;
  [[nodiscard]] double x(double place) const {
    return 1000 * (place - range.left) / (range.right - range.left);
  }
  [[nodiscard]] double y(double value) const {
    return 1000 * (1 - (value - range.low) / (range.high - range.low));
  }
};

std::string bars_of(const PageChart& chart, const Projection& on) {
  std::string path;
  const auto& edges = chart.horizontal.places;
  const auto& values = chart.series.front().values;
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (!std::isfinite(values[i])) continue;
    const double left = on.x(edges[i]);
    const double right = on.x(edges[i + 1]);
    const double inset = std::min(1., 0.1 * (right - left));
    path += fmt::format("M{:.1f} {:.1f}V{:.1f}H{:.1f}V{:.1f}Z", left + inset, on.y(0),
                        on.y(values[i]), right - inset, on.y(0));
  }
  return fmt::format("<path class=\"bars\" d=\"{}\"/>", path);
}

std::string lines_of(const PageChart& chart, const Projection& on) {
  std::string svg;
  const auto& places = chart.horizontal.places;
  for (const PageChart::Series& series : chart.series) {
    std::string path, points;
    bool is_open = false;
    for (std::size_t i = 0; i < series.values.size(); ++i) {
      const double value = series.values[i];
      if (std::isfinite(value)) {
        path += fmt::format("{}{:.1f} {:.1f}", is_open ? "L" : "M", on.x(places[i]), on.y(value));
        if (chart.has_points || series.values.size() == 1)
          points += fmt::format("M{0:.1f} {1:.1f}L{0:.1f} {1:.1f}", on.x(places[i]), on.y(value));
      }
      is_open = std::isfinite(value);
    }
    // one line alone has the page's own colour
    const std::string color =
        chart.series.size() == 1 ? "var(--accent)" : to_hex(label_color(series.color));
    svg += fmt::format("<path class=\"line\" style=\"stroke:{}\" d=\"{}\"/>", color, path);
    if (!points.empty())
      svg += fmt::format("<path class=\"dots\" style=\"stroke:{}\" d=\"{}\"/>", color, points);
  }
  return svg;
}

std::string chart_data(const PageChart& chart, const ChartRange& range) {
  using Json = nlohmann::ordered_json;
  const auto number = [](double value) {
    return std::isfinite(value) ? Json(std::stod(fmt::format("{:.7g}", value))) : Json(nullptr);
  };
  Json json = {
      {"bars", chart.is_bars},
      {"points", chart.has_points},
      {"x", Json::array()},
      {"xTitle", chart.horizontal.title},
      {"yTitle", chart.vertical_title},
      {"range", {number(range.left), number(range.right), number(range.low), number(range.high)}},
      {"xTicks", Json::array()},
      {"series", Json::array()}};
  for (const double place : chart.horizontal.places) json["x"].push_back(number(place));
  for (const Tick& tick : place_ticks(chart))
    json["xTicks"].push_back({number(tick.value), tick.text});
  if (picture::are_dates(chart.horizontal.units)) {
    json["xTexts"] = Json::array();
    for (const double place : chart.horizontal.places)
      json["xTexts"].push_back(picture::place_text(place, chart.horizontal.units));
  }
  for (const PageChart::Series& series : chart.series) {
    Json values = Json::array();
    for (const double value : series.values) values.push_back(number(value));
    json["series"].push_back(
        {{"name", series.name},
         {"color",
          chart.series.size() == 1 ? Json(nullptr) : Json(to_hex(label_color(series.color)))},
         {"values", std::move(values)}});
  }
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

/// Lines behind what is drawn.
std::string grid_of(const std::vector<Mark>& vertical) {
  std::string path;
  for (const Mark& mark : vertical) path += fmt::format("M0 {0:.1f}H1000", 10 * mark.at);
  return fmt::format("<path class=\"grid\" d=\"{}\"/>", path);
}

}  // namespace

std::string plane_figure(const Plane& plane, const std::string& title,
                         const std::vector<double>& sizes) {
  if (plane.is_line()) {
    PageChart chart{.title = title.empty() ? plane.title : title,
                    .horizontal = plane.horizontal,
                    .vertical_title = {},
                    .series = {{.name = plane.title, .values = plane.values}}};
    for (const std::string& note : plane.notes)
      chart.note += (chart.note.empty() ? "" : "; ") + note;
    return chart_figure(chart);
  }
  const std::pair<double, double> range = serried::range_of(plane);
  Parts parts;
  parts.vertical_title = plane.vertical.title;
  parts.vertical_marks = marks_beside(marks_of_cells(plane.vertical, 6), "yticks");
  parts.horizontal_marks = marks_below(marks_of_cells(plane.horizontal, 6));
  parts.horizontal_title = plane.horizontal.title;
  parts.aspect = picture::aspect_of(plane);
  parts.area = fmt::format("<img alt=\"{}\" src=\"data:image/png;base64,{}\">",
                           escaped(alternative(plane, title)), base64(cells_png(plane, range)));
  std::vector<std::string> notes = plane.notes;
  if (plane.labels == 0) {
    parts.bar = color_bar(range);
    if (std::ranges::any_of(plane.values, [](double value) { return std::isnan(value); }))
      notes.emplace_back("grey: no value");
  }
  return fmt::format("<figure class=\"{}\">{}{}{}{}</figure>\n",
                     parts.aspect < 0.8 ? "map tall" : "map",
                     caption(title.empty() ? plane.title : title), plot(parts), notes_of(notes),
                     plane.labels > 0 ? key(plane, sizes) : "");
}

std::string chart_figure(const PageChart& chart) {
  const ChartRange range = range_of(chart);
  const Projection on{range};
  Parts parts;
  parts.vertical_title = chart.vertical_title;
  std::vector<Mark> vertical = marks_between(range.low, range.high, 5);
  turn_over(vertical);
  parts.vertical_marks = marks_beside(vertical, "yticks");
  parts.horizontal_marks = marks_below(marks_of(place_ticks(chart), range.left, range.right));
  parts.horizontal_title = chart.horizontal.title;
  parts.aspect = 1.9;
  parts.area = fmt::format(
      "<svg viewBox=\"0 0 1000 1000\" preserveAspectRatio=\"none\" role=\"img\" "
      "aria-label=\"{}\">{}{}</svg>",
      escaped(chart.title), grid_of(vertical),
      chart.is_bars ? bars_of(chart, on) : lines_of(chart, on));
  std::string names;
  if (chart.series.size() > 1) {
    names = "<div class=\"key\">";
    for (const PageChart::Series& series : chart.series)
      names += chip(to_hex(label_color(series.color)), series.name);
    names += "</div>";
  }
  return fmt::format(
      "<figure class=\"chart\">{}{}<div class=\"live\" hidden><canvas></canvas></div>{}{}"
      "<script type=\"application/json\">{}</script></figure>\n",
      caption(chart.title), plot(parts), names, notes_of({chart.note}),
      json_in_html(chart_data(chart, range)));
}

}  // namespace serried::page
