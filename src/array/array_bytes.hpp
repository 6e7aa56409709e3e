#pragma once

#include <cstddef>

#include "serried/array/array.hpp"

namespace serried {

/// The memory of this rank's part of an array that was just made, whatever its dtype. Local.
[[nodiscard]] std::byte* memory_of(Array& array);

/// An array that lies as another one does, not initialised. Collective.
[[nodiscard]] Array empty_like(const Array& array, DType dtype);

}  // namespace serried
