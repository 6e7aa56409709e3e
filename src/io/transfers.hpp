#pragma once

#include <cstdint>
#include <vector>

#include "io/geometry.hpp"
#include "io/metadata.hpp"
#include "serried/base/row_range.hpp"

namespace serried {

/// A part (one address) and where its elements stand in a row.
struct PartGeometry {
  AxisRoles roles;
  Shape samples;
  Shape features;
  std::int64_t feature_begin = 0;
  /// For each axis of the part's shape, the distance in elements between neighbours in the matrix
  /// of rows.
  std::vector<std::int64_t> strides;
};

/// A block of one dataset and where its elements go.
struct Transfer {
  const ItemMeta* item = nullptr;
  std::vector<std::int64_t> begin;    ///< for each axis of the file, in selected indices
  std::vector<std::int64_t> count;    ///< 1 for dropped axes
  std::vector<std::int64_t> strides;  ///< in elements of the destination; 0 for dropped axes
  std::int64_t offset = 0;            ///< of the first element in the destination, in elements
  std::int64_t elements = 0;
};

/// The transfers that fill the rows `rows` of a part, in the order of their first rows. Local.
[[nodiscard]] std::vector<Transfer> plan_transfers(const PartMeta& part,
                                                   const PartGeometry& geometry, RowRange rows,
                                                   std::int64_t row_elements);

}  // namespace serried
