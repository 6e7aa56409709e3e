#include "ml/kmeans/columns.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <bit>
#include <cmath>
#include <limits>
#include <mutex>

#include "serried/comm/agree.hpp"

namespace serried::kmeans {

void all_maxima(const Communicator& comm, std::vector<double>& values) {
  std::vector<std::uint64_t> bits(values.size());
  std::ranges::transform(values, bits.begin(),
                         [](double value) { return std::bit_cast<std::uint64_t>(value + 0.); });
  comm.allreduce(std::span<std::uint64_t>(bits), ReduceOp::max);
  std::ranges::transform(bits, values.begin(),
                         [](std::uint64_t b) { return std::bit_cast<double>(b); });
}

double scale_for(DType dtype, double largest) {
  if (largest == 0) return 1;
  int exponent = 0;
  static_cast<void>(std::frexp(largest, &exponent));
  const int limit = dtype == DType::f32 ? 120 : 1000;
  return std::ldexp(1., -std::clamp(exponent, -limit, limit));
}

double in_dtype(DType dtype, double value) {
  return dtype == DType::f32 ? static_cast<double>(static_cast<float>(value)) : value;
}

namespace {

void mark_missing(Rows& rows, const Unit& unit, std::vector<std::uint8_t>& is_missing) {
  std::uint8_t* const flags = is_missing.data() + unit.local_row;
  static_cast<void>(rows.kernels().find_missing(unit.kernel_rows(), rows.features(), flags));
  for (std::int64_t i = 0; rows.has_weights() && i < unit.rows.size(); ++i)
    if (std::isnan(rows.weight(unit.local_row + i))) flags[i] = 1;
}

/// First read: means of the usable rows, and which rows are missing.
void find_means(Rows& rows, bool drop_missing, Columns& columns) {
  const std::int64_t p = rows.features();
  const std::vector<double> zeros(static_cast<std::size_t>(p), 0.);
  LeafTotals totals(rows, p);
  std::vector<std::uint8_t> is_missing;
  std::once_flag is_allocated;
  std::atomic<std::int64_t> usable{0};
  rows.pass(
      "means",
      [&](const Unit& unit) {
        const std::vector<std::int64_t> offsets = rows.offsets_of(unit);
        std::vector<std::int64_t> counts(offsets.size() - 1);
        rows.kernels().column_sums(unit.data, unit.weights, p, zeros, offsets,
                                   totals.leaf(unit.first_leaf), nullptr, nullptr, counts.data());
        std::int64_t sum = 0;
        for (const std::int64_t count : counts) sum += count;
        usable += sum;
        if (sum == unit.rows.size()) return;
        std::call_once(is_allocated,
                       [&] { is_missing.assign(static_cast<std::size_t>(rows.local_rows()), 0); });
        mark_missing(rows, unit, is_missing);
      },
      {&totals});
  const Communicator& comm = rows.context().comm();
  columns.usable_rows = comm.allreduce(usable.load(), ReduceOp::sum);
  const std::int64_t missing = rows.global_rows() - columns.usable_rows;
  if (missing > 0) {
    const auto first = std::ranges::find(is_missing, std::uint8_t{1});
    const std::int64_t local = first == is_missing.end()
                                   ? std::numeric_limits<std::int64_t>::max()
                                   : rows.first_row() + (first - is_missing.begin());
    const std::int64_t first_row = comm.allreduce(local, ReduceOp::min);
    if (!drop_missing) throw_missing(rows, missing, first_row);
    is_missing.resize(static_cast<std::size_t>(rows.local_rows()), 0);
    columns.is_missing = std::move(is_missing);
  }
  columns.shift = totals.finish();
  const auto count = static_cast<double>(std::max<std::int64_t>(1, columns.usable_rows));
  for (double& value : columns.shift) value = in_dtype(rows.dtype(), value / count);
}

}  // namespace

void check_range(const Rows& rows, double largest) {
  // (2 |x|)^2 times the features has to stay a finite number, and |x|^2 a normal one.
  const double highest = 1e153 / std::sqrt(static_cast<double>(rows.features()));
  if (largest >= 1e-145 && largest < highest) return;
  if (largest == 0) return;
  throw DataError(rows.source().describe() + ": values lie up to " + fmt::format("{:g}", largest) +
                  " from their mean, so that squared distances leave the range of f64; k-means "
                  "needs them in other units");
}

void scale_weights(Rows& rows, Columns& columns) {
  if (!rows.has_weights() || columns.usable_rows == 0) return;
  std::vector<double> largest(1, 0.);
  for (std::int64_t i = 0; i < rows.local_rows(); ++i)
    if (!columns.is_missing_row(i)) largest[0] = std::max(largest[0], rows.weight(i));
  all_maxima(rows.context().comm(), largest);
  if (largest[0] == 0)
    throw DataError(rows.source().describe() +
                    ": no weight of a row that is not missing is above 0");
  columns.largest_weight = std::frexp(largest[0], &columns.weight_exponent);
  rows.scale_weights(-columns.weight_exponent,
                     [&](std::int64_t i) { return columns.is_missing_row(i); });
}

namespace {

/// Second read: variances and the largest deviations.
void find_spreads(Rows& rows, Columns& columns) {
  const std::int64_t p = rows.features();
  const auto width = static_cast<std::size_t>(p);
  LeafTotals sums(rows, p), squares(rows, p);
  std::vector<std::vector<double>> maxima(static_cast<std::size_t>(rows.workers()),
                                          std::vector<double>(width + 1, 0.));
  rows.pass("variances",
            [&](const Unit& unit) {
              const std::vector<std::int64_t> offsets = rows.offsets_of(unit);
              std::vector<std::int64_t> counts(offsets.size() - 1);
              rows.kernels().column_sums(unit.data, unit.weights, p, columns.shift, offsets,
                                         sums.leaf(unit.first_leaf), squares.leaf(unit.first_leaf),
                                         maxima[static_cast<std::size_t>(unit.worker)].data(),
                                         counts.data());
            },
            {&sums, &squares});
  columns.maxima.assign(width + 1, 0.);
  for (const auto& own : maxima)
    for (std::size_t f = 0; f <= width; ++f)
      columns.maxima[f] = std::max(columns.maxima[f], own[f]);
  all_maxima(rows.context().comm(), columns.maxima);
  columns.largest = columns.maxima.back();
  columns.maxima.pop_back();
  check_range(rows, columns.largest);
  columns.scale = scale_for(rows.dtype(), columns.largest);
  const std::vector<double> sum = sums.finish();
  const std::vector<double> square = squares.finish();
  const auto count = static_cast<double>(std::max<std::int64_t>(1, columns.usable_rows));
  for (std::size_t f = 0; f < width; ++f) {
    // The shift is the mean but for rounding, which this corrects.
    const double rest = sum[f] / count;
    const double variance = std::max(0., square[f] / count - rest * rest);
    columns.deviations.push_back(std::sqrt(variance));
    columns.mean_variance += variance / static_cast<double>(p);
  }
}

}  // namespace

void throw_missing(const Rows& rows, std::int64_t missing, std::int64_t first_row) {
  throw DataError(rows.source().describe() + ": " + std::to_string(missing) + " of " +
                  std::to_string(rows.global_rows()) + (missing == 1 ? " rows has" : " rows have") +
                  (rows.has_weights() ? " NaN or Inf in the data or the weight" : " NaN or Inf") +
                  "; the first is row " + std::to_string(first_row) +
                  " (counted from 0). Missing rows can be dropped");
}

void read_weights(Rows& rows, const TileSource& weights) {
  if (weights.rows() != rows.global_rows() || weights.row_elements() != 1)
    throw InvalidArgument("there must be one weight for each of the " +
                          std::to_string(rows.global_rows()) + " rows; " + weights.describe() +
                          " has " + std::to_string(weights.rows()) + " rows of " +
                          std::to_string(weights.row_elements()));
  Rows source(rows.context().on_host(), weights);
  const Communicator& comm = rows.context().comm();
  std::vector<double> own(static_cast<std::size_t>(source.local_rows()));
  source.pass("weights", [&](const Unit& unit) {
    double* const out = own.data() + unit.local_row;
    if (source.dtype() == DType::f32)
      std::copy_n(static_cast<const float*>(unit.data), unit.rows.size(), out);
    else
      std::copy_n(static_cast<const double*>(unit.data), unit.rows.size(), out);
  });
  std::int64_t first_negative = std::numeric_limits<std::int64_t>::max();
  int has_positive = 0;
  for (std::size_t i = 0; i < own.size(); ++i) {
    if (!std::isfinite(own[i])) own[i] = std::numeric_limits<double>::quiet_NaN();
    if (own[i] < 0 && first_negative > source.global_rows())
      first_negative = source.first_row() + static_cast<std::int64_t>(i);
    if (own[i] > 0) has_positive = 1;
  }
  first_negative = comm.allreduce(first_negative, ReduceOp::min);
  if (first_negative <= source.global_rows())
    throw DataError(weights.describe() + ": the weight of row " + std::to_string(first_negative) +
                    " (counted from 0) is negative");
  if (comm.allreduce(has_positive, ReduceOp::max) == 0)
    throw DataError(weights.describe() + ": no weight is above 0");
  rows.set_weights(exchange_rows<double>(
      comm, own, [&](int rank) { return source.leaves().rows_of(rank); },
      [&](int rank) { return rows.leaves().rows_of(rank); }));
}

Columns scan_columns(Rows& rows, bool drop_missing) {
  Columns columns;
  find_means(rows, drop_missing, columns);
  for (const double value : columns.shift)
    check_range(rows, std::isfinite(value) ? 0 : std::numeric_limits<double>::infinity());
  scale_weights(rows, columns);
  find_spreads(rows, columns);
  return columns;
}

ModelFrame frame_of_centers(DType dtype, const std::vector<double>& centers,
                            std::int64_t features) {
  const auto width = static_cast<std::size_t>(features);
  const std::size_t clusters = centers.size() / width;
  ModelFrame frame;
  double largest = 0;
  for (std::size_t f = 0; f < width; ++f) {
    double sum = 0;
    for (std::size_t j = 0; j < clusters; ++j)
      sum += centers[j * width + f] / static_cast<double>(clusters);
    frame.shift.push_back(in_dtype(dtype, sum));
    for (std::size_t j = 0; j < clusters; ++j)
      largest = std::max(largest, std::abs(centers[j * width + f] - frame.shift[f]));
  }
  frame.scale = scale_for(dtype, largest);
  frame.largest = largest;
  return frame;
}

}  // namespace serried::kmeans
