#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "ml/kmeans/fixed_point.hpp"
#include "ml/kmeans/rows.hpp"
#include "serried/io/dataset.hpp"

namespace serried::kmeans {

/// Some columns of all rows of this rank, in f64.
struct Piece {
  RowRange columns;
  const double* values = nullptr;  ///< (local rows, width), C order

  [[nodiscard]] std::int64_t width() const noexcept { return columns.size(); }
  [[nodiscard]] const double* row(std::int64_t local_row) const noexcept {
    return values + local_row * width();
  }
};

/// Passes over data whose rows are too wide to be in memory whole: piece by piece of the columns,
/// in ascending order. No result depends on the width of the pieces.
class WidePieces {
 public:
  /// @param rows of the same data: its leaves and weights; its rows are not read.
  /// @param width of a piece, the same on every rank.
  /// Collective. @throws RankError if there is no memory for a piece.
  WidePieces(Rows& rows, const Dataset& data, std::int64_t width);

  [[nodiscard]] Rows& rows() noexcept { return rows_; }
  [[nodiscard]] const Rows& rows() const noexcept { return rows_; }

  /// Reads all pieces and hands each to `use`, which may communicate.
  /// Collective. @throws RankError if reading fails on any rank.
  void pass(const char* name, const std::function<void(const Piece&)>& use);
  /// As pass, for the first columns alone, at most a piece of them.
  void read_head(std::int64_t columns, const std::function<void(const Piece&)>& use);
  [[nodiscard]] std::int64_t passes() const noexcept { return passes_; }

  /// Runs f(begin, end) on the threads for runs of the columns of a piece.
  template <class F>
  void by_columns(std::int64_t width, const F& f) const {
    constexpr std::int64_t run = 2048;
    rows_.context().backend()->threads().parallel_for(
        (width + run - 1) / run,
        [&](std::int64_t i, int) { f(i * run, std::min(width, (i + 1) * run)); });
  }

 private:
  [[nodiscard]] Piece read(RowRange columns);

  Rows& rows_;
  const Dataset& data_;
  std::int64_t width_;
  std::vector<double> values_;
  Buffer scratch_;
  std::int64_t passes_ = 0;
};

/// The columns of a piece for rows of any rank, (numbers, width), on every rank.
/// Collective.
/// @param numbers global rows, the same on every rank.
[[nodiscard]] std::vector<double> gather_rows(const WidePieces& pieces, const Piece& piece,
                                              std::span<const std::int64_t> numbers);

/// What is known of the columns of a piece: found anew in each pass, because it takes as much
/// memory as rows do.
class PieceFrame {
 public:
  /// @param all what is known of all columns together: usable rows, missing ones, weights.
  PieceFrame(const WidePieces& pieces, const Columns& all, const Piece& piece)
      : pieces_(pieces), all_(all), piece_(piece) {}

  /// The column means, in the data's dtype. Collective.
  [[nodiscard]] const std::vector<double>& shift();
  /// With the shift and the maxima of these columns. Collective.
  [[nodiscard]] const Columns& columns();
  /// For the sums of these columns. Collective.
  [[nodiscard]] const FixedPoint& fixed();

 private:
  const WidePieces& pieces_;
  const Columns& all_;
  const Piece& piece_;
  bool has_shift_ = false;
  bool has_maxima_ = false;
  Columns own_;
  std::vector<FixedPoint> fixed_;  ///< one, once it is asked for
};

}  // namespace serried::kmeans
