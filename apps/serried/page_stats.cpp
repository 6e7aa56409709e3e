#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "page_output.hpp"
#include "page_text.hpp"
#include "serried/base/error.hpp"
#include "serried/report/picture.hpp"

namespace serried::app {
namespace {

constexpr std::size_t most_fields = 12;
constexpr std::size_t most_columns = 12;  // with a histogram each
constexpr std::size_t most_table_rows = 200;
constexpr std::int64_t line_values = 1500;

using Cell = PageTable::Cell;

bool is_finite(const Statistics& s) {
  return s.count > 0 && std::isfinite(s.min) && std::isfinite(s.max) &&
         std::isfinite(s.max - s.min);
}

/// Bins for people: one for each integer where they are few, else 40 between minimum and maximum.
StatisticsOptions bins_for(DType dtype, const Statistics& s) {
  constexpr double few = 64;
  StatisticsOptions options{.bins = 40, .range_low = s.min, .range_high = s.max};
  if (!is_floating(dtype) && s.max - s.min < few) {
    options.bins = static_cast<std::int64_t>(s.max - s.min) + 1;
    options.range_low = s.min - 0.5;
    options.range_high = s.max + 0.5;
  }
  return options;
}

/// The histogram that was asked for, or one for the page: one more read.
std::optional<Histogram> histogram_of(const Session& session, const StatsResult& result) {
  const Statistics& s = result.statistics.front();
  if (s.histogram || !is_finite(s)) return s.histogram;
  return compute_statistics(session.ctx, *result.rows, bins_for(result.dtype, s)).front().histogram;
}

/// Of each column, where they are few.
std::vector<std::optional<Histogram>> histograms_of(const Session& session,
                                                    const StatsResult& result) {
  std::vector<std::optional<Histogram>> histograms;
  for (const Statistics& s : result.statistics) histograms.push_back(s.histogram);
  if (histograms.size() > most_columns) histograms.resize(most_columns);
  const bool has_some =
      std::ranges::any_of(histograms, [](const auto& h) { return h.has_value(); });
  if (has_some || result.statistics.size() > most_columns ||
      !std::ranges::all_of(result.statistics, is_finite))
    return histograms;
  try {
    const auto statistics =
        compute_statistics(session.ctx, *result.rows, {.by_column = true, .bins = 30});
    for (std::size_t i = 0; i < statistics.size(); ++i) histograms[i] = statistics[i].histogram;
  } catch (const DataError&) {
    // a column that is too narrow for its bins; all ranks find it alike
  }
  return histograms;
}

PageChart chart_of(const Histogram& histogram, const std::string& title, const std::string& axis) {
  return histogram_chart(histogram.edges, {histogram.counts.begin(), histogram.counts.end()}, title,
                         axis, "count");
}

std::vector<Cell> cells_of(DType dtype, const Statistics& s) {
  return {{grouped_digits(s.count)}, {grouped_digits(s.nan_count)}, {min_text(dtype, s)},
          {max_text(dtype, s)},      {number_text(s.mean)},         {number_text(s.std)},
          {number_text(s.skewness)}, {number_text(s.kurtosis)}};
}

const std::vector<std::string> statistics_header = {"count", "NaN", "min",      "max",
                                                    "mean",  "std", "skewness", "kurtosis"};

void add_quantiles(const StatsResult& result, std::size_t column, std::vector<Cell>& row) {
  for (std::size_t i = 0; i < result.q.size(); ++i)
    row.push_back({number_text(result.quantile(i, column))});
}

void add_headers(const std::vector<double>& q, PageTable& table) {
  table.header.insert(table.header.end(), statistics_header.begin(), statistics_header.end());
  for (const double each : q) table.header.push_back(fmt::format("q {:g}", each));
}

PageTable overview_of(const StatsCommand& command, const std::vector<StatsResult>& results) {
  PageTable table{.header = {"dataset", "shape", "type"}};
  add_headers(command.quantiles, table);
  for (std::size_t i = 0; i < results.size(); ++i) {
    const StatsResult& result = results[i];
    if (result.is_by_column) continue;
    std::vector<Cell> row = {{short_address(command.addresses[i])},
                             {extents_text(result.shape)},
                             {std::string(name(result.dtype))}};
    for (Cell& cell : cells_of(result.dtype, result.statistics.front()))
      row.push_back(std::move(cell));
    add_quantiles(result, 0, row);
    table.rows.push_back(std::move(row));
  }
  return table;
}

PageTable columns_of(const StatsResult& result) {
  PageTable table{.header = {"column"}};
  add_headers(result.q, table);
  for (std::size_t i = 0; i < std::min(most_table_rows, result.statistics.size()); ++i) {
    std::vector<Cell> row = {{fmt::format("{}", i)}};
    for (Cell& cell : cells_of(result.dtype, result.statistics[i])) row.push_back(std::move(cell));
    add_quantiles(result, i, row);
    table.rows.push_back(std::move(row));
  }
  return table;
}

PlaneLimits limits_for(const PlaneAxes& axes, PlaneLimits limits) {
  if (axes.vertical < 0) limits.side = line_values;
  return limits;
}

/// One dataset: field, histograms and, by column, the table.
void add_dataset(const Session& session, Page& page, const Address& address,
                 const StatsResult& result, const PlaneLimits& limits) {
  const Field field = open_field(session.ctx, address, session.common().untrusted);
  const std::string what = with_units(field.title, field.units);
  page.add_heading(short_address(address));
  page.add_paragraph(fmt::format(
      "{}: {} numbers, {}{}.", what, extents_text(result.shape), name(result.dtype),
      result.file_type == name(result.dtype) ? "" : " (in the file: " + result.file_type + ")"));
  page.begin_row();
  if (const auto axes = plane_axes(field.data.shape()))
    page.add_plane(read_plane(session.ctx, field, *axes, limits_for(*axes, limits)));
  if (result.is_by_column) {
    const auto histograms = histograms_of(session, result);
    for (std::size_t i = 0; i < histograms.size(); ++i)
      if (histograms[i])
        page.add_chart(chart_of(*histograms[i], fmt::format("Histogram of column {}", i), what));
  } else if (const auto histogram = histogram_of(session, result)) {
    page.add_chart(chart_of(*histogram, "Histogram", what));
  }
  page.end_row();
  if (!result.is_by_column) return;
  page.add_table(columns_of(result));
  if (result.statistics.size() > most_table_rows)
    page.add_paragraph(fmt::format("{} more columns are not shown; --json has them all.",
                                   result.statistics.size() - most_table_rows));
}

}  // namespace

void claim_stats_extras(const Session& session, const StatsCommand& command) {
  if (!session.extras.has_any()) return;
  std::vector<std::string> inputs;
  for (const Address& address : command.addresses) {
    const auto phase = session.ctx.recorder().phase("read");
    const Dataset dataset = Dataset::open(
        session.ctx, address,
        {.samples = {.kind = SampleAxes::Kind::all}, .untrusted = session.common().untrusted});
    inputs.insert(inputs.end(), dataset.files().begin(), dataset.files().end());
    if (session.extras.has_picture() && &address == &command.addresses.front() &&
        !plane_axes(dataset.shape()))
      throw InvalidArgument(fmt::format("--picture: there is no picture of {}, whose shape is {}",
                                        address.text, dataset.shape().to_string()));
  }
  session.extras.claim(session.ctx, inputs, {});
}

void fill_page(const Session& session, const StatsCommand& command,
               const std::vector<StatsResult>& results) {
  session.extras.keep_run(session);
  const auto phase = session.ctx.recorder().phase("report");
  if (session.extras.has_picture()) {
    const Field field =
        open_field(session.ctx, command.addresses.front(), session.common().untrusted);
    const PlaneAxes axes = *plane_axes(field.data.shape());
    const Plane plane = read_plane(session.ctx, field, axes, limits_for(axes, {}));
    if (session.ctx.rank() == 0) session.extras.set_picture(picture_png(plane));
  }
  if (!session.extras.has_page()) return;
  Page& page = session.extras.begin_page(
      session, "serried stats",
      fmt::format("Statistics of {}{}.", names_text(command.addresses),
                  command.where.empty() ? "" : ", where " + command.where));
  page.add_heading("Result");
  const PageTable overview = overview_of(command, results);
  if (!overview.rows.empty()) page.add_table(overview);
  const std::size_t shown = std::min(most_fields, results.size());
  for (std::size_t i = 0; i < shown; ++i)
    add_dataset(session, page, command.addresses[i], results[i], page_limits(shown));
  if (shown < results.size())
    page.add_paragraph(
        fmt::format("Pictures of {} more datasets are left out.", results.size() - shown));
}

}  // namespace serried::app
