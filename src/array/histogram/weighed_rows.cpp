#include "array/histogram/weighed_rows.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <mutex>
#include <string>

#include "array/evaluate/joint_reader.hpp"
#include "array/histogram/place_tables.hpp"
#include "serried/array/array.hpp"
#include "serried/base/error.hpp"

namespace serried {
namespace {

/// Bytes of a run, which one thread takes.
constexpr std::int64_t run_bytes = std::int64_t{1} << 20;
constexpr std::int64_t piece_elements = 2048;

void check_alike(const char* function, const TileSource& a, const TileSource& b) {
  const auto* x = dynamic_cast<const Array*>(&a);
  const auto* y = dynamic_cast<const Array*>(&b);
  const bool are_arrays = x != nullptr && y != nullptr;
  if (a.layout() == b.layout() && (!are_arrays || x->split_axis() == y->split_axis())) return;
  throw InvalidArgument(std::string(function) + ": " + a.describe() + " and " + b.describe() +
                        " do not have the same rows on the ranks; with_split_axis() and balance() "
                        "make them lie alike");
}

}  // namespace

WeighedRows::WeighedRows(const Context& ctx, const char* function, std::vector<TableColumn> columns,
                         const TileSource* weights)
    : ctx_(ctx),
      function_(function),
      columns_(std::move(columns)),
      has_weights_(weights != nullptr) {
  const TileSource& first = *columns_.front().source;
  const std::int64_t of_row = first.row_elements() / columns_.front().stride;
  elements_ = first.rows() * of_row;
  if (weights != nullptr) columns_.push_back({.source = weights});
  for (const TableColumn& column : columns_) {
    const TileSource& source = *column.source;
    if (!is_real(source.dtype()))
      throw InvalidArgument(std::string(function) + " needs real numbers, but " +
                            source.describe() + " has dtype " + std::string(name(source.dtype())));
    if (source.row_elements() != of_row * column.stride || source.rows() != first.rows())
      throw InvalidArgument(std::string(function) + ": " + source.describe() + " does not have " +
                            std::to_string(of_row) + " numbers for each of the " +
                            std::to_string(first.rows()) + " rows of " + first.describe());
    check_alike(function, first, source);
    const auto* array = dynamic_cast<const Array*>(&source);
    if (array != nullptr && array->is_on_device())
      throw InvalidArgument(array->describe() + " lies on a device, where " + function +
                            " does not work; to_host()");
  }
}

void WeighedRows::read(const std::function<void(const TableRun& run, int worker)>& use) const {
  std::vector<const TileSource*> sources;
  std::vector<std::size_t> source_of;
  std::int64_t row_bytes = 1;
  for (const TableColumn& column : columns_) {
    const auto found = std::ranges::find(sources, column.source);
    source_of.push_back(static_cast<std::size_t>(found - sources.begin()));
    if (found != sources.end()) continue;
    sources.push_back(column.source);
    row_bytes += column.source->row_bytes();
  }
  const std::int64_t of_row = columns_.front().source->row_elements() / columns_.front().stride;
  JointReader reader(ctx_, sources, Leaves::single_tiles(columns_.front().source->layout()));
  reader.read([&](const JointStep& step) {
    if (step.rows.is_empty() || of_row == 0) return;
    // runs of elements, so that a single long row is shared too
    const std::int64_t all = step.rows.size() * of_row;
    const std::int64_t length = std::max<std::int64_t>(1024, run_bytes / row_bytes * of_row);
    ctx_.backend()->threads().parallel_for(
        (all + length - 1) / length, [&](std::int64_t i, int worker) {
          std::vector<const std::byte*> data;
          for (std::size_t c = 0; c < columns_.size(); ++c)
            data.push_back(step.data[source_of[c]] +
                           (i * length * columns_[c].stride + columns_[c].offset) *
                               static_cast<std::int64_t>(size_of(columns_[c].source->dtype())));
          use({.count = std::min(length, all - i * length), .columns = data}, worker);
        });
  });
}

std::vector<NumberExtent> WeighedRows::extents(std::span<const double> bounds) const {
  std::vector<NumberExtent> all(columns_.size());
  std::mutex mutex;
  read([&](const TableRun& run, int) {
    for (std::size_t c = 0; c < columns_.size(); ++c) {
      const auto& kernels = ctx_.backend()->kernels<HistogramKernels>(columns_[c].source->dtype());
      const NumberExtent own =
          kernels.extent(run.columns[c], run.count, columns_[c].stride, bounds[c]);
      const std::lock_guard<std::mutex> lock(mutex);
      all[c].low = std::min(all[c].low, own.low);
      all[c].high = std::max(all[c].high, own.high);
      all[c].nan_count += own.nan_count;
    }
  });
  return combined(ctx_, std::move(all));
}

double WeighedRows::largest_weight(const NumberExtent& extent) const {
  if (extent.nan_count == 0 && extent.low > extent.high) return 0;
  const double largest = std::max(std::abs(extent.low), std::abs(extent.high));
  if (extent.nan_count > 0 || !std::isfinite(largest))
    throw DataError(std::string(function_) + ": the weights " + columns_.back().source->describe() +
                    " are not all finite");
  return largest;
}

void WeighedRows::for_each_piece(const TableRun& run,
                                 const std::function<void(std::int64_t first, std::int64_t count,
                                                          const double* weights)>& use) const {
  std::array<double, piece_elements> weights;
  for (std::int64_t first = 0; first < run.count; first += piece_elements) {
    const std::int64_t count = std::min(piece_elements, run.count - first);
    if (!has_weights_) {
      use(first, count, nullptr);
      continue;
    }
    visit_real(columns_.back().source->dtype(), [&](auto tag) {
      using T = typename decltype(tag)::type;
      const auto* from = reinterpret_cast<const T*>(run.columns.back()) + first;
      for (std::int64_t i = 0; i < count; ++i) {
        if constexpr (std::is_same_v<T, Half>)
          weights[static_cast<std::size_t>(i)] = static_cast<double>(to_float(from[i]));
        else
          weights[static_cast<std::size_t>(i)] = static_cast<double>(from[i]);
      }
    });
    use(first, count, weights.data());
  }
}

}  // namespace serried
