#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "serried/comm/tile_source.hpp"
#include "serried/context.hpp"

namespace serried {

struct StatisticsOptions {
  /// Delta degrees of freedom of variance and standard deviation.
  int ddof = 0;
  /// One result for each column (element of a row) instead of one for all elements.
  bool by_column = false;
  /// Number of histogram bins; 0: no histogram, unless a range is given (then 10, as NumPy).
  std::int64_t bins = 0;
  /// Range of the histogram. Without it [min, max] of the data, which takes a second read.
  std::optional<double> range_low;
  std::optional<double> range_high;
};

struct Histogram {
  std::vector<double> edges;         ///< bins + 1, as numpy.linspace
  std::vector<std::int64_t> counts;  ///< bins
};

/// Statistics of a set of numbers. NaN is counted and otherwise left out. With no numbers at all, min, max,
/// mean and all that follows are NaN.
struct Statistics {
  std::int64_t count = 0;
  std::int64_t nan_count = 0;
  /// Exact for every dtype but 64-bit integers above 2^53, for which min_integer and max_integer are exact.
  double min = 0;
  double max = 0;
  std::int64_t min_integer = 0;  ///< signed integers and b8; bit pattern for u64
  std::int64_t max_integer = 0;
  double mean = 0;
  double variance = 0;   ///< m2 / (count - ddof); NaN where count <= ddof
  double std = 0;
  double skewness = 0;   ///< (m3/n) / (m2/n)^1.5, biased, as scipy.stats.skew; NaN for constant data
  double kurtosis = 0;   ///< Fisher's: (m4/n) / (m2/n)^2 - 3, biased, as scipy.stats.kurtosis
  std::optional<Histogram> histogram;
};

/// Statistics of all elements of a source (one entry), or of each column, in one read (two where a
/// histogram's range has to be found first).
/// Collective.
/// @return on every rank: 1 entry, or row_elements() entries with by_column.
/// @throws InvalidArgument for wrong options; DataError for dtypes that are not real numbers; RankError for
/// failing reads.
[[nodiscard]] std::vector<Statistics> compute_statistics(const Context& ctx, const TileSource& source,
                                                         const StatisticsOptions& options = {});

}  // namespace serried
