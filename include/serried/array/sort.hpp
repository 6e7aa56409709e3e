#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "serried/array/array.hpp"
#include "serried/base/api.hpp"

namespace SERRIED_API serried {

/// Sorted values, and where each of them came from.
struct Sorted {
  Array values;
  Array indices;  ///< i64: numbers along the sorted axis
};

/// Sorts along an axis, ascending, as numpy.sort and numpy.argsort(kind="stable"), or descending:
/// either way equal values (and -0 and +0) keep their order, and NaN comes last (as the positive
/// quiet NaN). Integers and
/// floating numbers, b8 too. Negative axes count from the end; a 1-d array is sorted over all
/// ranks, into uniform tiles, so that no rank gets more than its own rows, whatever the values are.
///
/// Along another axis than the split one every rank sorts its own; along the split axis of an array
/// of several dimensions it is split along another axis first, and back. Collective.
/// Communication: of a 1-d array each element once, 16 bytes, to the rank where it ends; some 200
/// rounds of P counts to find the cuts. Memory beside input and result: 32 bytes for each element.
/// @throws InvalidArgument for complex numbers, an axis that is not there, arrays on a device.
[[nodiscard]] Sorted sort(const Array& array, int axis = -1, bool is_descending = false);

/// The order of the places of several series of equal length, as numpy.lexsort: sorted by the last
/// one, where that is equal by the one before it, and so on; equal places keep their order. NaN
/// comes last, -0 is +0. i64, in uniform tiles. Collective. Communication: for each key 16 bytes an
/// element as sort() sends, and for each but the first 32 more; memory: 64 bytes an element.
///
/// Keys of several dimensions are ordered along the last axis, every line for itself: the result is
/// split along axis 0 (replicated if all keys are), as are keys that were not, in one exchange
/// each; memory: the keys that move, and 8 bytes for each element of all keys of a line and thread.
/// @throws as sort, and InvalidArgument for no keys, keys of no dimension, and different shapes.
[[nodiscard]] Array lexsort(std::span<const Array> keys);

struct UniqueOptions {
  bool has_counts = false;
  bool has_indices = false;
  bool has_inverse = false;
};

/// Different values, and what was asked for besides.
struct Unique {
  Array values;                  ///< ascending, 1-d, in uniform tiles
  std::optional<Array> counts;   ///< i64: how often each value stands in the array
  std::optional<Array> indices;  ///< i64: the C-order number of its first element
  std::optional<Array> inverse;  ///< i64, as the array: the number of each element's value
};

/// The different values of all elements, as numpy.unique: NaN is one value, and -0 is +0 (the first
/// of them stands for both). Collective. Communication and memory as sort; the inverse sends 16
/// bytes for each element back. @throws as sort.
[[nodiscard]] Unique unique(const Array& array, const UniqueOptions& options = {});

/// The `count` highest values (lowest with `is_lowest`) of all elements, in order, and their
/// numbers in C order, on every rank; of equal ones the first. NaN is taken when nothing else is
/// left. Fewer where there are fewer. Collective: one allgather of `count` pairs. Memory: a few
/// times `count` pairs of 16 bytes for each thread and rank. @throws as sort, and for a negative
/// count.
[[nodiscard]] Sorted topk(const Array& array, std::int64_t count, bool is_lowest = false);

}  // namespace serried
