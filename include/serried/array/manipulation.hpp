#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include "serried/array/array.hpp"
#include "serried/base/api.hpp"

/// Arrays that are arranged anew, as by NumPy's functions of the same names, for all dtypes.
///
/// Where results lie is a function of shapes and layouts: a result is split along the axis that its
/// array is split along, wherever that axis ends up; along axis 0 if it is gone. Where the indices
/// of that axis stay what they are, rows stay on their ranks, in their tiles, and nothing is sent.
/// Where rows are moved, repeated or put together, the result has uniform tiles, and each element
/// is sent once to each rank that needs it. Of replicated arrays the result is replicated, made by
/// every rank for itself. Results are new memory, except where said that they share their array's,
/// as its copies do.
///
/// Negative axes count from the end. Memory beside input and result: 4 MiB, unless said otherwise.
/// All are Collective.
/// @throws InvalidArgument on all ranks alike for what is said, axes that are not there or given
/// twice, and arrays on a device; RankError if memory is short on a rank. So all of these.
namespace SERRIED_API serried {

// --- joining and splitting ---

/// Arrays one behind the other along an axis, in the dtype that NumPy promotes theirs to. The
/// result is split as the first array that is split. Along another axis than that one it has that
/// array's tiles, if all others have the same tiles too (or are replicated), else uniform ones.
/// Memory: also copies of arrays that are converted.
/// @throws InvalidArgument for no arrays, 0-d arrays, or other extents that differ.
[[nodiscard]] Array concatenate(const std::vector<Array>& arrays, int axis = 0);
/// Arrays of one shape side by side along a new axis. It is not split along the new axis.
/// @throws InvalidArgument also for shapes that differ.
[[nodiscard]] Array stack(const std::vector<Array>& arrays, int axis = 0);
/// Equal parts, as slices: along the split axis, rows stay where they are.
/// @throws InvalidArgument if `sections` does not divide the axis.
[[nodiscard]] std::vector<Array> split(const Array& array, std::int64_t sections, int axis = 0);
/// As split; the first n % sections of the parts have one index more.
[[nodiscard]] std::vector<Array> array_split(const Array& array, std::int64_t sections,
                                             int axis = 0);
/// Parts that end before the given indices, as numpy.split with a list.
[[nodiscard]] std::vector<Array> split_at(const Array& array,
                                          const std::vector<std::int64_t>& indices, int axis = 0);

// --- shapes ---

/// The same elements in C order in another shape; one extent may be -1. If an axis of the new shape
/// has the split axis's extent, and as many elements in front of it, the result is split along it
/// and shares the array's memory. Else it is split along axis 0 in uniform tiles; an array that is
/// split along another axis then takes a copy more.
/// @throws InvalidArgument unless the numbers of elements are equal.
[[nodiscard]] Array reshape(const Array& array, const std::vector<std::int64_t>& shape);
/// All elements in C order, in one dimension.
[[nodiscard]] Array ravel(const Array& array);
/// Axis i of the result is axis axes[i] of the array; none given: reversed. Nothing is sent. Shares
/// the array's memory where the axes that are not split keep their order, as in two dimensions.
[[nodiscard]] Array transpose(const Array& array, const std::vector<int>& axes = {});
/// As transpose: axis `source` comes to stand at `destination`, the others keep their order.
[[nodiscard]] Array moveaxis(const Array& array, int source, int destination);
/// As transpose: two axes change places.
[[nodiscard]] Array swapaxes(const Array& array, int a, int b);
/// A new axis of extent 1 in front of axis `axis` of the array; `axis` counts in the result. Shares
/// the array's memory.
[[nodiscard]] Array expand_dims(const Array& array, int axis);
/// Without the given axes, which have an extent of 1 (none given: all that have). Shares the
/// array's memory unless the split axis is among them.
[[nodiscard]] Array squeeze(const Array& array, const std::vector<int>& axes = {});
/// Repeated along axes of extent 1, and along new axes in front, to the given shape.
/// @throws InvalidArgument if the shape is not one that the array can be broadcast to.
[[nodiscard]] Array broadcast_to(const Array& array, const Shape& shape);
enum class GridIndexing : std::uint8_t {
  xy,  ///< the first array varies along axis 1, the second along axis 0
  ij   ///< array k varies along axis k
};
/// Coordinates of all points of a grid, of one-dimensional coordinates (or numbers): one array for
/// each, of the grid's shape, always split along axis 0 in uniform tiles.
[[nodiscard]] std::vector<Array> meshgrid(const std::vector<Array>& coordinates,
                                          GridIndexing indexing = GridIndexing::xy);

// --- rows in another order ---

/// Reversed along the given axes (none: all).
[[nodiscard]] Array flip(const Array& array, const std::vector<int>& axes = {});
/// Moved on by `shifts[i]` along axes[i], cyclically; an axis may be given several times.
/// @throws InvalidArgument unless there is one shift for each axis.
[[nodiscard]] Array roll(const Array& array, const std::vector<std::int64_t>& shifts,
                         const std::vector<int>& axes);
/// Moved on in C order.
[[nodiscard]] Array roll(const Array& array, std::int64_t shift);

// --- more of the same ---

enum class PadMode : std::uint8_t {
  constant,
  edge,       ///< the last element again and again
  reflect,    ///< mirrored at the last element: 3 2 | 1 2 3 | 2 1
  symmetric,  ///< mirrored behind it: 2 1 | 1 2 3 | 3 2
  wrap        ///< from the other end: 2 3 | 1 2 3 | 1 2
};
struct PadOptions {
  PadMode mode = PadMode::constant;
  double value = 0;  ///< of PadMode::constant
};
/// With `widths[i]` = (before, behind) more indices along axis i; one pair is for all axes.
/// @throws InvalidArgument for negative widths, another number of pairs, a value that the dtype
/// cannot hold, or an axis without indices and another mode than constant.
[[nodiscard]] Array pad(const Array& array,
                        const std::vector<std::pair<std::int64_t, std::int64_t>>& widths,
                        const PadOptions& options = {});
/// The whole array again and again, `repetitions[i]` times along axis i; the shorter of shape and
/// repetitions gets ones in front. With several axes, memory for one result more.
/// @throws InvalidArgument for negative repetitions.
[[nodiscard]] Array tile(const Array& array, const std::vector<std::int64_t>& repetitions);
/// Each index along an axis `count` times.
/// @throws InvalidArgument for a negative count.
[[nodiscard]] Array repeat(const Array& array, std::int64_t count, int axis = 0);
/// Index i along an axis `counts[i]` times: as many integers as the axis is long, or one. The
/// result lies as that of take() with such indices, replicated if the array is. Memory beside input
/// and result: 16 bytes for each count, 48 for each index of the result, and what take() needs.
/// @throws InvalidArgument for counts that are no integers, or another number of them; DataError,
/// on all ranks, for negative ones.
[[nodiscard]] Array repeat(const Array& array, const Array& counts, int axis = 0);

// --- neighbours ---

/// Differences x[i + 1] - x[i] along an axis, `order` times; of b8 whether they differ. Integers
/// wrap around. Along the split axis in uniform tiles. Memory: two copies of the array.
/// @throws InvalidArgument for a negative order, or 0-d arrays.
[[nodiscard]] Array diff(const Array& array, int order = 1, int axis = -1);

enum class Coarsening : std::uint8_t { sum, mean, min, max };
struct CoarsenOptions {
  bool trims_excess = false;  ///< what is left over at an axis's end is left out, else an error
};
/// Each block of factors[i] indices along axis i becomes one number, as dask.array.coarsen. Dtypes
/// and accuracy are those of the reductions of expressions (serried/expr/reductions.hpp). Along the
/// split axis in uniform tiles, if its factor is not 1. Memory: two copies of the array.
/// @throws InvalidArgument unless there is one factor of at least 1 for each axis, which divides
/// its extent, or where dimensions and factors above 1 together are more than 8; DataError for a
/// sum beyond its integer dtype.
[[nodiscard]] Array coarsen(const Array& array, Coarsening how,
                            const std::vector<std::int64_t>& factors,
                            const CoarsenOptions& options = {});

}  // namespace serried
