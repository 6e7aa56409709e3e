#pragma once

#include <cstdint>

#include "serried/comm/layout.hpp"

namespace serried {

/// The leaves of a reduction over a layout: leaf i is the aligned run of tiles [i * 2^g, (i + 1) * 2^g).
/// g is the smallest with leaf bytes >= max(16 KiB, 16 * payload) for payloads below 1 MiB, else >= payload;
/// it depends on the row count, the row bytes and the payload bytes alone, never on the ranks. A leaf is
/// reduced whole by the rank that owns its first tile.
class Leaves {
 public:
  /// Local.
  Leaves(Layout layout, std::int64_t row_bytes, std::int64_t payload_bytes);

  [[nodiscard]] const Layout& layout() const noexcept { return layout_; }
  /// 2^g, the tiles of a leaf.
  [[nodiscard]] std::int64_t tiles_per_leaf() const noexcept { return tiles_per_leaf_; }
  /// Number of leaves; 0 for no rows.
  [[nodiscard]] std::int64_t count() const noexcept { return count_; }
  /// First row of a leaf; row_begin(count()) is the number of rows.
  [[nodiscard]] std::int64_t row_begin(std::int64_t leaf) const noexcept;
  /// First leaf that a rank owns; first_leaf(ranks) is count().
  [[nodiscard]] std::int64_t first_leaf(int rank) const noexcept;
  [[nodiscard]] int owner(std::int64_t leaf) const noexcept;
  /// The rows of all leaves that a rank owns: a partition of all rows, cut at leaf boundaries.
  [[nodiscard]] RowRange rows_of(int rank) const noexcept;

 private:
  Layout layout_;
  std::int64_t tiles_per_leaf_ = 1;
  std::int64_t count_ = 0;
};

}  // namespace serried
