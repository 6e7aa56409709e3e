#pragma once

#include <cstdint>

#include "serried/array/histogram.hpp"

namespace serried {

/// How many bins of equal width a rule makes of the numbers of a source in [low, high]. Computed in
/// f64. Collective.
/// @throws DataError if they would be too many.
[[nodiscard]] std::int64_t count_bins_by(const Context& ctx, const TileSource& source, BinRule rule,
                                         double low, double high);

}  // namespace serried
