#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "serried/array/array.hpp"
#include "serried/base/api.hpp"
#include "serried/comm/tile_source.hpp"
#include "serried/context.hpp"

namespace SERRIED_API serried {

/// NumPy's estimators of the number of bins, by their names there.
enum class BinRule : std::uint8_t {
  automatic,          ///< "auto"
  freedman_diaconis,  ///< "fd"
  doane,              ///< "doane"
  scott,              ///< "scott"
  rice,               ///< "rice"
  sturges,            ///< "sturges"
  square_root         ///< "sqrt"
};

/// How one axis of a histogram is cut into bins.
struct BinAxis {
  std::int64_t bins = 10;
  /// In place of `bins`, of a histogram over one axis without weights, whose bins are equidistant.
  /// It takes one more read of the data, to four; NaN, and what lies outside the range, is left
  /// out.
  std::optional<BinRule> rule = std::nullopt;
  /// Both or none: without them the range is that of the finite and infinite numbers there are (of
  /// those above 0 where bins are logarithmic), which takes one more read for all axes together.
  std::optional<double> low = std::nullopt;
  std::optional<double> high = std::nullopt;
  /// Edges that are equidistant in their logarithm.
  bool is_logarithmic = false;
  /// Edges of any widths, ascending; then `bins`, range and `is_logarithmic` are not looked at.
  std::vector<double> edges = {};
};

struct HistogramOptions {
  /// One for each coordinate; one for all of them; none: 10 bins each.
  std::vector<BinAxis> axes = {};
  /// A weight for each element, or row, instead of 1: real numbers, finite where there is a bin.
  const TileSource* weights = nullptr;
  /// `density` is wanted.
  bool is_density = false;
};

/// A histogram over one or more axes. Tables are in C order, the last axis fastest.
struct HistogramTable {
  std::vector<std::vector<double>> edges;  ///< of each axis: bins + 1
  Shape shape;                             ///< bins of each axis
  std::vector<std::int64_t> counts;        ///< without weights
  std::vector<double> sums;                ///< of the weights, where there are some
  std::vector<double> density;             ///< counts or sums over (their total x the bin's volume)
};

/// Histograms as numpy.histogram, histogram2d and histogramdd: of the elements of one source; of
/// pairs, triples ... of elements that stand at the same place of several sources; or of the rows
/// of one source whose rows are as long as there are axes. A bin includes its left edge, the last
/// one its right edge too; what lies outside, and NaN, is left out. Numbers are compared with the
/// edges as f64; edges of one axis are those of numpy.histogram (see Histogram), of several those
/// of histogramdd.
///
/// Weights are added as integers of 127 bits, of which each is rounded to 2^-85 of the largest
/// weight in a bin, or less (for up to 2^40 elements): the sums are those of exact arithmetic,
/// rounded once, unless these weights differ by more than a factor of 2^32. So they have the same
/// bits at every number of ranks and threads, and any order of the elements. Collective. One read
/// of the sources, one more for ranges, and one for weights; counts are added by one reduction.
/// Memory: a table for each thread, on every rank.
/// @throws InvalidArgument for wrong options, sources that do not lie alike, complex numbers,
/// arrays on a device; DataError for weights that are not finite, and where no range is given for
/// infinite values or data too narrow for the bins; RankError for failing reads, or short memory.
[[nodiscard]] HistogramTable histogram(const Context& ctx,
                                       std::span<const TileSource* const> coordinates,
                                       const HistogramOptions& options = {});
[[nodiscard]] HistogramTable histogram(const Context& ctx, const TileSource& source,
                                       const HistogramOptions& options = {});

struct BincountOptions {
  const TileSource* weights = nullptr;
  std::int64_t min_length = 0;
};

/// How often each of 0, 1, 2 ... stands among the elements of a source of integers, or the sums of
/// their weights, as numpy.bincount: i64 (f64 with weights), replicated, as long as the largest
/// element wants and `min_length` at least. Weights are added as in histogram(). Collective. Two
/// reads. Memory: as the result for each thread, on every rank; at most 2^31 numbers.
/// @throws InvalidArgument for dtypes that are no integers (b8 is one), a negative length, and as
/// histogram(); DataError for negative elements and for those of 2^31 and more.
[[nodiscard]] Array bincount(const Context& ctx, const TileSource& values,
                             const BincountOptions& options = {});

}  // namespace serried
