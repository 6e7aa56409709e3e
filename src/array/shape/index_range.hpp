#pragma once

#include <cstdint>

#include "serried/array/array.hpp"

namespace serried {

/// The indices begin, begin + step, ... of an axis: `count` of them.
struct IndexRange {
  std::int64_t begin = 0;
  std::int64_t step = 1;  ///< 1 where fewer than two indices are left
  std::int64_t count = 0;
};

/// What a slice takes of an axis, as Python's slice.indices. Local.
/// @throws InvalidArgument for a step of 0.
[[nodiscard]] IndexRange indices_of(const Slice& slice, std::int64_t extent);

}  // namespace serried
