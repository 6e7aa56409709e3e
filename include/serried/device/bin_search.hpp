#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "serried/base/api.hpp"

namespace SERRIED_API serried {

/// A table that leads to the bin of a number among edges of any widths in a few comparisons.
///
/// The range of the edges is cut into cells by a function that never decreases: so all edges in
/// cells before a number's are not above it, all in cells after it are, and what is left to compare
/// are the edges in the number's own cell, of which there is seldom more than one. Two such
/// functions are tried, and the better one is taken: (x - first) * scale, for edges that are about
/// equidistant, and the leading bits of the order key, for those that are so in their logarithm.
struct BinSearch {
  /// @param ascending at least two numbers, none of them NaN. They are copied. Local.
  explicit BinSearch(std::span<const double> ascending);

  /// Of a number from the first edge to the last. Local.
  [[nodiscard]] std::int64_t cell_of(double x) const noexcept;

  std::vector<double> edges;
  bool has_keys = false;  ///< cells are by the order key
  double scale = 0;
  std::uint64_t first_key = 0;
  int shift = 0;
  /// By cell, the number of the last edge in a cell before it; 0 for the first cell.
  std::vector<std::int64_t> edge_before;
  std::int64_t most_in_cell = 1;  ///< edges

 private:
  void fill(std::int64_t cells);
};

}  // namespace serried
