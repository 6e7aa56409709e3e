#include "serried/comm/leaves.hpp"

#include <algorithm>
#include <string>
#include <utility>

#include "serried/base/error.hpp"

namespace serried {
namespace {

constexpr std::int64_t small_leaf_bytes = std::int64_t{16} << 10;
constexpr std::int64_t large_payload_bytes = std::int64_t{1} << 20;

constexpr std::int64_t divide_up(std::int64_t a, std::int64_t b) {
  return a / b + (a % b != 0);
}

std::int64_t choose_tiles_per_leaf(const Layout& layout, std::int64_t row_bytes,
                                   std::int64_t payload_bytes) {
  const std::int64_t wanted = payload_bytes < large_payload_bytes
                                  ? std::max(small_leaf_bytes, 16 * payload_bytes)
                                  : payload_bytes;
  // rows that hold the wanted bytes; all of them where a row has none
  const std::int64_t wanted_rows = row_bytes > 0 ? divide_up(wanted, row_bytes) : INT64_MAX;
  const std::int64_t wanted_tiles = divide_up(wanted_rows, layout.tile_rows());
  std::int64_t tiles_per_leaf = 1;
  while (tiles_per_leaf < wanted_tiles && tiles_per_leaf < layout.tiles()) tiles_per_leaf *= 2;
  return tiles_per_leaf;
}

}  // namespace

Leaves::Leaves(Layout layout, std::int64_t tiles_per_leaf)
    : layout_(std::move(layout)),
      tiles_per_leaf_(tiles_per_leaf),
      count_(layout_.rows() == 0 ? 0 : divide_up(layout_.tiles(), tiles_per_leaf)) {}

Leaves::Leaves(const Layout& layout, std::int64_t row_bytes, std::int64_t payload_bytes)
    : Leaves(layout, choose_tiles_per_leaf(layout, row_bytes, payload_bytes)) {
  if (row_bytes < 0 || payload_bytes < 0)
    throw InvalidArgument("a row of " + std::to_string(row_bytes) + " bytes and a payload of " +
                          std::to_string(payload_bytes) + " bytes make no leaves");
}

Leaves Leaves::of_tiles(Layout layout, std::int64_t tiles_per_leaf) {
  if (tiles_per_leaf < 1 || (tiles_per_leaf & (tiles_per_leaf - 1)) != 0)
    throw InvalidArgument("a leaf has a power of two of tiles, not " +
                          std::to_string(tiles_per_leaf));
  return Leaves(std::move(layout), tiles_per_leaf);
}

std::int64_t Leaves::row_begin(std::int64_t leaf) const noexcept {
  return leaf >= count_ ? layout_.rows() : layout_.tile_begin(leaf * tiles_per_leaf_);
}

std::int64_t Leaves::first_leaf(int rank) const noexcept {
  return std::min(count_, divide_up(layout_.first_tile(rank), tiles_per_leaf_));
}

int Leaves::owner(std::int64_t leaf) const noexcept {
  return layout_.owner_of_tile(leaf * tiles_per_leaf_);
}

RowRange Leaves::rows_of(int rank) const noexcept {
  return {row_begin(first_leaf(rank)), row_begin(first_leaf(rank + 1))};
}

}  // namespace serried
