#include "serried/ml/cluster_scores.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "ml/cluster_scores/silhouette.hpp"
#include "ml/cluster_scores/spread.hpp"

namespace serried {
namespace {

using kmeans::Columns;
using kmeans::Rows;
using kmeans::Unit;

constexpr std::int64_t no_row = std::numeric_limits<std::int64_t>::max();

struct RowLabels {
  std::vector<std::int32_t> labels;  ///< by local row; clusters are numbered without gaps, or -1
  std::vector<std::int64_t> sizes;   ///< of all ranks
};

void check_labels(const TileSource& data, const TileSource& labels) {
  if (labels.rows() != data.rows() || labels.row_elements() != 1)
    throw InvalidArgument("there must be one label for each of the " + std::to_string(data.rows()) +
                          " rows; " + labels.describe() + " has " + std::to_string(labels.rows()) +
                          " rows of " + std::to_string(labels.row_elements()));
  if (!is_real(labels.dtype()) || is_floating(labels.dtype()))
    throw InvalidArgument(labels.describe() + " has dtype " + std::string(name(labels.dtype())) +
                          "; labels must be integers");
  if (data.row_elements() < 1)
    throw InvalidArgument(data.describe() + " has rows without an element");
}

void check_sample(const ClusterScoresOptions& options) {
  if (options.silhouette_sample < 1)
    throw InvalidArgument("the sample for the silhouette must have at least 1 row, not " +
                          std::to_string(options.silhouette_sample));
}

/// The labels as they stand, in the partition of the rows; -1 for all negative ones.
std::vector<std::int32_t> read_labels(const Rows& rows, const TileSource& labels) {
  Rows source(rows.context().on_host(), labels);
  std::vector<std::int32_t> own(static_cast<std::size_t>(source.local_rows()));
  std::vector<std::int64_t> first_beyond(static_cast<std::size_t>(source.workers()), no_row);
  source.pass("labels", [&](const Unit& unit) {
    const double* const x = static_cast<const double*>(unit.data);
    for (std::int64_t i = 0; i < unit.rows.size(); ++i) {
      constexpr double most = std::numeric_limits<std::int32_t>::max();
      std::int64_t& beyond = first_beyond[static_cast<std::size_t>(unit.worker)];
      if (x[i] > most) beyond = std::min(beyond, unit.rows.begin + i);
      own[static_cast<std::size_t>(unit.local_row + i)] =
          x[i] < 0 ? -1 : static_cast<std::int32_t>(std::min(x[i], most));
    }
  });
  const std::int64_t beyond =
      rows.context().comm().allreduce(*std::ranges::min_element(first_beyond), ReduceOp::min);
  if (beyond != no_row)
    throw DataError(labels.describe() + ": the label of row " + std::to_string(beyond) +
                    " (counted from 0) is above 2^31 - 1");
  return kmeans::exchange_rows<std::int32_t>(
      rows.context().comm(), own, [&](int rank) { return source.leaves().rows_of(rank); },
      [&](int rank) { return rows.leaves().rows_of(rank); });
}

void sort_unique(std::vector<std::int32_t>& labels) {
  std::ranges::sort(labels);
  labels.erase(std::unique(labels.begin(), labels.end()), labels.end());
}

RowLabels number_clusters(const Communicator& comm, std::vector<std::int32_t> labels) {
  std::vector<std::int32_t> known = labels;
  sort_unique(known);
  known = comm.allgather(std::span<const std::int32_t>(known)).values;
  sort_unique(known);
  if (!known.empty() && known.front() < 0) known.erase(known.begin());
  RowLabels result{std::move(labels), std::vector<std::int64_t>(known.size(), 0)};
  for (std::int32_t& label : result.labels) {
    if (label < 0) continue;
    label = static_cast<std::int32_t>(std::ranges::lower_bound(known, label) - known.begin());
    ++result.sizes[static_cast<std::size_t>(label)];
  }
  comm.allreduce(std::span<std::int64_t>(result.sizes), ReduceOp::sum);
  return result;
}

/// Rows without a label count as missing.
Columns scan_labelled(Rows& rows, const std::vector<std::int32_t>& labels) {
  const Communicator& comm = rows.context().comm();
  const int is_any_left_out = std::ranges::any_of(labels, [](auto label) { return label < 0; });
  if (comm.allreduce(is_any_left_out, ReduceOp::max) != 0) {
    std::vector<double> weights;
    for (const std::int32_t label : labels)
      weights.push_back(label < 0 ? std::numeric_limits<double>::quiet_NaN() : 1.);
    rows.set_weights(std::move(weights));
  }
  const Columns columns = kmeans::scan_columns(rows, true);
  std::int64_t first = no_row;
  for (std::size_t i = labels.size(); i-- > 0;)
    if (labels[i] >= 0 && columns.is_missing_row(static_cast<std::int64_t>(i)))
      first = rows.first_row() + static_cast<std::int64_t>(i);
  first = comm.allreduce(first, ReduceOp::min);
  if (first != no_row)
    throw DataError(rows.source().describe() + ": row " + std::to_string(first) +
                    " (counted from 0) has NaN or Inf, but its label says that it belongs to a "
                    "cluster; a negative label leaves a row out");
  return columns;
}

}  // namespace

std::optional<double> mean_silhouette(const Context& ctx, const TileSource& data,
                                      const TileSource& labels,
                                      const ClusterScoresOptions& options) {
  check_labels(data, labels);
  check_sample(options);
  Rows rows(ctx.on_host(), data);
  const auto phase = ctx.recorder().phase("score");
  const RowLabels clusters = number_clusters(ctx.comm(), read_labels(rows, labels));
  Columns columns;
  for (const std::int64_t size : clusters.sizes) columns.usable_rows += size;
  if (columns.usable_rows < rows.global_rows())
    for (const std::int32_t label : clusters.labels)
      columns.is_missing.push_back(static_cast<std::uint8_t>(label < 0));
  const cluster_scores::Sample sample =
      cluster_scores::draw_sample(rows, columns, options.silhouette_sample, options.seed);
  const std::vector<std::int32_t> labelling =
      cluster_scores::labels_of(rows, sample, clusters.labels);
  const auto mean = cluster_scores::mean_silhouettes(ctx, sample, {&labelling, 1})[0];
  return mean && std::isfinite(*mean) ? mean : std::nullopt;
}

ClusterScores score_clusters(const Context& ctx, const TileSource& data, const TileSource& labels,
                             const ClusterScoresOptions& options) {
  check_labels(data, labels);
  check_sample(options);
  Rows rows(ctx.on_host(), data);
  const auto phase = ctx.recorder().phase("score");
  const RowLabels clusters = number_clusters(ctx.comm(), read_labels(rows, labels));
  const Columns columns = scan_labelled(rows, clusters.labels);

  kmeans::SharedReads reads(rows);
  const cluster_scores::SpreadScores spread =
      reads.run(cluster_scores::score_spread(reads, columns, clusters.labels, clusters.sizes));
  const cluster_scores::Sample sample =
      cluster_scores::draw_sample(rows, columns, options.silhouette_sample, options.seed);
  const std::vector<std::int32_t> labelling =
      cluster_scores::labels_of(rows, sample, clusters.labels);
  return {.silhouette = cluster_scores::mean_silhouettes(ctx, sample, {&labelling, 1})[0],
          .davies_bouldin = spread.davies_bouldin,
          .calinski_harabasz = spread.calinski_harabasz,
          .silhouette_rows = static_cast<std::int64_t>(sample.rows.size())};
}

}  // namespace serried
