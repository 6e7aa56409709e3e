#pragma once

#include <cstdint>

#include "serried/base/api.hpp"
#include "serried/base/shape.hpp"

namespace SERRIED_API serried {

/// How many leading axes of a shape are flattened into rows where the order of elements does not
/// matter: as many as give 1024 rows, of at most 64 MiB each (all of them where there are fewer).
/// From the shape alone, so that a field in memory and the same field in a file have the same rows.
/// Local.
[[nodiscard]] int flattened_row_axes(const Shape& shape, std::int64_t item_bytes);

}  // namespace serried
