#include <algorithm>
#include <cmath>

#include "ml/kmeans/predict_checks.hpp"
#include "ml/kmeans/wide_centers.hpp"
#include "ml/kmeans/wide_chains.hpp"
#include "ml/kmeans/wide_columns.hpp"
#include "ml/kmeans/wide_lloyd.hpp"
#include "ml/kmeans/wide_memory.hpp"
#include "serried/comm/agree.hpp"
#include "serried/ml/kmeans_wide.hpp"

namespace serried {
namespace {

using kmeans::Chains;
using kmeans::Piece;
using kmeans::Rows;

/// What one pass over data and centres finds.
struct Measured {
  Chains chains;
  std::vector<std::uint8_t> is_missing;
  double largest = 0;  ///< ModelFrame::largest
};

Measured measure(kmeans::WidePieces& pieces, const kmeans::FileCenters& centers) {
  const Rows& rows = pieces.rows();
  Measured result;
  agree(rows.context().comm(), [&] {
    result.chains = Chains(rows.local_rows(), centers.clusters());
    result.is_missing.assign(static_cast<std::size_t>(rows.local_rows()), 0);
  });
  const kmeans::Columns none;
  pieces.pass("assign", [&](const Piece& piece) {
    kmeans::PieceFrame frame(pieces, none, piece);
    const std::vector<double> values = centers.of_piece(piece, frame);
    kmeans::mark_missing(pieces, piece, result.is_missing);
    result.largest = std::max(
        result.largest, kmeans::frame_of_centers(rows.dtype(), values, piece.width()).largest);
    result.chains.extend(rows.context().backend()->threads(), piece.values, piece.width(),
                         values.data());
  });
  return result;
}

}  // namespace

std::optional<std::int64_t> least_memory_of_wide_prediction(const Dataset& data,
                                                            std::int64_t clusters) {
  if (!kmeans::is_wide_enough(data.row_elements(), KMeansInit::given)) return std::nullopt;
  return kmeans::least_memory(data, kmeans::memory_of_wide_prediction(data, clusters));
}

KMeansPredictionSummary predict_kmeans_wide(const Context& context, const Dataset& centers,
                                            const Dataset& data, RowSink* sink, bool drop_missing) {
  if (centers.row_elements() != data.row_elements())
    throw InvalidArgument(data.describe() + " has " + std::to_string(data.row_elements()) +
                          " features in a row, the model has " +
                          std::to_string(centers.row_elements()));
  const Context ctx = context.on_host();
  Rows rows(ctx, data);
  const std::int64_t clusters = centers.rows();
  kmeans::WidePieces pieces(
      rows, data,
      kmeans::width_of_pieces(ctx, data, kmeans::memory_of_wide_prediction(data, clusters)));
  const Measured measured = measure(pieces, kmeans::FileCenters(centers));
  kmeans::check_range_of_centers(measured.largest);
  std::vector<std::int32_t> labels;
  std::vector<double> squared;
  std::vector<std::int64_t> counts(static_cast<std::size_t>(clusters) + 1, 0);
  for (std::int64_t i = 0; i < rows.local_rows(); ++i) {
    const bool is_missing = measured.is_missing[static_cast<std::size_t>(i)] != 0;
    // where all distances are infinite the inertia is an error
    labels.push_back(is_missing ? -1 : std::max(0, measured.chains.nearest(i)));
    squared.push_back(is_missing ? 0. : measured.chains.at(i, labels.back()));
    ++counts[is_missing ? counts.size() - 1 : static_cast<std::size_t>(labels.back())];
  }
  const double inertia = kmeans::wide_inertia(rows, squared);
  ctx.comm().allreduce(std::span<std::int64_t>(counts), ReduceOp::sum);
  const std::int64_t missing = counts.back();
  counts.pop_back();
  if (missing > 0 && !drop_missing)
    kmeans::throw_missing(rows, missing, kmeans::first_missing_row(rows, measured.is_missing));
  if (sink != nullptr) {
    sink->append(rows.own_rows(), std::as_bytes(std::span<const std::int32_t>(labels)));
    sink->advance();
  }
  return {std::move(counts), inertia, rows.global_rows(), rows.global_rows() - missing};
}

}  // namespace serried
