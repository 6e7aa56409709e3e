#pragma once

#include <cstdint>
#include <span>

#include "serried/array/array.hpp"
#include "serried/base/api.hpp"

namespace SERRIED_API serried {

/// Before or behind equal values.
enum class SearchSide : std::uint8_t { left, right };

/// For each of `values` how many elements of a sorted series are below it (with `right`: not above
/// it), as numpy.searchsorted: i64, of the shape, split and tiles of `values`. Both are compared in
/// the dtype that they are promoted to; NaN is above all numbers, and -0 is +0.
///
/// Collective. A replicated series is searched by each rank for its own values. Of one that is
/// split, ranks keep their parts: each value goes to the rank that has its place, and the answer
/// comes back (8 bytes each way). Memory beside the result: 8 bytes for each element of the series
/// that a rank has, and 40 for each of its values.
/// @throws InvalidArgument for a series that is not 1-d, complex numbers, arrays on a device;
/// DataError on all ranks for a series that is not sorted; RankError if memory is short on one.
[[nodiscard]] Array searchsorted(const Array& sorted, const Array& values,
                                 SearchSide side = SearchSide::left);

/// The number of the bin of each value, as numpy.digitize: i64, where bin i begins with edge i - 1
/// and ends before edge i (with `is_right` it begins behind edge i - 1 and ends with edge i). Edges
/// ascend, or descend. Collective, without communication but for having the memory.
/// @throws InvalidArgument for edges that do neither, complex numbers, arrays on a device.
[[nodiscard]] Array digitize(const Array& values, std::span<const double> edges,
                             bool is_right = false);

}  // namespace serried
