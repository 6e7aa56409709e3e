#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "serried/base/api.hpp"
#include "serried/comm/tile_source.hpp"
#include "serried/context.hpp"

namespace SERRIED_API serried {

struct StatisticsOptions {
  /// Delta degrees of freedom of variance and standard deviation.
  int ddof = 0;
  /// One result for each column (element of a row) instead of one for all elements.
  bool by_column = false;
  /// Number of histogram bins; 0: no histogram, unless a range is given (then 10, as NumPy).
  std::int64_t bins = 0;
  /// Range of the histogram. Without it [min, max] of the data, which takes a second read.
  std::optional<double> range_low = std::nullopt;
  std::optional<double> range_high = std::nullopt;
};

/// Counts of numpy.histogram: a bin includes its left edge, the last one its right edge too; what
/// lies outside is not counted. f16 and f32 data have edges of their own precision, integers are
/// compared as f64, both as in NumPy 2. An empty range is widened by 0.5 on both sides; no numbers
/// at all have [0, 1].
struct Histogram {
  std::vector<double> edges;         ///< bins + 1, as numpy.linspace
  std::vector<std::int64_t> counts;  ///< bins
};

/// Statistics of a set of numbers. NaN is counted and otherwise left out. With no numbers at all,
/// min, max, mean and all that follows are NaN. With an infinite number (or sums beyond the range
/// of f64), the mean is that of a plain sum, and what follows it is NaN.
struct Statistics {
  std::int64_t count = 0;
  std::int64_t nan_count = 0;
  /// Exact for every dtype but 64-bit integers beyond 2^53, for which min_integer and max_integer
  /// are exact. A zero is +0 whatever its sign.
  double min = 0;
  double max = 0;
  std::int64_t min_integer = 0;  ///< of b8 and integers; the bit pattern for u64; 0 for floats
  std::int64_t max_integer = 0;
  double mean = 0;
  double variance = 0;  ///< m2 / (count - ddof); NaN where count <= ddof
  double std = 0;
  double skewness = 0;  ///< (m3/n) / (m2/n)^1.5, biased, as scipy.stats.skew; NaN for constant data
  double kurtosis =
      0;  ///< Fisher's: (m4/n) / (m2/n)^2 - 3, biased, as scipy.stats.kurtosis; NaN too
  std::optional<Histogram> histogram;
};

/// Statistics of all elements of a source (one entry), or of each column, in one read (two where a
/// histogram's range has to be found first; the recorder's fact "reads of the data" then says so).
///
/// Each leaf's moments are taken about its own mean, in two passes over the cached leaf, and
/// combined along the fixed tree by Pebay's formulas (see Moments): accurate where values are large
/// and their spread is small, 64-bit integers included, and the same bits at every number of ranks
/// and threads. Collective. A payload of 72 bytes for each entry travels along the reduction tree.
/// @return on every rank: 1 entry, or row_elements() entries with by_column.
/// @throws InvalidArgument for wrong options; DataError for dtypes that are not real numbers, and
/// for histograms of infinite values, or of data too narrow for the bins, without a range;
/// RankError for failing reads.
[[nodiscard]] std::vector<Statistics> compute_statistics(const Context& ctx,
                                                         const TileSource& source,
                                                         const StatisticsOptions& options = {});

/// What compute_statistics allocates on a rank at least, besides reading in batches: an estimate
/// from shapes alone, the same on every rank. Local.
[[nodiscard]] std::int64_t memory_of_statistics(const TileSource& source,
                                                const StatisticsOptions& options, int threads);

}  // namespace serried
