#include "ml/kmeans/wide_centers.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

namespace serried::kmeans {

std::vector<double> RowCenters::of_piece(const Piece& piece, PieceFrame& /*frame*/) const {
  return gather_rows(pieces_, piece, numbers_);
}

std::vector<double> FileCenters::of_piece(const Piece& piece, PieceFrame& /*frame*/) const {
  const Array array = centers_.columns(piece.columns).to_array();
  const auto count = static_cast<std::size_t>(clusters() * piece.width());
  std::vector<double> values = array.dtype() == DType::f64
                                   ? array.gather<double>(0)
                                   : array.cast(DType::f64).gather<double>(0);
  values.resize(count);
  array.context().comm().broadcast(std::span<double>(values), 0);
  if (!std::ranges::all_of(values, [](double value) { return std::isfinite(value); }))
    throw DataError(centers_.describe() + ": a centre has NaN or Inf");
  return values;
}

ClusterSizes count_clusters(const Rows& rows, const FixedPoint& fixed,
                            std::span<const std::int32_t> labels, std::int64_t clusters) {
  const auto k = static_cast<std::size_t>(clusters);
  std::vector<std::int64_t> sums(3 * k, 0);
  for (std::size_t i = 0; i < labels.size(); ++i) {
    if (labels[i] < 0) continue;
    const auto j = static_cast<std::size_t>(labels[i]);
    ++sums[j];
    if (!rows.has_weights()) continue;
    const FixedPoint::Pair pair = fixed.weight_pair(rows.weight(static_cast<std::int64_t>(i)));
    sums[k + j] += pair.high;
    sums[2 * k + j] += pair.low;
  }
  rows.context().comm().allreduce(std::span<std::int64_t>(sums), ReduceOp::sum);
  const auto part = [&](std::size_t number) {
    const auto begin = sums.begin() + static_cast<std::ptrdiff_t>(number * k);
    return std::vector<std::int64_t>(begin, begin + clusters);
  };
  ClusterSizes sizes{part(0), part(1), part(2), {}};
  for (std::size_t j = 0; j < k; ++j)
    sizes.weights.push_back(rows.has_weights()
                                ? fixed.weight(sizes.weight_high[j], sizes.weight_low[j])
                                : static_cast<double>(sizes.counts[j]));
  return sizes;
}

MeanCenters::MeanCenters(const WidePieces& pieces, std::vector<std::int32_t> labels,
                         ClusterSizes sizes, std::vector<Relocated> relocated,
                         const FixedPoint& fixed)
    : pieces_(pieces), labels_(std::move(labels)), relocated_(std::move(relocated)) {
  for (const auto& [row, to] : relocated_) {
    const FixedPoint::Pair weight = fixed.weight_pair(row.weight);
    const auto from = static_cast<std::size_t>(row.label);
    const auto target = static_cast<std::size_t>(to);
    sizes.weight_high[from] -= weight.high;
    sizes.weight_low[from] -= weight.low;
    sizes.weight_high[target] = weight.high;
    sizes.weight_low[target] = weight.low;
    --sizes.counts[from];
    sizes.counts[target] = 1;
  }
  const bool has_weights = pieces.rows().has_weights();
  for (std::size_t j = 0; j < sizes.counts.size(); ++j)
    weights_.push_back(has_weights ? fixed.weight(sizes.weight_high[j], sizes.weight_low[j])
                                   : static_cast<double>(sizes.counts[j]));
  const auto heaviest = std::ranges::max_element(weights_) - weights_.begin();
  for (std::size_t j = 0; j < weights_.size(); ++j)
    // A cluster that is still empty stands with the heaviest one, as scikit-learn has it.
    sources_.push_back(weights_[j] > 0 ? static_cast<std::int64_t>(j) : heaviest);
}

void MeanCenters::add_rows(const Piece& piece, const FixedPoint& fixed, ClusterSums& sums) const {
  const Rows& rows = pieces_.rows();
  pieces_.by_columns(piece.width(), [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = 0; i < rows.local_rows(); ++i) {
      const std::int64_t label = labels_[static_cast<std::size_t>(i)];
      if (label < 0) continue;
      const double* const x = piece.row(i);
      const double weight = rows.weight(i);
      std::int64_t* const high = &sums.high(label, 0);
      std::int64_t* const low = &sums.low(label, 0);
      for (std::int64_t f = begin; f < end; ++f) {
        const FixedPoint::Pair pair = fixed.element(f, x[f], weight);
        high[f] += pair.high;
        low[f] += pair.low;
      }
    }
  });
  rows.context().comm().allreduce(sums.all(), ReduceOp::sum);
}

void MeanCenters::relocate(const Piece& piece, const FixedPoint& fixed, ClusterSums& sums) const {
  std::vector<std::int64_t> numbers;
  for (const Relocated& each : relocated_) numbers.push_back(each.row.row);
  const std::vector<double> values = gather_rows(pieces_, piece, numbers);
  const double* x = values.data();
  for (const auto& [row, to] : relocated_) {
    for (std::int64_t f = 0; f < piece.width(); ++f) {
      const FixedPoint::Pair pair = fixed.element(f, x[f], row.weight);
      sums.high(row.label, f) -= pair.high;
      sums.low(row.label, f) -= pair.low;
      sums.high(to, f) = pair.high;
      sums.low(to, f) = pair.low;
    }
    x += piece.width();
  }
}

std::vector<double> MeanCenters::of_piece(const Piece& piece, PieceFrame& frame) const {
  const FixedPoint& fixed = frame.fixed();
  const std::vector<double>& shift = frame.shift();
  const std::int64_t width = piece.width();
  ClusterSums sums(clusters(), width);
  add_rows(piece, fixed, sums);
  if (!relocated_.empty()) relocate(piece, fixed, sums);
  std::vector<double> centers(static_cast<std::size_t>(clusters() * width));
  pieces_.by_columns(width, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t j = 0; j < clusters(); ++j) {
      const std::int64_t source = sources_[static_cast<std::size_t>(j)];
      const double weight = weights_[static_cast<std::size_t>(source)];
      for (std::int64_t f = begin; f < end; ++f)
        centers[static_cast<std::size_t>(j * width + f)] =
            shift[static_cast<std::size_t>(f)] +
            fixed.sum(f, sums.high(source, f), sums.low(source, f)) / weight;
    }
  });
  return centers;
}

}  // namespace serried::kmeans
