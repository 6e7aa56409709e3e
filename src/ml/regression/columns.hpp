#pragma once

#include <vector>

#include "serried/comm/tile_source.hpp"
#include "serried/context.hpp"

namespace serried::regression {

/// How the columns of x are brought to one size: (x - shift) * scale, scale a power of two.
struct Columns {
  std::vector<double> shift;  ///< with an intercept the mean, else 0
  std::vector<double> scale;
  /// Standard deviations; without an intercept root mean squares.
  std::vector<double> size;
  /// Of (x - shift) * scale: what rounding of x itself may be.
  std::vector<double> noise;
};

/// One read of x. Collective.
/// @throws DataError naming the first row with NaN or Inf.
[[nodiscard]] Columns scan_columns(const Context& ctx, const TileSource& x, bool has_intercept);

}  // namespace serried::regression
