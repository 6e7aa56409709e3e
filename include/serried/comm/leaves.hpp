#pragma once

#include <cstdint>
#include <utility>

#include "serried/base/api.hpp"
#include "serried/comm/layout.hpp"

namespace SERRIED_API serried {

/// The leaves of a reduction over a layout: leaf i is the aligned run of tiles [i * 2^g, (i + 1) *
/// 2^g). g is the smallest with leaf bytes >= max(16 KiB, 16 * payload) for payloads below 1 MiB,
/// else >= payload; it depends on the tiles, the row bytes and the payload bytes alone, never on
/// the ranks. (A leaf never has more than the power of two of tiles that covers them all.) A leaf
/// is reduced whole by the rank that owns its first tile; ranks whose tiles all lie inside other
/// ranks' leaves own no leaf.
///
/// Worked example: 1 000 000 rows of 8 bytes, payload 72 bytes. The tiles have 64 rows (see
/// Layout), that is 512 bytes; a leaf needs max(16 KiB, 1152) bytes = 32 tiles, g = 5. There are
/// ceil(15 625 / 32) = 489 leaves. On 3 ranks, rank 1 owns the tiles [5208, 10416); leaf 162 begins
/// with tile 5184 and belongs to rank 0, so rank 1 owns the leaves [163, 326), the rows [333 824,
/// 667 648).
class Leaves {
 public:
  /// Local.
  /// @throws InvalidArgument for negative sizes.
  Leaves(const Layout& layout, std::int64_t row_bytes, std::int64_t payload_bytes);
  /// Leaves of a given number of tiles.
  /// Local.
  /// @throws InvalidArgument if the number is no power of two.
  [[nodiscard]] static Leaves of_tiles(Layout layout, std::int64_t tiles_per_leaf);
  /// Every tile is a leaf, so that rows_of(rank) is layout.rows_of(rank): for work whose result
  /// lies as its rows do. Local.
  [[nodiscard]] static Leaves single_tiles(Layout layout) { return of_tiles(std::move(layout), 1); }

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
  Leaves(Layout layout, std::int64_t tiles_per_leaf);
  Layout layout_;
  std::int64_t tiles_per_leaf_ = 1;
  std::int64_t count_ = 0;
};

}  // namespace serried
