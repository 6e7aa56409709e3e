#include "serried/comm/layout.hpp"

#include <algorithm>
#include <string>
#include <utility>

#include "serried/base/error.hpp"

namespace serried {

struct Layout::Impl {
  std::int64_t rows = 0;
  std::int64_t tiles = 0;
  std::int64_t tile_rows = 1;
  std::vector<std::int64_t> tile_begins;  // empty for uniform tiles
  std::vector<std::int64_t> first_tiles;  // ranks + 1
};

namespace {

void require(bool is_right, const std::string& text) {
  if (!is_right) throw InvalidArgument(text);
}

void check_owners(const std::vector<std::int64_t>& first_tiles, std::int64_t tiles) {
  require(first_tiles.size() >= 2, "a layout needs at least 1 rank");
  require(first_tiles.front() == 0 && first_tiles.back() == tiles &&
              std::ranges::is_sorted(first_tiles),
          "the first tiles of the ranks must ascend from 0 to the number of tiles, " +
              std::to_string(tiles));
}

constexpr std::int64_t divide_up(std::int64_t a, std::int64_t b) {
  return a / b + (a % b != 0);
}

}  // namespace

Layout::Layout(std::shared_ptr<const Impl> impl) : impl_(std::move(impl)) {}

Layout Layout::uniform(std::int64_t rows, int ranks, std::int64_t max_tiles) {
  require(rows >= 0, "a layout cannot have " + std::to_string(rows) + " rows");
  require(ranks >= 1, "a layout needs at least 1 rank, not " + std::to_string(ranks));
  require(max_tiles >= 1, "a layout needs at least 1 tile, not " + std::to_string(max_tiles));
  auto impl = std::make_shared<Impl>();
  impl->rows = rows;
  while (divide_up(rows, impl->tile_rows) > max_tiles) impl->tile_rows *= 2;
  impl->tiles = divide_up(rows, impl->tile_rows);
  // rank * tiles / ranks without overflow
  const std::int64_t quotient = impl->tiles / ranks;
  const std::int64_t rest = impl->tiles % ranks;
  impl->first_tiles.resize(static_cast<std::size_t>(ranks) + 1);
  for (std::int64_t rank = 0; rank <= ranks; ++rank)
    impl->first_tiles[static_cast<std::size_t>(rank)] = rank * quotient + rank * rest / ranks;
  return Layout(std::move(impl));
}

Layout Layout::from_tiles(std::vector<std::int64_t> tile_begins,
                          std::vector<std::int64_t> first_tiles) {
  require(!tile_begins.empty() && tile_begins.front() == 0 && std::ranges::is_sorted(tile_begins),
          "tile boundaries must ascend from 0");
  auto impl = std::make_shared<Impl>();
  impl->rows = tile_begins.back();
  impl->tiles = static_cast<std::int64_t>(tile_begins.size()) - 1;
  check_owners(first_tiles, impl->tiles);
  impl->first_tiles = std::move(first_tiles);
  // Equal boundaries make equal layouts, however they were given: a run of full tiles is uniform.
  const std::int64_t full = impl->tiles > 0 ? tile_begins[1] : 1;
  bool is_uniform = full > 0 && divide_up(impl->rows, full) == impl->tiles;
  for (std::int64_t tile = 0; is_uniform && tile < impl->tiles; ++tile)
    is_uniform = tile_begins[static_cast<std::size_t>(tile)] == tile * full;
  if (is_uniform) {
    impl->tile_rows = full;
  } else {
    impl->tile_rows = std::max<std::int64_t>(1, divide_up(impl->rows, impl->tiles));
    impl->tile_begins = std::move(tile_begins);
  }
  return Layout(std::move(impl));
}

Layout Layout::with_owners(std::vector<std::int64_t> first_tiles) const {
  check_owners(first_tiles, impl_->tiles);
  auto impl = std::make_shared<Impl>(*impl_);
  impl->first_tiles = std::move(first_tiles);
  return Layout(std::move(impl));
}

std::int64_t Layout::rows() const noexcept {
  return impl_->rows;
}
std::int64_t Layout::tiles() const noexcept {
  return impl_->tiles;
}
int Layout::ranks() const noexcept {
  return static_cast<int>(impl_->first_tiles.size()) - 1;
}
bool Layout::is_uniform() const noexcept {
  return impl_->tile_begins.empty();
}
std::int64_t Layout::tile_rows() const noexcept {
  return impl_->tile_rows;
}

std::int64_t Layout::tile_begin(std::int64_t tile) const noexcept {
  if (tile >= impl_->tiles) return impl_->rows;
  return is_uniform() ? tile * impl_->tile_rows
                      : impl_->tile_begins[static_cast<std::size_t>(tile)];
}

std::int64_t Layout::first_tile(int rank) const noexcept {
  return impl_->first_tiles[static_cast<std::size_t>(rank)];
}

RowRange Layout::rows_of(int rank) const noexcept {
  return {tile_begin(first_tile(rank)), tile_begin(first_tile(rank + 1))};
}

std::int64_t Layout::tile_of_row(std::int64_t row) const noexcept {
  if (is_uniform()) return row / impl_->tile_rows;
  // empty tiles share their first row with the tile that holds it; the last of them is that tile
  const auto& begins = impl_->tile_begins;
  return std::upper_bound(begins.begin(), begins.end(), row) - begins.begin() - 1;
}

int Layout::owner_of_tile(std::int64_t tile) const noexcept {
  const auto& firsts = impl_->first_tiles;
  return static_cast<int>(std::upper_bound(firsts.begin(), firsts.end(), tile) - firsts.begin()) -
         1;
}

int Layout::owner_of_row(std::int64_t row) const noexcept {
  return owner_of_tile(tile_of_row(row));
}

bool operator==(const Layout& a, const Layout& b) noexcept {
  if (a.impl_ == b.impl_) return true;
  const Layout::Impl& x = *a.impl_;
  const Layout::Impl& y = *b.impl_;
  // with one tile or none, the length of a full tile says nothing about the boundaries
  return x.rows == y.rows && x.tiles == y.tiles && x.first_tiles == y.first_tiles &&
         (x.tiles <= 1 || x.tile_rows == y.tile_rows) && x.tile_begins == y.tile_begins;
}

}  // namespace serried
