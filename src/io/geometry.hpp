#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "serried/base/shape.hpp"
#include "serried/io/dataset.hpp"

namespace serried {

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
