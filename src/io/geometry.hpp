#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "serried/base/row_range.hpp"
#include "serried/base/shape.hpp"
#include "serried/io/dataset.hpp"

namespace serried {

/// A block of an N-d index space: `begin` and `count` for each axis.
struct Box {
  std::array<std::int64_t, max_dimensions> begin{};
  std::array<std::int64_t, max_dimensions> count{};
  std::int64_t first =
      0;  ///< the C-order number of its first element, relative to the range's begin
};

/// Cuts a run of C-order element numbers of `shape` into at most 2 * dimensions - 1 boxes, in
/// order; each is one contiguous run. Example: [3, 13) of (4, 5): {0; 3..5}, {1..2; 0..5}, {2;
/// 0..3} as [begin..end). Local.
[[nodiscard]] std::vector<Box> boxes_of(const Shape& shape, RowRange elements);

/// The axes that are samples and those that are features, each in the order of the rows' C order.
struct AxisRoles {
  std::vector<int> samples;
  std::vector<int> features;
};

/// Decides the roles of the axes of a shape.
/// Local.
/// @param element_bytes for the rule that a row of flattened axes has at most 64 MiB.
/// @throws InvalidArgument for axes that the shape does not have, or that are named twice.
[[nodiscard]] AxisRoles resolve_roles(const SampleAxes& samples, const Shape& shape,
                                      std::size_t element_bytes, const std::string& name);

/// The extents of some axes, in the given order. Local.
[[nodiscard]] Shape extents_of(const Shape& shape, std::span<const int> axes);

/// C-order strides in elements. Local.
[[nodiscard]] std::vector<std::int64_t> c_strides(std::span<const std::int64_t> extents);

}  // namespace serried
