#pragma once

#include <cstdint>

#include "ml/kmeans/lloyd.hpp"

namespace serried::kmeans {

/// Tells the recorder how often the data was read and how many rows were compared, and warns where
/// outliers take the bits of the other rows' sums, which may take a read to find out.
/// Collective.
/// @param steps what result.iterations counts.
/// @param fits how many were made, of which `result` is the best.
void report_fit(Rows& rows, const Columns& columns, const FixedPoint& fixed,
                const LloydResult& result, std::int64_t fits, const char* steps = "iterations");

/// The warning that a column's sums are not good to what they should be. Local.
void warn_of_outliers(Recorder& recorder, std::int64_t column, double error, double typical);

}  // namespace serried::kmeans
