#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "ml/kmeans/relocation.hpp"
#include "ml/kmeans/wide_pieces.hpp"

namespace serried::kmeans {

/// Centres that are too wide to be in memory: what they are made from, piece by piece.
class WideCenters {
 public:
  virtual ~WideCenters() = default;
  [[nodiscard]] virtual std::int64_t clusters() const noexcept = 0;
  /// (clusters, width), the same on every rank.
  /// Collective. @throws what making them may find wrong, alike on all ranks.
  [[nodiscard]] virtual std::vector<double> of_piece(const Piece& piece,
                                                     PieceFrame& frame) const = 0;
};

/// Centres that are rows of the data.
class RowCenters final : public WideCenters {
 public:
  RowCenters(const WidePieces& pieces, std::vector<std::int64_t> numbers)
      : pieces_(pieces), numbers_(std::move(numbers)) {}
  [[nodiscard]] std::int64_t clusters() const noexcept override {
    return static_cast<std::int64_t>(numbers_.size());
  }
  [[nodiscard]] std::vector<double> of_piece(const Piece& piece, PieceFrame& frame) const override;

 private:
  const WidePieces& pieces_;
  std::vector<std::int64_t> numbers_;
};

/// Centres that come from a file.
class FileCenters final : public WideCenters {
 public:
  /// @param centers (clusters, features...), to be read as f64.
  explicit FileCenters(const Dataset& centers) : centers_(centers) {}
  [[nodiscard]] std::int64_t clusters() const noexcept override { return centers_.rows(); }
  /// @throws DataError if a centre has NaN or Inf.
  [[nodiscard]] std::vector<double> of_piece(const Piece& piece, PieceFrame& frame) const override;

 private:
  const Dataset& centers_;
};

/// How many rows the clusters have, and their weights: of all ranks.
struct ClusterSizes {
  std::vector<std::int64_t> counts;
  std::vector<std::int64_t> weight_high, weight_low;
  std::vector<double> weights;  ///< what the integers stand for; without weights the counts
};
/// Collective. @param fixed of any columns: only what it has for the weights counts.
[[nodiscard]] ClusterSizes count_clusters(const Rows& rows, const FixedPoint& fixed,
                                          std::span<const std::int32_t> labels,
                                          std::int64_t clusters);

/// A row that an empty cluster is given.
struct Relocated {
  FarRow row;
  std::int32_t to = 0;
};

/// Centres that are the means of their rows, as Lloyd's iteration moves them.
class MeanCenters final : public WideCenters {
 public:
  /// @param sizes before rows were given to empty clusters.
  /// @param fixed as for count_clusters.
  MeanCenters(const WidePieces& pieces, std::vector<std::int32_t> labels, ClusterSizes sizes,
              std::vector<Relocated> relocated, const FixedPoint& fixed);
  [[nodiscard]] std::int64_t clusters() const noexcept override {
    return static_cast<std::int64_t>(weights_.size());
  }
  [[nodiscard]] bool has_relocated() const noexcept { return !relocated_.empty(); }
  [[nodiscard]] std::vector<double> of_piece(const Piece& piece, PieceFrame& frame) const override;

 private:
  void add_rows(const Piece& piece, const FixedPoint& fixed, ClusterSums& sums) const;
  void relocate(const Piece& piece, const FixedPoint& fixed, ClusterSums& sums) const;

  const WidePieces& pieces_;
  std::vector<std::int32_t> labels_;
  std::vector<Relocated> relocated_;
  std::vector<double> weights_;
  std::vector<std::int64_t> sources_;  ///< whose mean a cluster has: its own or the heaviest's
};

}  // namespace serried::kmeans
