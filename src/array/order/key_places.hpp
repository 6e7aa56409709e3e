#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "serried/base/dtype.hpp"
#include "serried/device/sort_kernels.hpp"

namespace serried {

/// Elements as pairs to be sorted: element i becomes the key of its value and the place
/// 2 (first + i), plus 1 for -0, whose key is that of +0. With `is_falling` the highest numbers
/// have the lowest keys; NaN comes last either way. Local.
/// @param stride from element to element, in elements.
void make_key_places(DType dtype, const std::byte* elements, std::int64_t stride,
                     std::int64_t first, bool is_falling, std::span<KeyPlace> pairs);

/// The elements again, and their numbers (i64) where they are wanted. Local.
/// @param stride of both, in elements.
void store_key_places(DType dtype, std::span<const KeyPlace> pairs, bool is_falling,
                      std::byte* elements, std::int64_t* numbers, std::int64_t stride = 1);

}  // namespace serried
