#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "serried/base/shape.hpp"
#include "serried/io/address.hpp"

namespace serried {

/// What a selection leaves of one axis of a dataset: the indices start, start + step, ... (count of
/// them), which files are read by, whether the selection has the first or the last of them in
/// front.
struct SelectedAxis {
  std::int64_t start = 0;
  std::int64_t step = 1;
  std::int64_t count = 0;
  bool is_dropped = false;   ///< one index was given: the axis is not in the result
  bool is_reversed = false;  ///< the last index comes first; only of more than one

  /// Where `extent` neighbouring indices of the selection, from `begin` on, begin in the order of
  /// the file; and the other way round. Example: of 5, [0, 2) reversed is [3, 5). Local.
  [[nodiscard]] std::int64_t in_file_order(std::int64_t begin, std::int64_t extent) const noexcept {
    return is_reversed ? count - begin - extent : begin;
  }
  friend bool operator==(const SelectedAxis&, const SelectedAxis&) = default;
};

/// Applies a selection to a dataset's shape: one entry for each axis of the file. Ranges are
/// clipped as in Python. Example: `[2:9:3, -1]` on (8, 5): {start 2, step 3, count 2}, {start 4,
/// count 1, dropped}; `[7:1:-3]` on (8): {start 4, step 3, count 2, reversed}. Local.
/// @param name how messages call the dataset.
/// @throws InvalidArgument for more entries than axes, and for an index beyond its axis.
[[nodiscard]] std::vector<SelectedAxis> apply_selection(std::span<const AxisSelection> selection,
                                                        const Shape& shape,
                                                        const std::string& name);

/// What a second selection leaves of what a first one has left of an axis. Example: {start 0, step
/// 2, count 3, reversed} of {start 1, step 3, count 5} (1, 4, 7, 10, 13) is {start 1, step 6, count
/// 3, reversed} (13, 7, 1). Local.
[[nodiscard]] SelectedAxis select_within(const SelectedAxis& first, const SelectedAxis& second);

/// The extents of the axes that are kept.
/// Local.
[[nodiscard]] Shape selected_shape(std::span<const SelectedAxis> axes);

}  // namespace serried
