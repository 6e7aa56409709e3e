#pragma once

#include <cstdint>
#include <vector>

#include "serried/base/shape.hpp"

namespace serried::detail {

/// A bit for each axis that is reduced; no axes: all. Local.
/// @throws InvalidArgument for axes that are not there, or twice.
[[nodiscard]] std::uint32_t reduced_axes(const Shape& shape, const std::vector<int>& axes);

/// The shape behind a reduction. Local.
[[nodiscard]] Shape reduced_shape(const Shape& shape, std::uint32_t reduced, bool keeps_axes);

}  // namespace serried::detail
