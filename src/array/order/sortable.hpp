#pragma once

#include <cstddef>
#include <vector>

#include "array/array_bytes.hpp"
#include "serried/array/array.hpp"
#include "serried/device/sort_kernels.hpp"

namespace serried {

/// @throws InvalidArgument for dtypes without an order, and arrays on a device.
void check_sortable(const Array& array);

/// This rank's elements of an array whose memory is in C order of the whole (split along axis 0, or
/// replicated), with their numbers in that order. Collective: ranks agree on having the memory.
[[nodiscard]] std::vector<KeyPlace> key_places_of(const Array& array);

}  // namespace serried
