#pragma once

#include <cstdint>
#include <vector>

#include "serried/array/array.hpp"
#include "serried/base/api.hpp"

/// Elements by number and by condition, for all dtypes. (Ranges with a step: Array::slice.)
/// Negative axes and indices count from the end. All are Collective.
/// @throws InvalidArgument on all ranks alike for what is said, axes that are not there, and arrays
/// on a device; DataError, the same on all ranks, for an index out of bounds, which names the first
/// such one; RankError if memory is short on a rank.
namespace SERRIED_API serried {

/// The index `index` of an axis, which is gone in the result. Split as before, with the same
/// layout, or, if the split axis itself is gone, along axis 0 in uniform tiles.
/// @throws InvalidArgument for an index out of bounds.
[[nodiscard]] Array take(const Array& array, std::int64_t index, int axis);

/// As numpy.take: the axis is replaced by the axes of `indices`, integers in any order, as often as
/// they stand there.
///
/// Along the split axis, every rank asks for the rows of its own part of `indices`, or, of
/// replicated ones, of its part in uniform tiles: the result lies as the indices. Rows are fetched
/// in rounds of 8 MiB for each rank. Along another axis, every rank gets all indices, and rows stay
/// on their ranks, in their tiles. Of a replicated array the result is split as the indices are.
/// Communication: 8 bytes to and a row back for each index. Memory beside input and result: 24
/// bytes for each index of the rank (along other axes: 8 for each of all), and 24 MiB, or 192 KiB
/// for each rank where there are more than 128.
/// @throws InvalidArgument for indices that are no integers.
[[nodiscard]] Array take(const Array& array, const Array& indices, int axis = 0);

/// The array with other elements at the given indices of an axis: index indices[i] of the result is
/// index i of `values`, whose shape is that of take(array, indices, axis), or can be broadcast to
/// it. Of repeated indices the last one counts, whatever the number of ranks. The result lies as
/// the array.
///
/// Communication: of values that lie elsewhere than their indices each element once; 16 bytes and a
/// row for each index. Memory beside input and result: the values once more if they are broadcast
/// or lie elsewhere; along the split axis 8 bytes for each row, and what take needs.
/// @throws InvalidArgument for indices that are no integers or have not one dimension, values of
/// another dtype or shape.
[[nodiscard]] Array put(const Array& array, const Array& indices, const Array& values,
                        int axis = 0);

/// Whether rows that a filter leaves are spread evenly again.
enum class Balance : std::uint8_t {
  /// If it pays: where, of the tiles cut into 64 equal runs, one has more than twice the mean of
  /// the rows that are left. A function of mask and layout alone, so that arrays that are filtered
  /// by the same mask always lie alike.
  automatic,
  never,  ///< rows stay on their ranks, tiles shrink
  always
};

/// array[mask]: the indices of an axis at which the mask (b8, one dimension) is true. Along the
/// split axis no rows move, but what `balance` asks for; the mask is brought to where the array
/// lies. Along another axis every rank gets the mask. Communication: the number of rows left in
/// each tile. Memory beside input and result: the mask, if it lies elsewhere.
/// @throws InvalidArgument for a mask of another length, or of another dtype.
[[nodiscard]] Array compress(const Array& array, const Array& mask, int axis,
                             Balance balance = Balance::automatic);
/// array[mask] with a mask of the array's first axes, or of all of them: the elements, or what the
/// other axes have at them, in C order, along axis 0. An array that is split along another axis is
/// split along axis 0 first. @throws as above.
[[nodiscard]] Array compress(const Array& array, const Array& mask,
                             Balance balance = Balance::automatic);

/// The numbers in C order (i64) of the elements that are not 0, ascending. Spread as compress does
/// it, and replicated for a replicated array.
[[nodiscard]] Array flatnonzero(const Array& array, Balance balance = Balance::automatic);
/// Their indices, as rows: an array of i64 of shape (count, dimensions).
[[nodiscard]] Array argwhere(const Array& array, Balance balance = Balance::automatic);
/// Their indices, one array for each axis.
/// @throws InvalidArgument for a 0-d array.
[[nodiscard]] std::vector<Array> nonzero(const Array& array, Balance balance = Balance::automatic);

}  // namespace serried
