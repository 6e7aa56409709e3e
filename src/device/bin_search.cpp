#include "serried/device/bin_search.hpp"

#include <algorithm>
#include <bit>
#include <cmath>

#include "serried/base/order_key.hpp"

namespace serried {
namespace {

/// Cells for each bin, so that few cells have more than one edge; and what fits into a cache.
constexpr std::int64_t cells_of_bin = 4;
constexpr std::int64_t least_cells = 256;
constexpr std::int64_t most_cells = std::int64_t{1} << 16;

// -0 is 0
std::uint64_t key_of(double x) noexcept {
  return order_key(x + 0.0);
}

}  // namespace

BinSearch::BinSearch(std::span<const double> ascending)
    : edges(ascending.begin(), ascending.end()), first_key(key_of(edges.front())) {
  const auto wanted = static_cast<std::int64_t>(std::bit_ceil(static_cast<std::uint64_t>(std::clamp(
      cells_of_bin * static_cast<std::int64_t>(edges.size()), least_cells, most_cells))));
  const std::uint64_t keys = key_of(edges.back()) - first_key;
  shift = std::max(0, static_cast<int>(std::bit_width(keys)) -
                          std::countr_zero(static_cast<std::uint64_t>(wanted)));
  has_keys = true;
  fill(static_cast<std::int64_t>(keys >> shift) + 1);
  if (most_in_cell == 1) return;
  scale = static_cast<double>(wanted) / (edges.back() - edges.front());
  if (!std::isfinite(edges.back() - edges.front()) || !std::isfinite(scale) || scale <= 0) return;
  BinSearch by_place = *this;
  by_place.has_keys = false;
  by_place.fill(wanted + 1);
  if (by_place.most_in_cell < most_in_cell) *this = std::move(by_place);
}

std::int64_t BinSearch::cell_of(double x) const noexcept {
  if (has_keys) return static_cast<std::int64_t>((key_of(x) - first_key) >> shift);
  const auto last = static_cast<double>(edge_before.size() - 1);
  return static_cast<std::int64_t>(std::min((x - edges.front()) * scale, last));
}

void BinSearch::fill(std::int64_t cells) {
  edge_before.assign(static_cast<std::size_t>(cells), 0);
  most_in_cell = 1;
  std::int64_t in_cell = 0;
  std::int64_t before = 0;
  for (std::size_t i = 1; i < edges.size(); ++i) {
    const std::int64_t cell = cell_of(edges[i]);
    in_cell = cell == before ? in_cell + 1 : 1;
    most_in_cell = std::max(most_in_cell, in_cell);
    // all cells from the one behind the edge before up to this one's
    for (std::int64_t c = before + 1; c <= cell; ++c)
      edge_before[static_cast<std::size_t>(c)] = static_cast<std::int64_t>(i) - 1;
    before = cell;
  }
  for (std::int64_t c = before + 1; c < cells; ++c)
    edge_before[static_cast<std::size_t>(c)] = static_cast<std::int64_t>(edges.size()) - 1;
}

}  // namespace serried
