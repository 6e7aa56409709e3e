#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "serried/base/shape.hpp"
#include "serried/io/address.hpp"

namespace serried {

/// What a selection leaves of one axis of a dataset: the indices start, start + step, ... (count of
/// them).
struct SelectedAxis {
  std::int64_t start = 0;
  std::int64_t step = 1;
  std::int64_t count = 0;
  bool is_dropped = false;  ///< one index was given: the axis is not in the result

  friend bool operator==(const SelectedAxis&, const SelectedAxis&) = default;
};

/// Applies a selection to a dataset's shape: one entry for each axis of the file. Ranges are
/// clipped as in Python. Example: `[2:9:3, -1]` on (8, 5): {start 2, step 3, count 2}, {start 4,
/// count 1, dropped}. Local.
/// @param name how messages call the dataset.
/// @throws InvalidArgument for more entries than axes, and for an index beyond its axis.
[[nodiscard]] std::vector<SelectedAxis> apply_selection(std::span<const AxisSelection> selection,
                                                        const Shape& shape,
                                                        const std::string& name);

/// The extents of the axes that are kept.
/// Local.
[[nodiscard]] Shape selected_shape(std::span<const SelectedAxis> axes);

}  // namespace serried
