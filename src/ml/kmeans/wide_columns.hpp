#pragma once

#include <vector>

#include "ml/kmeans/wide_pieces.hpp"

namespace serried::kmeans {

/// The two columns whose sums are worst resolved: see report_fit.
struct WorstColumns {
  double unit = 0;  ///< the largest FixedPoint::unit, and whose it is
  std::int64_t unit_column = 0;
  double deviation = 0;  ///< the largest standard deviation
  std::int64_t deviation_column = 0;
};

/// What a fit needs to know before it begins: as scan_columns, but without what has an entry for
/// each column; see PieceFrame for that. Two passes.
/// Collective.
/// @throws as scan_columns.
[[nodiscard]] Columns scan_wide_columns(WidePieces& pieces, bool drop_missing, WorstColumns& worst);

/// Sets the entries of local rows that have NaN or Inf in a piece. Local.
void mark_missing(const WidePieces& pieces, const Piece& piece,
                  std::vector<std::uint8_t>& is_missing);
/// The first of all ranks' missing rows. Collective.
[[nodiscard]] std::int64_t first_missing_row(const Rows& rows,
                                             const std::vector<std::uint8_t>& is_missing);

/// Sums over the usable rows, by column, with the leaves and the tree of LeafTotals.
/// Collective.
[[nodiscard]] std::vector<double> sum_leaves(const WidePieces& pieces, const Columns& all,
                                             const Piece& piece);

/// Of the usable rows of all ranks.
struct Maxima {
  std::vector<double> weighted;  ///< max |w * (x - shift)| by column
  double largest = 0;            ///< max |x - shift| of all columns
};
/// Collective.
[[nodiscard]] Maxima find_maxima(const WidePieces& pieces, const Columns& all, const Piece& piece,
                                 const std::vector<double>& shift);

}  // namespace serried::kmeans
