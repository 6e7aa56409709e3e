#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "serried/base/api.hpp"
#include "serried/base/row_range.hpp"

namespace SERRIED_API serried {

/// Who owns which rows. All rows belong to tiles; the tiles depend on the data alone, and a rank
/// owns a contiguous run of whole tiles. Equal layouts need no communication. A Layout is an
/// immutable value.
///
/// Worked example: n = 1 000 000 rows. The tile length is the smallest power of two L with n / L <=
/// 16 384: L = 64, T = 15 625 tiles. On P = 3 ranks, rank 1 owns the tiles [1*T/3, 2*T/3) = [5208,
/// 10416), that is the rows [333 312, 666 624).
class Layout {
 public:
  static constexpr std::int64_t default_max_tiles = 16384;

  /// Uniform tiles for fresh data of `rows` rows.
  /// Local.
  /// @throws InvalidArgument for rows < 0, ranks < 1 or max_tiles < 1.
  [[nodiscard]] static Layout uniform(std::int64_t rows, int ranks,
                                      std::int64_t max_tiles = default_max_tiles);
  /// Tiles with the given boundaries (ascending, first 0; size tiles + 1), owned as `first_tiles`
  /// says (ascending, size ranks + 1, first 0, last = tiles). Tiles may be empty, as after a
  /// filter. Local.
  /// @throws InvalidArgument if the numbers are not as said.
  [[nodiscard]] static Layout from_tiles(std::vector<std::int64_t> tile_begins,
                                         std::vector<std::int64_t> first_tiles);
  /// The same tiles with rank r owning [first_tiles[r], first_tiles[r + 1]).
  [[nodiscard]] Layout with_owners(std::vector<std::int64_t> first_tiles) const;

  [[nodiscard]] std::int64_t rows() const noexcept;
  [[nodiscard]] std::int64_t tiles() const noexcept;
  [[nodiscard]] int ranks() const noexcept;
  [[nodiscard]] bool is_uniform() const noexcept;
  /// Rows of a full tile; for tiles with given boundaries, the mean length rounded up, at least 1.
  [[nodiscard]] std::int64_t tile_rows() const noexcept;

  /// First row of a tile; tile_begin(tiles()) is rows().
  [[nodiscard]] std::int64_t tile_begin(std::int64_t tile) const noexcept;
  /// First tile of a rank; first_tile(ranks()) is tiles().
  [[nodiscard]] std::int64_t first_tile(int rank) const noexcept;
  [[nodiscard]] RowRange rows_of(int rank) const noexcept;
  /// The tile that holds a row (0 <= row < rows()).
  [[nodiscard]] std::int64_t tile_of_row(std::int64_t row) const noexcept;
  [[nodiscard]] int owner_of_tile(std::int64_t tile) const noexcept;
  [[nodiscard]] int owner_of_row(std::int64_t row) const noexcept;

  SERRIED_API_FRIEND friend bool operator==(const Layout& a, const Layout& b) noexcept;

 private:
  struct Impl;
  explicit Layout(std::shared_ptr<const Impl> impl);
  std::shared_ptr<const Impl> impl_;
};

}  // namespace serried
