#pragma once

#include "ml/kmeans/lloyd.hpp"
#include "serried/ml/kmeans.hpp"

namespace serried::kmeans {

/// @throws InvalidArgument for wrong options. Local.
void check_options(const KMeansOptions& options, const TileSource& data);
/// @throws DataError if there are fewer usable rows than clusters. Local.
void check_rows(const Rows& rows, const Columns& columns, std::int64_t clusters);
/// The model of a fit. Local.
/// @throws DataError if its inertia is not finite.
[[nodiscard]] KMeansModel model_of(const Rows& rows, const Columns& columns,
                                   const LloydResult& result);

}  // namespace serried::kmeans
