#include "serried/array/statistics.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <string>

#include "array/histogram/bin_edges.hpp"
#include "array/leaf_pass.hpp"
#include "serried/base/error.hpp"
#include "serried/base/order_key.hpp"
#include "serried/base/tree_nodes.hpp"
#include "serried/comm/agree.hpp"
#include "serried/device/histogram_kernels.hpp"
#include "serried/device/moment_kernels.hpp"

namespace serried {
namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();
constexpr std::int64_t default_bins = 10;
constexpr std::int64_t max_histogram_numbers = std::int64_t{1} << 31;

bool has_range(const StatisticsOptions& options) {
  return options.range_low.has_value();
}

std::int64_t bins_of(const StatisticsOptions& options) {
  return options.bins == 0 && has_range(options) ? default_bins : options.bins;
}

void check(const TileSource& source, const StatisticsOptions& options) {
  if (options.ddof < 0)
    throw InvalidArgument("ddof must not be negative, but is " + std::to_string(options.ddof));
  if (options.bins < 0)
    throw InvalidArgument("the number of bins must not be negative, but is " +
                          std::to_string(options.bins));
  if (options.range_low.has_value() != options.range_high.has_value())
    throw InvalidArgument("the range of a histogram needs both ends");
  if (has_range(options)) {
    const double low = *options.range_low;
    const double high = *options.range_high;
    if (!std::isfinite(low) || !std::isfinite(high) || low > high)
      throw InvalidArgument("the range of a histogram must be finite and ascending, but is " +
                            std::to_string(low) + " to " + std::to_string(high));
  }
  if (!is_real(source.dtype()))
    throw DataError("statistics need real numbers, but " + source.describe() + " has dtype " +
                    std::string(name(source.dtype())));
  const std::int64_t columns = options.by_column ? source.row_elements() : 1;
  if (columns != 0 && bins_of(options) > max_histogram_numbers / columns)
    throw InvalidArgument(std::to_string(bins_of(options)) + " bins for each of " +
                          std::to_string(columns) + " columns are more than " +
                          std::to_string(max_histogram_numbers) + " counts");
}

// Both passes over the data: moments, and the histogram with or after them.
class StatisticsPass {
 public:
  StatisticsPass(const Context& ctx, const TileSource& source, const StatisticsOptions& options)
      : ctx_(ctx),
        source_(source),
        row_elements_(source.row_elements()),
        columns_(options.by_column ? row_elements_ : 1),
        bins_(bins_of(options)),
        leaves_(source.layout(), source.row_bytes(),
                columns_ * static_cast<std::int64_t>(sizeof(Moments))),
        moment_kernels_(ctx.device()->kernels<MomentKernels>(source.dtype())),
        histogram_kernels_(ctx.device()->kernels<HistogramKernels>(source.dtype())) {}

  void set_edges(std::vector<double> edges) {
    edges_ = std::move(edges);
    counts_.assign(static_cast<std::size_t>(ctx_.backend()->threads().threads()), {});
  }

  [[nodiscard]] std::vector<Moments> reduce() {
    const std::vector<Moments> empty(static_cast<std::size_t>(columns_));
    const auto combine_items = [this](std::byte* left, const std::byte* right, std::int64_t items) {
      combine_columns(left, right, items);
    };
    const auto bytes = reduce_leaf_runs(
        ctx_, source_, leaves_,
        [this](const LeafRun& run, std::byte* payloads, int worker) {
          add_moments(run, payloads);
          if (!edges_.empty()) add_to_histogram(run, worker);
        },
        [this](std::byte* left, const std::byte* right) { combine_columns(left, right, columns_); },
        std::as_bytes(std::span<const Moments>(empty)),
        {.item_bytes = sizeof(Moments), .combine_items = combine_items},
        folds_on_device() ? RunPayloads::nodes : RunPayloads::leaves);
    std::vector<Moments> result(empty.size());
    std::memcpy(result.data(), bytes.data(), bytes.size());
    return result;
  }

  void count_only() {
    visit_leaf_runs(ctx_, source_, leaves_, [this](const LeafRun& run, std::byte*, int worker) {
      add_to_histogram(run, worker);
    });
  }

  // The counts of all threads and ranks.
  [[nodiscard]] std::vector<std::int64_t> total_counts() {
    std::vector<std::int64_t> total(static_cast<std::size_t>(columns_ * bins_));
    for (const auto& own : counts_)
      for (std::size_t i = 0; i < own.size(); ++i) total[i] += own[i];
    ctx_.comm().allreduce(std::span<std::int64_t>(total), ReduceOp::sum);
    return total;
  }

  [[nodiscard]] std::int64_t columns() const { return columns_; }

 private:
  [[nodiscard]] bool folds_on_device() const { return ctx_.has_device(); }

  void add_moments(const LeafRun& run, std::byte* payloads) const {
    if (columns_ == row_elements_) {
      add_moments(run, run.offsets, payloads);
      return;
    }
    std::vector<std::int64_t> offsets(run.offsets.begin(), run.offsets.end());
    for (std::int64_t& offset : offsets) offset *= row_elements_;
    add_moments(run, offsets, payloads);
  }

  // @param offsets of the leaves, in rows of columns_ elements.
  void add_moments(const LeafRun& run, std::span<const std::int64_t> offsets,
                   std::byte* payloads) const {
    const auto leaves = static_cast<std::int64_t>(offsets.size()) - 1;
    auto* const moments = reinterpret_cast<Moments*>(payloads);
    if (folds_on_device()) {
      const auto nodes = maximal_nodes(run.first_leaf, run.first_leaf + leaves).size();
      moment_kernels_.fold_columns(run.rows, columns_, offsets, run.first_leaf,
                                   {moments, nodes * static_cast<std::size_t>(columns_)});
    } else {
      moment_kernels_.reduce_columns(run.rows, columns_, offsets,
                                     {moments, static_cast<std::size_t>(leaves * columns_)});
    }
  }

  void add_to_histogram(const LeafRun& run, int worker) {
    auto& counts = counts_[static_cast<std::size_t>(worker)];
    counts.resize(static_cast<std::size_t>(columns_ * bins_));
    const std::byte* rows = run.rows + run.offsets.front() * source_.row_bytes();
    const std::int64_t elements = run.row_count() * row_elements_;
    histogram_kernels_.add(rows, elements / columns_, columns_, bins_, edges_, counts);
  }

  // Large payloads are shared by the threads.
  void combine_columns(std::byte* left, const std::byte* right, std::int64_t items) const {
    constexpr std::int64_t share = 2048;
    auto* a = reinterpret_cast<Moments*>(left);
    const auto* b = reinterpret_cast<const Moments*>(right);
    ctx_.backend()->threads().parallel_for((items + share - 1) / share, [&](std::int64_t i, int) {
      const std::int64_t end = std::min(items, (i + 1) * share);
      for (std::int64_t j = i * share; j < end; ++j) combine(a[j], b[j]);
    });
  }

  const Context& ctx_;
  const TileSource& source_;
  std::int64_t row_elements_;
  std::int64_t columns_;
  std::int64_t bins_;
  Leaves leaves_;
  const MomentKernels& moment_kernels_;
  const HistogramKernels& histogram_kernels_;
  std::vector<double> edges_;                      // (bins + 1) for each column
  std::vector<std::vector<std::int64_t>> counts_;  // one table for each thread
};

// A key of kernels' extrema as f64 and as an integer.
struct Extremum {
  double value = 0;
  std::int64_t integer = 0;
};

Extremum decode_key(DType dtype, std::uint64_t key) {
  if (dtype == DType::u64) return {static_cast<double>(key), std::bit_cast<std::int64_t>(key)};
  if (is_floating(dtype)) return {double_from_key(key), 0};
  if (dtype == DType::u8 || dtype == DType::u16 || dtype == DType::u32) {
    const double value = double_from_key(key);
    return {value, static_cast<std::int64_t>(value)};
  }
  const std::int64_t value = int64_from_key(key);
  return {static_cast<double>(value), value};
}

Statistics to_statistics(const Moments& moments, DType dtype, int ddof) {
  Statistics result;
  result.count = moments.count;
  result.nan_count = moments.nan_count;
  if (moments.count == 0) {
    result.min = result.max = result.mean = nan;
    result.variance = result.std = result.skewness = result.kurtosis = nan;
    return result;
  }
  const Extremum min = decode_key(dtype, moments.min_key);
  const Extremum max = decode_key(dtype, moments.max_key);
  result.min = min.value;
  result.max = max.value;
  result.min_integer = min.integer;
  result.max_integer = max.integer;
  result.mean = moments.mean + moments.mean_error;
  const auto n = static_cast<double>(moments.count);
  result.variance = moments.count > ddof ? moments.m2 / (n - ddof) : nan;
  result.std = std::sqrt(result.variance);
  const double variance = moments.m2 / n;
  const bool is_constant = variance == 0;
  result.skewness = is_constant ? nan : moments.m3 / n / (variance * std::sqrt(variance));
  result.kurtosis = is_constant ? nan : moments.m4 / n / (variance * variance) - 3;
  return result;
}

std::vector<double> edges_for_range(DType dtype, std::int64_t columns, std::int64_t bins,
                                    double low, double high) {
  const std::vector<double> one = make_bin_edges(dtype, low, high, bins, false);
  std::vector<double> edges;
  edges.reserve(one.size() * static_cast<std::size_t>(columns));
  for (std::int64_t j = 0; j < columns; ++j) edges.insert(edges.end(), one.begin(), one.end());
  return edges;
}

std::vector<double> edges_for_data(const TileSource& source, const std::vector<Statistics>& results,
                                   std::int64_t bins) {
  std::vector<double> edges;
  edges.reserve(static_cast<std::size_t>(bins + 1) * results.size());
  for (std::size_t j = 0; j < results.size(); ++j) {
    const bool is_empty = results[j].count == 0;  // NumPy takes 0 to 1
    const double low = is_empty ? 0 : results[j].min;
    const double high = is_empty ? 1 : results[j].max;
    if (!std::isfinite(low) || !std::isfinite(high))
      throw DataError("the range of a histogram of " + source.describe() +
                      (results.size() > 1 ? ", column " + std::to_string(j) + "," : "") +
                      " cannot be found: there are infinite values (give a range)");
    const auto own = make_bin_edges(source.dtype(), low, high, bins, !is_empty);
    edges.insert(edges.end(), own.begin(), own.end());
  }
  return edges;
}

void attach_histograms(std::vector<Statistics>& results, std::int64_t bins,
                       const std::vector<double>& edges, const std::vector<std::int64_t>& counts) {
  const auto n = static_cast<std::size_t>(bins);
  for (std::size_t j = 0; j < results.size(); ++j) {
    const double* first_edge = edges.data() + j * (n + 1);
    const std::int64_t* first_count = counts.data() + j * n;
    results[j].histogram = Histogram{.edges = std::vector<double>(first_edge, first_edge + n + 1),
                                     .counts = {first_count, first_count + n}};
  }
}

}  // namespace

std::vector<Statistics> compute_statistics(const Context& ctx, const TileSource& source,
                                           const StatisticsOptions& options) {
  check(source, options);
  const DType dtype = source.dtype();
  const std::int64_t bins = bins_of(options);
  if (source.row_elements() == 0 && options.by_column) return {};

  StatisticsPass pass(ctx, source, options);
  std::vector<double> edges;
  if (has_range(options)) {
    edges = edges_for_range(dtype, pass.columns(), bins, *options.range_low, *options.range_high);
    pass.set_edges(edges);
  }
  std::vector<Statistics> results;
  for (const Moments& moments : pass.reduce())
    results.push_back(to_statistics(moments, dtype, options.ddof));
  if (bins == 0) return results;

  if (!has_range(options)) {
    edges = edges_for_data(source, results, bins);
    pass.set_edges(edges);
    ctx.recorder().set_fact("reads of the data", "2 (the second one for the histogram's bins)");
    pass.count_only();
  }
  attach_histograms(results, bins, edges, pass.total_counts());
  return results;
}

std::int64_t memory_of_statistics(const TileSource& source, const StatisticsOptions& options,
                                  int threads) {
  const std::int64_t entries = options.by_column ? source.row_elements() : 1;
  const auto payload = entries * static_cast<std::int64_t>(sizeof(Moments));
  const Leaves leaves(source.layout(), source.row_bytes(), payload);
  const std::int64_t leaf_rows = leaves.count() > 0 ? leaves.row_begin(1) : 0;
  // the payloads of the leaves that are folded at a time, of the nodes alive, and the results
  const std::int64_t nodes = 2 * std::bit_width(static_cast<std::uint64_t>(leaves.count())) + 4;
  const std::int64_t counts = entries * bins_of(options) * 8 * (threads + 3);
  return 2 * leaf_rows * source.row_bytes() + nodes * payload + counts +
         entries * static_cast<std::int64_t>(sizeof(Statistics));
}

}  // namespace serried
