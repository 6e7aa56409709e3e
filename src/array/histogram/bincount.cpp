#include <algorithm>
#include <cstring>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "array/histogram/place_tables.hpp"
#include "array/histogram/weighed_rows.hpp"
#include "serried/array/histogram.hpp"
#include "serried/base/error.hpp"

namespace serried {

Array bincount(const Context& ctx, const TileSource& values, const BincountOptions& options) {
  if (is_floating(values.dtype()) || !is_real(values.dtype()))
    throw InvalidArgument("bincount counts integers, but " + values.describe() + " has dtype " +
                          std::string(name(values.dtype())));
  if (options.min_length < 0 || options.min_length > most_places)
    throw InvalidArgument("the length of a bincount must lie between 0 and 2^31, but is " +
                          std::to_string(options.min_length));
  const WeighedRows rows(ctx, "bincount", {{.source = &values}}, options.weights);
  const std::vector<double> bounds(rows.columns().size(), -std::numeric_limits<double>::infinity());
  const std::vector<NumberExtent> extents = rows.extents(bounds);
  const NumberExtent& range = extents.front();
  const bool is_empty = range.low > range.high;
  if (!is_empty && (range.low < 0 || range.high >= static_cast<double>(most_places)))
    throw DataError(
        "bincount of " + values.describe() + ": " +
        (range.low < 0 ? "there are negative elements" : "there are elements of 2^31 and more"));
  std::optional<WeightUnit> unit;
  if (rows.has_weights()) unit.emplace(rows.largest_weight(extents.back()), rows.elements());
  const std::int64_t length = std::max(
      options.min_length, is_empty ? std::int64_t{0} : static_cast<std::int64_t>(range.high) + 1);
  PlaceTables tables(ctx, length, unit);
  rows.read([&](const TableRun& run, int worker) {
    std::vector<std::int64_t> places;
    rows.for_each_piece(run, [&](std::int64_t first, std::int64_t count, const double* weights) {
      places.resize(static_cast<std::size_t>(count));
      visit_real(values.dtype(), [&](auto tag) {
        using T = typename decltype(tag)::type;
        if constexpr (std::is_integral_v<T>) {
          const auto* from = reinterpret_cast<const T*>(run.columns[0]) + first;
          for (std::size_t i = 0; i < places.size(); ++i)
            places[i] = static_cast<std::int64_t>(from[i]);
        }
      });
      tables.add(places, weights, worker);
    });
  });
  const Shape shape{length};
  if (!rows.has_weights()) {
    const std::vector<std::int64_t> counts = tables.counts();
    return Array::replicated(ctx, shape, DType::i64, counts.data());
  }
  const std::vector<double> sums = tables.sums();
  return Array::replicated(ctx, shape, DType::f64, sums.data());
}

}  // namespace serried
