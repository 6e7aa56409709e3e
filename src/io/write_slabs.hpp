#pragma once

#include <cstdint>
#include <vector>

#include "serried/base/row_range.hpp"
#include "serried/base/shape.hpp"

namespace serried {

/// The slabs of a dataset's elements, numbered in C order: the shortest runs that hold whole
/// chunks. Elements of different slabs lie in different chunks, so a slab that is written at once
/// has its chunks compressed once. Axes before the first along which a chunk is longer than 1 are
/// cut into single indices, that axis into runs of a chunk's length.
///
/// Example: (4, 7, 5) in chunks of (1, 3, 2): slabs of 15, 15 and 5 elements, four times. In chunks
/// of (3, 7, 5): slabs of 105 and 35 elements.
class WriteSlabs {
 public:
  /// @param chunks extents of a chunk; empty: each element is a slab.
  WriteSlabs(const Shape& shape, const std::vector<std::int64_t>& chunks);

  /// The slab that holds an element of the dataset. Local.
  [[nodiscard]] RowRange slab_of(std::int64_t element) const noexcept;
  /// The last element number not above `element` at which a slab begins, or the dataset ends.
  [[nodiscard]] std::int64_t last_begin(std::int64_t element) const noexcept {
    return element >= elements_ ? elements_ : slab_of(element).begin;
  }
  /// Elements of the longest slab.
  [[nodiscard]] std::int64_t longest() const noexcept { return chunk_ * inner_; }

 private:
  std::int64_t elements_;
  std::int64_t extent_ = 1;  ///< of the axis that is cut into runs
  std::int64_t chunk_ = 1;   ///< of a chunk along it
  std::int64_t inner_ = 1;   ///< elements with the same index along it and the axes before
};

}  // namespace serried
