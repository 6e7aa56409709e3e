#pragma once

#include <cstdint>
#include <vector>

#include "serried/base/dtype.hpp"

namespace serried {

/// The bins + 1 edges of numpy.histogram over [low, high], in the precision in which NumPy computes
/// them: f32 and f16 data have edges of their own dtype, integers have f64 edges. An empty range is
/// widened by 0.5 on both sides. Local.
/// @param is_range_of_data low and high are the data's minimum and maximum: NumPy then computes in
/// the data's dtype, else in f64, rounding at the end.
/// @throws DataError (InvalidArgument for a given range) if two edges would be equal or not finite.
[[nodiscard]] std::vector<double> make_bin_edges(DType dtype, double low, double high,
                                                 std::int64_t bins, bool is_range_of_data);

}  // namespace serried
