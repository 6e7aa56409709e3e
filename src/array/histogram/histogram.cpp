#include "serried/array/histogram.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <string>
#include <utility>

#include "array/histogram/bin_edges.hpp"
#include "array/histogram/bin_rules.hpp"
#include "array/histogram/place_tables.hpp"
#include "array/histogram/weighed_rows.hpp"
#include "expr/promotion.hpp"
#include "serried/base/error.hpp"
#include "serried/base/half.hpp"

namespace serried {
namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

void check_axis(const BinAxis& axis) {
  if (!axis.edges.empty()) {
    if (axis.edges.size() < 2) throw InvalidArgument("a histogram needs two edges at least");
    for (std::size_t i = 0; i < axis.edges.size(); ++i)
      if (std::isnan(axis.edges[i]) || (i > 0 && axis.edges[i] < axis.edges[i - 1]))
        throw InvalidArgument("the edges of a histogram must ascend, but edge " +
                              std::to_string(i) + " does not");
    return;
  }
  if (axis.bins < 1)
    throw InvalidArgument("the number of bins must be 1 at least, but is " +
                          std::to_string(axis.bins));
  if (axis.low.has_value() != axis.high.has_value())
    throw InvalidArgument("the range of a histogram needs both ends");
  if (!axis.low) return;
  if (!std::isfinite(*axis.low) || !std::isfinite(*axis.high) || *axis.low > *axis.high)
    throw InvalidArgument("the range of a histogram must be finite and ascending, but is " +
                          std::to_string(*axis.low) + " to " + std::to_string(*axis.high));
  if (axis.is_logarithmic && !(*axis.low > 0 && *axis.low < *axis.high))
    throw InvalidArgument("the range of logarithmic bins must lie above 0, but is " +
                          std::to_string(*axis.low) + " to " + std::to_string(*axis.high));
}

std::vector<BinAxis> checked_axes(const HistogramOptions& options, std::size_t dimensions) {
  std::vector<BinAxis> axes = options.axes;
  if (axes.empty()) axes.emplace_back();
  for (const BinAxis& axis : axes) {
    check_axis(axis);
    if (axis.rule && (dimensions > 1 || options.weights != nullptr || axis.is_logarithmic))
      throw InvalidArgument(
          "a rule for the number of bins is for one axis of equidistant bins, without weights");
  }
  if (axes.size() == 1) axes.resize(dimensions, axes.front());
  std::int64_t places = 1;
  for (const BinAxis& axis : axes) {
    const std::int64_t bins =
        axis.edges.empty() ? axis.bins : static_cast<std::int64_t>(axis.edges.size()) - 1;
    if (bins > most_places / places)
      throw InvalidArgument("a histogram of more than " + std::to_string(most_places) +
                            " bins is not made");
    places *= bins;
  }
  return axes;
}

/// Elements of several sources, or of the columns of one.
std::vector<TableColumn> columns_of(std::span<const TileSource* const> coordinates,
                                    std::size_t axes) {
  if (coordinates.empty()) throw InvalidArgument("a histogram needs data");
  const std::size_t most = max_dimensions;
  std::vector<TableColumn> columns;
  if (coordinates.size() == 1 && axes > 1) {
    const TileSource& rows = *coordinates.front();
    if (rows.row_elements() != static_cast<std::int64_t>(axes))
      throw InvalidArgument("a histogram over " + std::to_string(axes) +
                            " axes needs as many numbers in a row, but " + rows.describe() +
                            " has " + std::to_string(rows.row_elements()));
    for (std::size_t j = 0; j < axes; ++j)
      columns.push_back({.source = &rows,
                         .stride = static_cast<std::int64_t>(axes),
                         .offset = static_cast<std::int64_t>(j)});
  } else {
    if (axes > 1 && axes != coordinates.size())
      throw InvalidArgument(std::to_string(axes) + " axes of bins are given for " +
                            std::to_string(coordinates.size()) + " coordinates");
    for (const TileSource* source : coordinates) columns.push_back({.source = source});
  }
  if (columns.size() > most)
    throw InvalidArgument("a histogram has at most " + std::to_string(most) + " axes");
  return columns;
}

std::vector<double> logarithmic_edges(double low, double high, std::int64_t bins,
                                      bool is_range_of_data) {
  std::vector<double> edges(static_cast<std::size_t>(bins) + 1);
  const double first = std::log10(low);
  const double step = (std::log10(high) - first) / static_cast<double>(bins);
  for (std::int64_t i = 0; i <= bins; ++i)
    edges[static_cast<std::size_t>(i)] = std::pow(10, first + static_cast<double>(i) * step);
  edges.front() = low;
  edges.back() = high;
  for (std::size_t i = 1; i < edges.size(); ++i) {
    if (edges[i - 1] < edges[i]) continue;
    const std::string text =
        "the range of logarithmic bins is too narrow for " + std::to_string(bins) + " of them";
    if (is_range_of_data) throw DataError(text);
    throw InvalidArgument(text);
  }
  return edges;
}

class HistogramPass {
 public:
  HistogramPass(const Context& ctx, const WeighedRows& rows, std::vector<BinAxis> axes)
      : ctx_(ctx), rows_(rows), axes_(std::move(axes)) {
    edge_dtypes_.assign(axes_.size(), DType::f64);
    dtype_ = rows.columns().front().source->dtype();
    for (std::size_t a = 1; a < axes_.size(); ++a)
      dtype_ = promote(dtype_, rows.columns()[a].source->dtype());
  }

  /// Ranges of data and weights. Collective.
  void find_ranges() {
    bool is_needed = false;
    std::vector<double> bounds(rows_.columns().size(), -infinity);
    for (std::size_t a = 0; a < axes_.size(); ++a) {
      is_needed = is_needed || (axes_[a].edges.empty() && !axes_[a].low);
      if (axes_[a].is_logarithmic) bounds[a] = 0;
    }
    std::vector<NumberExtent> extents(rows_.columns().size());
    if (is_needed) extents = rows_.extents(bounds);
    const bool has_weights = rows_.has_weights();
    if (is_needed || has_weights)
      ctx_.recorder().set_fact("reads of the data",
                               is_needed && has_weights
                                   ? "3 (the first two for the ranges of bins and of weights)"
                               : is_needed ? "2 (the first one for ranges)"
                                           : "2 (the first one for the range of weights)");
    for (std::size_t a = 0; a < axes_.size(); ++a) {
      edges_.push_back(edges_of(a, extents[a]));
      searches_.emplace_back();
      if (!is_uniform(a)) searches_.back().emplace(edges_.back());
    }
    if (has_weights) unit_.emplace(rows_.largest_weight(weights_in_bins()), rows_.elements());
  }

  [[nodiscard]] const std::vector<DType>& edge_dtypes() const noexcept { return edge_dtypes_; }

  HistogramTable count() {
    HistogramTable table;
    std::vector<std::int64_t> extents;
    std::int64_t places = 1;
    for (const std::vector<double>& edges : edges_) {
      extents.push_back(static_cast<std::int64_t>(edges.size()) - 1);
      places *= extents.back();
    }
    PlaceTables tables(ctx_, places, unit_);
    const bool is_plain = axes_.size() == 1 && is_uniform(0) && !rows_.has_weights() &&
                          rows_.columns().front().stride == 1;
    rows_.read([&](const TableRun& run, int worker) {
      if (is_plain)
        tables.add_counts(worker, [&](std::span<std::int64_t> counts) {
          kernels_of(0).add(run.columns[0], run.count, 1, places, edges_.front(), counts);
        });
      else
        count_run(run, tables, worker);
    });
    table.shape = Shape(std::span<const std::int64_t>(extents));
    if (rows_.has_weights())
      table.sums = tables.sums();
    else
      table.counts = tables.counts();
    table.edges = edges_;
    return table;
  }

 private:
  [[nodiscard]] bool is_uniform(std::size_t axis) const {
    return axes_[axis].edges.empty() && !axes_[axis].is_logarithmic;
  }
  [[nodiscard]] const HistogramKernels& kernels_of(std::size_t column) const {
    return ctx_.backend()->kernels<HistogramKernels>(rows_.columns()[column].source->dtype());
  }

  [[nodiscard]] std::vector<double> edges_of(std::size_t a, const NumberExtent& extent) {
    const BinAxis& axis = axes_[a];
    if (!axis.edges.empty()) return axis.edges;
    const bool is_of_data = !axis.low;
    // without numbers NumPy takes 0 to 1
    const bool is_empty = extent.low > extent.high;
    const double low = axis.low.value_or(is_empty ? (axis.is_logarithmic ? 0.1 : 0) : extent.low);
    const double high = axis.high.value_or(is_empty ? 1 : extent.high);
    if (!std::isfinite(low) || !std::isfinite(high))
      throw DataError("the range of a histogram of " + rows_.columns()[a].source->describe() +
                      " cannot be found: there are infinite values (give a range)");
    if (axis.is_logarithmic) return logarithmic_edges(low, high, axis.bins, is_of_data);
    const bool is_found = is_of_data && !is_empty;
    const double wider = low == high ? 0.5 : 0;  // as the edges are
    const std::int64_t bins = axis.rule ? count_bins_by(ctx_, *rows_.columns()[a].source,
                                                        *axis.rule, low - wider, high + wider)
                                        : axis.bins;
    // numpy.histogramdd takes a range as it is given
    const DType dtype = axes_.size() > 1 && !is_found ? DType::f64 : dtype_;
    if (is_floating(dtype)) edge_dtypes_[a] = dtype;
    return make_bin_edges(dtype, low, high, bins, is_found);
  }

  /// Calls use(places, weights) for pieces of a run; a place is negative outside of the bins.
  template <class Use>
  void find_places(const TableRun& run, const Use& use) const {
    std::vector<std::int64_t> places;
    rows_.for_each_piece(run, [&](std::int64_t first, std::int64_t count, const double* weights) {
      places.assign(static_cast<std::size_t>(count), 0);
      for (std::size_t a = 0; a < axes_.size(); ++a) {
        const TableColumn& column = rows_.columns()[a];
        const auto bytes = static_cast<std::int64_t>(size_of(column.source->dtype()));
        kernels_of(a).find(run.columns[a] + first * column.stride * bytes, column.stride, edges_[a],
                           searches_[a] ? &*searches_[a] : nullptr, places);
      }
      use(std::span<const std::int64_t>(places), weights);
    });
  }

  void count_run(const TableRun& run, PlaceTables& tables, int worker) const {
    find_places(run, [&](std::span<const std::int64_t> places, const double* weights) {
      tables.add(places, weights, worker);
    });
  }

  /// The extent of the weights that are added up: what stands beside them, such as a fill value
  /// where there is no number, must not make the unit of the sums coarse. Collective.
  [[nodiscard]] NumberExtent weights_in_bins() const {
    std::vector<NumberExtent> of_worker(
        static_cast<std::size_t>(ctx_.backend()->threads().threads()));
    rows_.read([&](const TableRun& run, int worker) {
      NumberExtent& own = of_worker[static_cast<std::size_t>(worker)];
      find_places(run, [&](std::span<const std::int64_t> places, const double* weights) {
        for (std::size_t i = 0; i < places.size(); ++i) {
          if (places[i] < 0) continue;
          own.low = std::min(own.low, weights[i]);
          own.high = std::max(own.high, weights[i]);
          own.nan_count += weights[i] != weights[i] ? 1 : 0;
        }
      });
    });
    NumberExtent all;
    for (const NumberExtent& own : of_worker) {
      all.low = std::min(all.low, own.low);
      all.high = std::max(all.high, own.high);
      all.nan_count += own.nan_count;
    }
    return combined(ctx_, {all}).front();
  }

  const Context& ctx_;
  const WeighedRows& rows_;
  std::vector<BinAxis> axes_;
  DType dtype_ = DType::f64;
  std::vector<std::vector<double>> edges_;
  std::vector<DType> edge_dtypes_;                  ///< in which NumPy has them
  std::vector<std::optional<BinSearch>> searches_;  ///< of edges of any widths
  std::optional<WeightUnit> unit_;
};

/// A bin's width, as NumPy has it of edges of a dtype.
double width_in(DType dtype, double low, double high) {
  if (dtype == DType::f64) return high - low;
  const auto width = static_cast<float>(high - low);
  return static_cast<double>(dtype == DType::f16 ? to_float(to_half(width)) : width);
}

/// value / total / volume, in NumPy's order of operations.
std::vector<double> density_of(const HistogramTable& table, const std::vector<DType>& dtypes) {
  std::vector<double> density = table.sums;
  for (const std::int64_t count : table.counts) density.push_back(static_cast<double>(count));
  long double total = 0;
  for (const double value : density) total += static_cast<long double>(value);
  for (std::size_t i = 0; i < density.size(); ++i) {
    auto rest = static_cast<std::int64_t>(i);
    double volume = 1;
    for (int a = table.shape.dimensions() - 1; a >= 0; --a) {
      const auto& edges = table.edges[static_cast<std::size_t>(a)];
      const auto bin = static_cast<std::size_t>(rest % table.shape[a]);
      rest /= table.shape[a];
      volume *= width_in(dtypes[static_cast<std::size_t>(a)], edges[bin], edges[bin + 1]);
    }
    density[i] = density[i] / volume / static_cast<double>(total);
  }
  return density;
}

}  // namespace

HistogramTable histogram(const Context& ctx, std::span<const TileSource* const> coordinates,
                         const HistogramOptions& options) {
  std::vector<TableColumn> columns = columns_of(coordinates, options.axes.size());
  std::vector<BinAxis> axes = checked_axes(options, columns.size());
  const WeighedRows rows(ctx, "histogram", std::move(columns), options.weights);
  HistogramPass pass(ctx, rows, std::move(axes));
  pass.find_ranges();
  HistogramTable table = pass.count();
  if (options.is_density) table.density = density_of(table, pass.edge_dtypes());
  return table;
}

HistogramTable histogram(const Context& ctx, const TileSource& source,
                         const HistogramOptions& options) {
  const TileSource* const one = &source;
  return histogram(ctx, std::span(&one, 1), options);
}

}  // namespace serried
