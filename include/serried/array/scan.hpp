#pragma once

#include <optional>

#include "serried/array/array.hpp"
#include "serried/base/api.hpp"

namespace SERRIED_API serried {

struct ScanOptions {
  /// Negative ones count from the end; none: all elements in C order, as a 1-d array.
  std::optional<int> axis = std::nullopt;
  /// NaN counts as 0 (in a product as 1), as in numpy.nancumsum and numpy.nancumprod.
  bool skips_nan = false;
};

/// Element i along an axis: the sum (product) of the elements 0 .. i, as numpy.cumsum and
/// numpy.cumprod. i64 of b8 and signed integers, u64 of unsigned ones, else the dtype; shape, split
/// axis and tiles are those of the array (over all elements of several dimensions: uniform tiles).
/// A 0-d array counts as one element.
///
/// Floating numbers are added in f64: in strips of 64, and strips with the error of each addition
/// kept. So with u = 2^-53 the error of an element of f64 is at most u |element| + 70 u (sum of
/// |x| so far), however many there are, and in practice an ulp or two; of f32 and f16 (which NumPy
/// adds in their own precision) it is that of the last rounding. Sums of numbers that are not
/// negative never fall. A product of k factors has a relative error of at most (k + 1) u, and has a
/// value wherever it is in the dtype's range, whatever the products before it were. A sum whose
/// parts are beyond f64, or which NumPy would pass infinity to reach, may be infinite or NaN.
///
/// Bits depend on the elements along the axis and, along the split axis, on its tiles: not on the
/// number of ranks and threads. Collective. One read of the array, or two where ranks, or threads,
/// share an axis; then a state of 8 to 32 bytes for each column goes from each rank to the next.
/// Memory beside input and result: 32 MiB, or a 2000th of the array. Over all elements of an array
/// that is not split along axis 0, it is split so first.
/// @throws InvalidArgument for an axis that is not there, arrays on a device; DataError on all
/// ranks for a sum or product of integers beyond i64 or u64, where NumPy wraps around (as sum() of
/// expressions does); RankError if memory is short on a rank.
[[nodiscard]] Array cumsum(const Array& array, const ScanOptions& options = {});
[[nodiscard]] Array cumprod(const Array& array, const ScanOptions& options = {});

}  // namespace serried
