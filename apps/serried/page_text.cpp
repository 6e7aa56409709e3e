#include "page_text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>

#include "array_text.hpp"

namespace serried::app {
namespace {

std::string extremum_text(DType dtype, const Statistics& s, double value, std::int64_t integer) {
  if (s.count == 0 || is_floating(dtype)) return number_text(value);
  if (dtype == DType::u64) return fmt::format("{}", static_cast<std::uint64_t>(integer));
  return fmt::format("{}", integer);
}

}  // namespace

std::string number_text(double value) {
  return real_text(value, 8);
}

std::string min_text(DType dtype, const Statistics& statistics) {
  return extremum_text(dtype, statistics, statistics.min, statistics.min_integer);
}

std::string max_text(DType dtype, const Statistics& statistics) {
  return extremum_text(dtype, statistics, statistics.max, statistics.max_integer);
}

std::string extents_text(const Shape& shape) {
  if (shape.dimensions() == 0) return "one number";
  std::string text;
  for (const std::int64_t extent : shape.extents())
    text += (text.empty() ? "" : " \u00d7 ") + grouped_digits(extent);
  return text;
}

std::string short_address(const Address& address) {
  const std::string& text = address.text;
  const std::size_t folder = address.path.rfind('/');
  const bool is_as_typed = text.starts_with(address.path);
  return folder == std::string::npos || !is_as_typed ? text : text.substr(folder + 1);
}

std::string names_text(const std::vector<Address>& addresses) {
  constexpr std::size_t most = 3;
  if (addresses.size() > most) return fmt::format("{} datasets", addresses.size());
  std::string text;
  for (std::size_t i = 0; i < addresses.size(); ++i)
    text += (i == 0 ? "" : i + 1 < addresses.size() ? ", " : " and ") + short_address(addresses[i]);
  return text;
}

std::string share_text(std::int64_t part, std::int64_t whole) {
  return fmt::format("{:.1f} %", 100 * static_cast<double>(part) /
                                     static_cast<double>(std::max<std::int64_t>(1, whole)));
}

PageChart histogram_chart(const std::vector<double>& edges, const std::vector<double>& values,
                          const std::string& title, const std::string& axis,
                          const std::string& values_title) {
  constexpr std::int64_t most_bars = 200;
  PageChart chart{.title = title, .vertical_title = values_title, .is_bars = true};
  chart.horizontal.title = axis;
  const auto bins = static_cast<std::int64_t>(values.size());
  const std::int64_t together = (bins + most_bars - 1) / most_bars;
  PageChart::Series series{.name = values_title};
  for (std::int64_t i = 0; i < bins; i += together) {
    chart.horizontal.places.push_back(edges[static_cast<std::size_t>(i)]);
    double sum = 0;
    for (std::int64_t j = i; j < std::min(bins, i + together); ++j)
      sum += values[static_cast<std::size_t>(j)];
    series.values.push_back(sum);
  }
  chart.horizontal.places.push_back(edges.back());
  if (together > 1) chart.note = fmt::format("{} bins, {} of them together", bins, together);
  chart.series.push_back(std::move(series));
  return chart;
}

PlaneLimits page_limits(std::size_t pictures) {
  constexpr std::int64_t all = 720000;  // cells, of about a byte each where they are noise
  constexpr std::int64_t most = 360000;
  const auto count = static_cast<std::int64_t>(std::max<std::size_t>(1, pictures));
  return {.cells = std::min(most, all / count), .side = 1500};
}

}  // namespace serried::app
