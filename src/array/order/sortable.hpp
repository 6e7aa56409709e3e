#pragma once

#include <cstddef>

#include "array/array_bytes.hpp"
#include "array/order/row_sort.hpp"
#include "serried/array/array.hpp"

namespace serried {

/// @throws InvalidArgument for dtypes without an order, and arrays on a device.
void check_sortable(const Array& array);

/// This rank's elements of an array whose memory is in C order of the whole (split along axis 0, or
/// replicated), with their numbers in that order; `is_falling` as in make_key_places. Collective:
/// ranks agree on having the memory.
[[nodiscard]] KeyPlaces key_places_of(const Array& array, bool is_falling = false);

}  // namespace serried
