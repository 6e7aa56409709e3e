#include "ml/kmeans/wide_columns.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace serried::kmeans {
namespace {

/// Calls f(local row) for the usable rows of a leaf, ascending.
template <class F>
void for_usable_rows(const Rows& rows, const Columns& all, std::int64_t leaf, const F& f) {
  const std::int64_t end = rows.leaves().row_begin(leaf + 1) - rows.first_row();
  for (std::int64_t i = rows.leaves().row_begin(leaf) - rows.first_row(); i < end; ++i)
    if (!all.is_missing_row(i)) f(i);
}

/// Adds up one leaf after another: as LeafSums of the host's kernels has it, a column's sum is one
/// chain over the leaf's rows.
/// @param add (leaf, begin, end, sums) adds the columns [begin, end) of a leaf to zeros.
template <class F>
std::vector<double> fold_leaves(const WidePieces& pieces, std::int64_t width, const F& add) {
  const Rows& rows = pieces.rows();
  LeafTotals totals(rows, width);
  for (std::int64_t leaf = rows.first_leaf(); leaf < rows.last_leaf(); ++leaf) {
    totals.begin_batch(leaf, leaf + 1);
    double* const sums = totals.leaf(leaf);
    pieces.by_columns(width, [&](std::int64_t begin, std::int64_t end) {
      std::fill(sums + begin, sums + end, 0.);
      add(leaf, begin, end, sums);
    });
    totals.end_batch(leaf, leaf + 1);
  }
  return totals.finish();
}

struct Spreads {
  std::vector<double> sums;     ///< of x - shift
  std::vector<double> squares;  ///< of their squares
};

Spreads sum_spreads(const WidePieces& pieces, const Columns& all, const Piece& piece,
                    const std::vector<double>& shift) {
  const Rows& rows = pieces.rows();
  Spreads spreads;
  spreads.sums =
      fold_leaves(pieces, piece.width(),
                  [&](std::int64_t leaf, std::int64_t begin, std::int64_t end, double* sums) {
                    for_usable_rows(rows, all, leaf, [&](std::int64_t i) {
                      const double* const x = piece.row(i);
                      for (std::int64_t f = begin; f < end; ++f)
                        sums[f] += x[f] - shift[static_cast<std::size_t>(f)];
                    });
                  });
  spreads.squares =
      fold_leaves(pieces, piece.width(),
                  [&](std::int64_t leaf, std::int64_t begin, std::int64_t end, double* sums) {
                    for_usable_rows(rows, all, leaf, [&](std::int64_t i) {
                      const double* const x = piece.row(i);
                      for (std::int64_t f = begin; f < end; ++f) {
                        const double difference = x[f] - shift[static_cast<std::size_t>(f)];
                        sums[f] = std::fma(difference, difference, sums[f]);
                      }
                    });
                  });
  return spreads;
}

/// First pass: which rows are missing.
void find_missing_rows(WidePieces& pieces, bool drop_missing, Columns& columns) {
  const Rows& rows = pieces.rows();
  std::vector<std::uint8_t> is_missing(static_cast<std::size_t>(rows.local_rows()), 0);
  for (std::int64_t i = 0; rows.has_weights() && i < rows.local_rows(); ++i)
    if (std::isnan(rows.weight(i))) is_missing[static_cast<std::size_t>(i)] = 1;
  pieces.pass("missing rows", [&](const Piece& piece) { mark_missing(pieces, piece, is_missing); });
  const Communicator& comm = rows.context().comm();
  const auto own = static_cast<std::int64_t>(std::ranges::count(is_missing, std::uint8_t{1}));
  const std::int64_t missing = comm.allreduce(own, ReduceOp::sum);
  columns.usable_rows = rows.global_rows() - missing;
  if (missing == 0) return;
  if (!drop_missing) throw_missing(rows, missing, first_missing_row(rows, is_missing));
  columns.is_missing = std::move(is_missing);
}

/// What the second pass learns of a piece.
struct Scan {
  double largest = 0;
  bool is_finite = true;
};

void scan_piece(const WidePieces& pieces, const Piece& piece, Columns& columns, Scan& scan,
                WorstColumns& worst) {
  PieceFrame frame(pieces, columns, piece);
  const std::vector<double>& shift = frame.shift();
  scan.is_finite = scan.is_finite &&
                   std::ranges::all_of(shift, [](double value) { return std::isfinite(value); });
  if (!scan.is_finite) return;
  const Maxima maxima = find_maxima(pieces, columns, piece, shift);
  scan.largest = std::max(scan.largest, maxima.largest);
  const Spreads spreads = sum_spreads(pieces, columns, piece, shift);
  Columns own;
  own.usable_rows = columns.usable_rows;
  own.shift = shift;
  own.maxima = maxima.weighted;
  own.largest_weight = columns.largest_weight;
  const FixedPoint fixed(own, piece.width(), pieces.rows().has_weights());
  const auto count = static_cast<double>(std::max<std::int64_t>(1, columns.usable_rows));
  for (std::size_t f = 0; f < shift.size(); ++f) {
    const double rest = spreads.sums[f] / count;
    const double variance = std::max(0., spreads.squares[f] / count - rest * rest);
    columns.mean_variance += variance / static_cast<double>(pieces.rows().features());
    const auto column = static_cast<std::int64_t>(f);
    if (fixed.unit(column) > worst.unit) {
      worst.unit = fixed.unit(column);
      worst.unit_column = piece.columns.begin + column;
    }
    if (std::sqrt(variance) > worst.deviation) {
      worst.deviation = std::sqrt(variance);
      worst.deviation_column = piece.columns.begin + column;
    }
  }
}

}  // namespace

void mark_missing(const WidePieces& pieces, const Piece& piece,
                  std::vector<std::uint8_t>& is_missing) {
  pieces.rows().context().backend()->threads().parallel_for(
      pieces.rows().local_rows(), [&](std::int64_t i, int) {
        const double* const x = piece.row(i);
        double zero = 0;
        for (std::int64_t f = 0; f < piece.width(); ++f) zero += x[f] * 0.;
        if (zero != 0) is_missing[static_cast<std::size_t>(i)] = 1;  // also for a NaN
      });
}

std::int64_t first_missing_row(const Rows& rows, const std::vector<std::uint8_t>& is_missing) {
  const auto first = std::ranges::find(is_missing, std::uint8_t{1});
  const std::int64_t local = first == is_missing.end()
                                 ? std::numeric_limits<std::int64_t>::max()
                                 : rows.first_row() + (first - is_missing.begin());
  return rows.context().comm().allreduce(local, ReduceOp::min);
}

std::vector<double> sum_leaves(const WidePieces& pieces, const Columns& all, const Piece& piece) {
  return fold_leaves(pieces, piece.width(),
                     [&](std::int64_t leaf, std::int64_t begin, std::int64_t end, double* sums) {
                       for_usable_rows(pieces.rows(), all, leaf, [&](std::int64_t i) {
                         const double* const x = piece.row(i);
                         for (std::int64_t f = begin; f < end; ++f) sums[f] += x[f];
                       });
                     });
}

Maxima find_maxima(const WidePieces& pieces, const Columns& all, const Piece& piece,
                   const std::vector<double>& shift) {
  const Rows& rows = pieces.rows();
  const std::int64_t width = piece.width();
  std::vector<double> own(static_cast<std::size_t>(width + 1), 0.);
  std::vector<double> largest(static_cast<std::size_t>(rows.workers()), 0.);
  rows.context().backend()->threads().parallel_for(
      (width + 2047) / 2048, [&](std::int64_t run, int worker) {
        const std::int64_t begin = run * 2048;
        const std::int64_t end = std::min(width, begin + 2048);
        double most = 0;
        for (std::int64_t i = 0; i < rows.local_rows(); ++i) {
          if (all.is_missing_row(i)) continue;
          const double* const x = piece.row(i);
          const double w = rows.weight(i);
          for (std::int64_t f = begin; f < end; ++f) {
            const auto at = static_cast<std::size_t>(f);
            const double size = std::abs(x[f] - shift[at]);
            own[at] = std::max(own[at], w * size);
            most = std::max(most, size);
          }
        }
        double& mine = largest[static_cast<std::size_t>(worker)];
        mine = std::max(mine, most);
      });
  own.back() = *std::ranges::max_element(largest);
  all_maxima(rows.context().comm(), own);
  Maxima maxima{.weighted = std::move(own), .largest = 0};
  maxima.largest = maxima.weighted.back();
  maxima.weighted.pop_back();
  return maxima;
}

Columns scan_wide_columns(WidePieces& pieces, bool drop_missing, WorstColumns& worst) {
  Rows& rows = pieces.rows();
  Columns columns;
  find_missing_rows(pieces, drop_missing, columns);
  scale_weights(rows, columns);
  Scan scan;
  pieces.pass("means and variances",
              [&](const Piece& piece) { scan_piece(pieces, piece, columns, scan, worst); });
  check_range(rows, scan.is_finite ? 0 : std::numeric_limits<double>::infinity());
  columns.largest = scan.largest;
  check_range(rows, columns.largest);
  columns.scale = scale_for(rows.dtype(), columns.largest);
  return columns;
}

}  // namespace serried::kmeans
