#pragma once

#include <vector>

#include "serried/base/api.hpp"
#include "serried/comm/tile_source.hpp"
#include "serried/context.hpp"

namespace SERRIED_API serried {

/// The sum of each column (element of a row) in f64, with the same bits at every number of ranks
/// and threads and at every vector width. NaN and infinities propagate as in a plain sum.
/// Collective. One read of the source; a payload of 8 bytes a column travels along the reduction
/// tree.
/// @return row_elements() sums, on every rank; zeros for no rows.
/// @throws DataError for dtypes that are not real numbers; RankError for failing reads.
[[nodiscard]] std::vector<double> sum_columns(const Context& ctx, const TileSource& source);

}  // namespace serried
