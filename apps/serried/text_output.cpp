#include "text_output.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "array_text.hpp"

namespace serried::app {
namespace {

constexpr std::size_t most_rows = 40;
constexpr std::int64_t most_features = 6;

using Row = std::vector<std::string>;

/// Columns to the right, the first to the left.
std::string table(const std::vector<Row>& rows) {
  std::vector<std::size_t> widths;
  for (const Row& row : rows) {
    widths.resize(std::max(widths.size(), row.size()));
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  }
  std::string text;
  for (const Row& row : rows) {
    for (std::size_t i = 0; i < row.size(); ++i)
      text += i == 0 ? fmt::format("  {:<{}}", row[i], widths[i])
                     : fmt::format("  {:>{}}", row[i], widths[i]);
    text += '\n';
  }
  return text;
}

std::string number(double value) {
  return real_text(value, 8);
}

std::string extremum(DType dtype, const Statistics& s, double value, std::int64_t integer) {
  if (s.count == 0 || is_floating(dtype)) return number(value);
  if (dtype == DType::u64) return fmt::format("{}", static_cast<std::uint64_t>(integer));
  return fmt::format("{}", integer);
}

std::string count_text(std::int64_t count) {
  return fmt::format("{}", count);
}
std::string count_text(double sum) {
  return number(sum);
}

/// @param counts or sums; there is no bar for those below 0.
template <class T>
std::string histogram_text(const std::vector<double>& edges, const std::vector<T>& counts,
                           const char* title = "count") {
  const double most = static_cast<double>(*std::max_element(counts.begin(), counts.end()));
  std::vector<Row> rows = {{"bin from", "to", title, ""}};
  for (std::size_t i = 0; i < counts.size(); ++i) {
    const double share = most > 0 ? std::max(0.0, static_cast<double>(counts[i]) / most) : 0;
    std::string bar(static_cast<std::size_t>(std::ceil(40 * share)), '#');
    bar.resize(40, ' ');
    rows.push_back({number(edges[i]), number(edges[i + 1]), count_text(counts[i]), std::move(bar)});
  }
  return table(rows);
}

std::string more_rows(std::size_t rows) {
  return rows > most_rows ? fmt::format("  ... {} more (--json has them all)\n", rows - most_rows)
                          : "";
}

std::string quantile_name(double q) {
  return fmt::format("q {:g}", q);
}

std::string by_column_text(const StatsResult& result) {
  std::vector<Row> rows = {
      {"column", "count", "NaN", "min", "max", "mean", "std", "skewness", "kurtosis"}};
  for (const double q : result.q) rows.front().push_back(quantile_name(q));
  for (std::size_t c = 0; c < std::min(most_rows, result.statistics.size()); ++c) {
    const Statistics& s = result.statistics[c];
    rows.push_back({fmt::format("{}", c), fmt::format("{}", s.count),
                    fmt::format("{}", s.nan_count), extremum(result.dtype, s, s.min, s.min_integer),
                    extremum(result.dtype, s, s.max, s.max_integer), number(s.mean), number(s.std),
                    number(s.skewness), number(s.kurtosis)});
    for (std::size_t i = 0; i < result.q.size(); ++i)
      rows.back().push_back(number(result.quantile(i, c)));
  }
  return table(rows) + more_rows(result.statistics.size());
}

}  // namespace

std::string to_text(const StatsResult& result) {
  std::string text =
      fmt::format("{}  {} {}\n", result.address, result.shape.to_string(), name(result.dtype));
  if (!result.where.empty()) text += fmt::format("  where {}\n", result.where);
  if (result.is_by_column) {
    text += by_column_text(result);
    for (std::size_t c = 0; c < std::min(most_rows, result.statistics.size()); ++c)
      if (result.statistics[c].histogram)
        text += fmt::format("  column {}\n", c) +
                histogram_text(result.statistics[c].histogram->edges,
                               result.statistics[c].histogram->counts);
    return text;
  }
  const Statistics& s = result.statistics.front();
  std::vector<Row> rows = {{"count", fmt::format("{}", s.count)},
                           {"NaN", fmt::format("{}", s.nan_count)},
                           {"min", extremum(result.dtype, s, s.min, s.min_integer)},
                           {"max", extremum(result.dtype, s, s.max, s.max_integer)},
                           {"mean", number(s.mean)},
                           {"variance", number(s.variance)},
                           {"std", number(s.std)},
                           {"skewness", number(s.skewness)},
                           {"kurtosis", number(s.kurtosis)}};
  for (std::size_t i = 0; i < result.q.size(); ++i)
    rows.push_back({quantile_name(result.q[i]), number(result.quantile(i, 0))});
  text += table(rows);
  return s.histogram ? text + histogram_text(s.histogram->edges, s.histogram->counts) : text;
}

std::vector<double> values_of(const HistogramResult& result) {
  if (result.weights) return result.table.sums;
  return {result.table.counts.begin(), result.table.counts.end()};
}

std::string to_text(const HistogramResult& result) {
  const HistogramTable& found = result.table;
  std::string text;
  for (std::size_t a = 0; a < result.addresses.size(); ++a)
    text += fmt::format("{}  {} {}  {} bins{} from {} to {}\n", result.addresses[a].text,
                        result.shape.to_string(), name(result.dtype), found.edges[a].size() - 1,
                        result.is_logarithmic ? ", logarithmic," : "",
                        number(found.edges[a].front()), number(found.edges[a].back()));
  if (result.weights) text += fmt::format("  sums of {}\n", result.weights->text);
  if (result.outside > 0)
    text += fmt::format("  {} elements lie outside, or are NaN\n", result.outside);
  if (result.addresses.size() == 1)
    return text + (result.weights ? histogram_text(found.edges.front(), found.sums, "sum")
                                  : histogram_text(found.edges.front(), found.counts));
  const std::vector<double> values = values_of(result);
  const auto top = static_cast<std::int64_t>(std::ranges::max_element(values) - values.begin());
  const auto i = static_cast<std::size_t>(top / found.shape[1]);
  const auto j = static_cast<std::size_t>(top % found.shape[1]);
  const auto empty = std::ranges::count(values, 0.0);
  return text + fmt::format(
                    "  {} of {} bins are empty; the fullest has {}: {} to {}, {} to {}\n"
                    "  --json has them all, --picture draws them\n",
                    empty, values.size(), number(values[static_cast<std::size_t>(top)]),
                    number(found.edges[0][i]), number(found.edges[0][i + 1]),
                    number(found.edges[1][j]), number(found.edges[1][j + 1]));
}

std::string to_text(const std::vector<ReduceResult>& results) {
  std::size_t width = 0;
  std::size_t value_width = 0;
  for (const ReduceResult& result : results) {
    width = std::max(width, result.text.size());
    if (result.value.shape().dimensions() == 0)
      value_width = std::max(value_width, element_text(result.value, 0).size());
  }
  std::string text;
  for (const ReduceResult& result : results) {
    const Shape& shape = result.value.shape();
    const std::string_view type = name(result.value.dtype());
    if (shape.dimensions() == 0)
      text += fmt::format("  {:<{}}  {:>{}}  {}\n", result.text, width,
                          element_text(result.value, 0), value_width, type);
    else
      text += fmt::format("  {:<{}}  {} {}\n", result.text, width, shape.to_string(), type) +
              array_text(result.value, "    ");
  }
  return text;
}

std::string to_text(const std::vector<EvalResult>& results) {
  std::string text;
  for (const EvalResult& result : results)
    text += fmt::format("{}\n  {}:{}  {} {}\n", result.text, result.output.path,
                        result.output.object, result.shape.to_string(), name(result.dtype));
  return text;
}

std::string to_text(const SelectResult& result) {
  return fmt::format("{}  {} {}\n  {} {}\n  {}:{}  {}\n", result.address,
                     result.source_shape.to_string(), name(result.dtype), result.verb,
                     result.selection, result.output.path, result.output.object,
                     result.shape.to_string());
}

std::string to_text(const SortResult& result) {
  std::string text = fmt::format("{}  {} {}\n  sorted along axis {}, {}\n  {}:{}\n", result.address,
                                 result.shape.to_string(), name(result.dtype), result.axis,
                                 result.is_descending ? "descending" : "ascending",
                                 result.output.path, result.output.object);
  if (result.indices)
    text += fmt::format("  {}:{}  indices\n", result.indices->path, result.indices->object);
  return text;
}

std::string to_text(const UniqueResult& result) {
  std::string text =
      fmt::format("{}  {} {}\n  {} different value{}\n", result.address, result.shape.to_string(),
                  name(result.dtype), result.total, result.total == 1 ? "" : "s");
  std::vector<Row> rows;
  if (result.counts) rows.push_back({"value", "count"});
  const std::int64_t shown = result.values.shape()[0];
  for (std::int64_t i = 0; i < shown; ++i) {
    rows.push_back({element_text(result.values, i)});
    if (result.counts) rows.back().push_back(element_text(*result.counts, i));
  }
  text += table(rows);
  if (shown < result.total)
    text += fmt::format("  ... {} more (--limit, or --output for all)\n", result.total - shown);
  if (result.output) text += fmt::format("  {}:{}\n", result.output->path, result.output->object);
  return text;
}

std::string clusters_text(const KMeansModel& model, const std::vector<std::int64_t>& sizes,
                          std::int64_t rows_used) {
  std::vector<Row> rows = {{"cluster", "size", "share", "centre"}};
  // Centres that are wider than memory come with their first features alone.
  const std::int64_t known = static_cast<std::int64_t>(model.centers.size()) / model.clusters;
  const std::int64_t shown = std::min(known, most_features);
  for (std::int64_t c = 0; c < std::min<std::int64_t>(model.clusters, most_rows); ++c) {
    const std::int64_t size = sizes[static_cast<std::size_t>(c)];
    Row row = {
        fmt::format("{}", c), fmt::format("{}", size),
        fmt::format("{:.1f} %", 100 * static_cast<double>(size) /
                                    static_cast<double>(std::max<std::int64_t>(1, rows_used)))};
    for (std::int64_t f = 0; f < shown; ++f)
      row.push_back(number(model.centers[static_cast<std::size_t>(c * known + f)]));
    if (shown < model.features) row.push_back("...");
    rows.push_back(std::move(row));
  }
  return table(rows) + more_rows(static_cast<std::size_t>(model.clusters));
}

std::string to_text(const KMeansRange& range) {
  const auto score = [](const std::optional<double>& value) {
    return value ? fmt::format("{:.6g}", *value) : std::string("-");
  };
  std::vector<Row> rows = {
      {"clusters", "inertia", "iterations", "silhouette", "Davies-Bouldin", "Calinski-Harabasz"}};
  for (std::size_t i = 0; i < range.fits.size(); ++i) {
    const auto& [model, scores] = range.fits[i];
    rows.push_back(
        {fmt::format("{}{}", model.clusters, range.best == i ? " *" : ""), number(model.inertia),
         fmt::format("{}{}", model.iterations, model.converged ? "" : "+"),
         score(scores.silhouette), score(scores.davies_bouldin), score(scores.calinski_harabasz)});
  }
  std::string text = table(rows);
  if (std::ranges::any_of(range.fits, [](const auto& fit) { return !fit.model.converged; }))
    text += "  +: not converged (--max-iterations)\n";
  const auto& [model, scores] = range.chosen();
  if (!range.best)
    return text + fmt::format("  no fit has a silhouette; {} clusters are kept\n", model.clusters);
  return text + fmt::format("  *: best, by the silhouette of {} {} samples\n",
                            scores.silhouette_rows == model.rows_used ? "all" : "a draw of",
                            scores.silhouette_rows);
}

std::string to_text(const FileInfo& file) {
  std::string text = fmt::format("{}  {} bytes\n", file.path, file.bytes);
  for (const ObjectInfo& object : file.objects) {
    if (!object.link.empty()) {
      text += fmt::format("  {}  {}\n", object.path, object.link);
      continue;
    }
    if (object.type == "named type") {
      text += fmt::format("  {}  named type\n", object.path);
    } else if (object.is_group) {
      text += fmt::format("  {}{}\n", object.path, object.path == "/" ? "" : "/");
    } else {
      text += fmt::format("  {}  {} {}", object.path, object.shape.to_string(), object.type);
      if (!object.chunks.empty())
        text += fmt::format("  chunks {}", Shape(object.chunks).to_string());
      for (const std::string& filter : object.filters) text += ", " + filter;
      text += fmt::format("  {} bytes\n", object.stored_bytes);
    }
    for (const AttributeInfo& attribute : object.attributes) {
      const std::string value = attribute.value.substr(0, 80);
      text += fmt::format("      {} = {}{}\n", attribute.name, value,
                          value.size() < attribute.value.size() ? "..." : "");
    }
  }
  return text;
}

std::string to_text(const ProgramInfo& info) {
  std::string text = fmt::format("serried {} ({})\n{}\n{}\n{}\n", info.version, info.commit,
                                 info.configuration, info.mpi_library, info.hdf5_library);
  if (info.cuda) {
    const bool has_nccl = !info.nccl.empty() && info.nccl[0] >= '0' && info.nccl[0] <= '9';
    text +=
        fmt::format("CUDA driver {}, module built with CUDA {}, {}\n", info.cuda->driver,
                    info.cuda->runtime, has_nccl ? "NCCL " + info.nccl : "no NCCL: " + info.nccl);
    for (const CudaDeviceInfo& gpu : info.cuda->devices)
      text += fmt::format("GPU {}: {}, {}, {:.1f} GiB, {}, PCI {}{}\n", gpu.ordinal, gpu.name,
                          gpu.architecture, static_cast<double>(gpu.memory_bytes) / (1 << 30),
                          gpu.uuid, gpu.bus,
                          gpu.numa_node < 0 ? "" : fmt::format(", NUMA node {}", gpu.numa_node));
  }
  if (!info.device.empty()) text += fmt::format("device: {}\n", info.device);
  return text;
}

std::string to_text(const Seconds& seconds) {
  std::string text = "  seconds:";
  for (const auto& [name, value] : seconds) text += fmt::format(" {} {:.3f}", name, value);
  return text + '\n';
}

}  // namespace serried::app
