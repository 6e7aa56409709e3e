#include "ml/regression/columns.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "serried/array/reduce_rows.hpp"
#include "serried/array/statistics.hpp"
#include "serried/base/error.hpp"

namespace serried::regression {
namespace {

struct Place {
  std::int64_t row = std::numeric_limits<std::int64_t>::max();
  std::int64_t column = 0;
};

template <class T>
void find_missing(const TileView& leaf, Place& place) {
  const auto values = leaf.as<T>();
  for (std::size_t i = 0; i < values.size(); ++i) {
    double value = 0;
    if constexpr (std::is_same_v<T, Half>)
      value = static_cast<double>(to_float(values[i]));
    else
      value = static_cast<double>(values[i]);
    if (std::isfinite(value)) continue;
    const auto at = static_cast<std::int64_t>(i);
    place = {leaf.rows.begin + at / leaf.row_elements, at % leaf.row_elements};
    return;
  }
}

[[noreturn]] void throw_missing(const Context& ctx, const TileSource& x) {
  const Place place = reduce_rows(
      ctx, x, Place(),
      [&](const TileView& leaf, Place& found) {
        visit_real(x.dtype(),
                   [&](auto tag) { find_missing<typename decltype(tag)::type>(leaf, found); });
      },
      [](Place& left, const Place& right) {
        if (right.row < left.row) left = right;
      });
  if (place.row == Place().row)
    throw DataError(x.describe() + ": sums of its columns leave the range of f64");
  throw DataError(fmt::format("{}: row {} has NaN or Inf in column {} (both counted from 0)",
                              x.describe(), place.row, place.column));
}

}  // namespace

Columns scan_columns(const Context& ctx, const TileSource& x, bool has_intercept) {
  const auto statistics = compute_statistics(ctx, x, {.by_column = true});
  const bool is_finite = std::ranges::all_of(statistics, [](const Statistics& s) {
    return s.nan_count == 0 && std::isfinite(s.mean) && std::isfinite(s.variance);
  });
  if (!is_finite) throw_missing(ctx, x);
  Columns columns;
  for (const Statistics& s : statistics) {
    const bool is_constant = s.min == s.max;
    // a constant column becomes 0
    const double shift = !has_intercept ? 0 : is_constant ? s.min : s.mean;
    const double size =
        has_intercept ? (is_constant ? 0 : s.std) : std::sqrt(s.variance + s.mean * s.mean);
    int exponent = 0;
    if (size > 0) static_cast<void>(std::frexp(size, &exponent));
    const double scale = std::ldexp(1., -std::clamp(exponent, -1000, 1000));
    columns.shift.push_back(shift);
    columns.size.push_back(size);
    columns.scale.push_back(scale);
    columns.noise.push_back(8 * std::numeric_limits<double>::epsilon() * std::abs(shift) * scale);
  }
  return columns;
}

}  // namespace serried::regression
