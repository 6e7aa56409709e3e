#include <algorithm>

#include "ml/kmeans/rows.hpp"
#include "serried/ml/kmeans_memory.hpp"

namespace serried {
namespace {

constexpr std::int64_t label_bytes = 4;
/// The nearest candidate of k-means|| and its distance.
constexpr std::int64_t seeding_bytes = 8;
/// A copy of labels on their way to the layout of the rows.
constexpr std::int64_t moving_bytes = 4;
constexpr std::int64_t bound_bytes = 8;

std::int64_t most_rows_of_a_rank(const Layout& layout) {
  std::int64_t most = 0;
  for (int rank = 0; rank < layout.ranks(); ++rank)
    most = std::max(most, layout.rows_of(rank).size());
  return most;
}

/// Centres as they are, as the kernels want them (in eights), and their sums: for each thread and
/// in all; means, deviations and scales, and what each thread has of these.
std::int64_t bytes_of_centers(std::int64_t clusters, std::int64_t features, int threads) {
  const std::int64_t in_eights = (clusters + 7) / 8 * 8;
  return features *
         (clusters * (4 * 8 + 2 * 8 * (threads + 2)) + in_eights * 8 + 8 * (threads + 8));
}

std::int64_t rows_of_leaf(const Leaves& leaves) {
  return leaves.count() > 0 ? leaves.row_begin(1) - leaves.row_begin(0) : 0;
}

/// Two batches, of at least a leaf each, and one that is converted.
std::int64_t bytes_of_batches(const TileSource& data) {
  const std::int64_t leaf_rows = rows_of_leaf(kmeans::leaves_of(data));
  return 2 * leaf_rows * data.row_bytes() +
         (data.dtype() == DType::f32 || data.dtype() == DType::f64
              ? 0
              : leaf_rows * data.row_elements() * 8);
}

}  // namespace

KMeansMemory memory_of_fit(const TileSource& data, const KMeansOptions& options, bool has_weights,
                           int threads) {
  const std::int64_t rows = most_rows_of_a_rank(data.layout());
  const std::int64_t centers = bytes_of_centers(options.clusters, data.row_elements(), threads);
  const std::int64_t fit_bytes = std::max(label_bytes + moving_bytes, seeding_bytes);
  // the labels of the best fit so far stay while others run
  const std::int64_t best_bytes = options.n_init > 1 ? label_bytes : 0;
  const std::int64_t by_row =
      fit_bytes + best_bytes + (has_weights ? 8 : 0) + (options.drop_missing ? 1 : 0);
  return {.least = rows * by_row + bytes_of_batches(data) + centers,
          .bounds = options.bounds == KMeansBoundsUse::off ? 0 : rows * bound_bytes,
          .another_fit = rows * (std::max(label_bytes, seeding_bytes) + label_bytes) + centers};
}

KMeansMemoryUse use_memory(const KMeansMemory& needed, std::int64_t room, KMeansBoundsUse bounds,
                           std::int64_t fits) {
  KMeansMemoryUse use{.bounds = bounds, .fits_at_once = 1, .bytes = 0};
  const std::int64_t most = room / 4;
  std::int64_t by_fit = needed.another_fit;
  if (bounds != KMeansBoundsUse::off && needed.bounds <= most) {
    use.bytes = needed.bounds;
    by_fit += needed.bounds;
  } else {
    use.bounds = KMeansBoundsUse::off;
  }
  const std::int64_t further =
      std::clamp<std::int64_t>((most - use.bytes) / std::max<std::int64_t>(1, by_fit), 0,
                               std::max<std::int64_t>(fits, 1) - 1);
  use.fits_at_once += further;
  use.bytes += further * by_fit;
  return use;
}

KMeansMemory memory_of_range(const TileSource& data, const KMeansRangeOptions& options,
                             bool has_weights, int threads) {
  KMeansOptions largest = options.fit;
  largest.clusters = options.highest;
  largest.n_init = std::max(2, largest.n_init);  // labels of the best wait for their scores
  KMeansMemory memory = memory_of_fit(data, largest, has_weights, threads);
  // The sample, twice while it is fetched, its labels, and the models. More clusters than rows
  // are an error, but a later one.
  const std::int64_t numbers = (options.highest - options.lowest) / options.step + 1;
  const std::int64_t sample = std::min(data.rows(), options.scores.silhouette_sample);
  const double bytes =
      static_cast<double>(sample) * static_cast<double>(2 * 8 * data.row_elements() + 8) +
      static_cast<double>(numbers) *
          (4. * static_cast<double>(sample) + 2 * 8. * static_cast<double>(options.highest) *
                                                  static_cast<double>(data.row_elements()));
  memory.least += static_cast<std::int64_t>(std::min(bytes, 0x1.0p60));
  return memory;
}

KMeansMemory memory_of_prediction(const TileSource& data, std::int64_t clusters, int threads,
                                  std::int64_t batch_rows) {
  return {.least = batch_rows * label_bytes + bytes_of_batches(data) +
                   bytes_of_centers(clusters, data.row_elements(), threads),
          .bounds = 0,
          .another_fit = 0};
}

PredictedRows rows_of_prediction(const TileSource& data, std::int64_t batch_bytes) {
  const Leaves leaves = kmeans::leaves_of(data);
  PredictedRows rows;
  for (int rank = 0; rank < data.layout().ranks(); ++rank)
    rows.of_rank = std::max(rows.of_rank, leaves.rows_of(rank).size());
  // the first rank's batches are no smaller than those of others, but for a leaf
  for (const RowRange& batch : data.plan(leaves, batch_bytes, 0).batches)
    rows.of_batch = std::max(rows.of_batch, batch.size());
  rows.of_batch = std::min(rows.of_rank, rows.of_batch + rows_of_leaf(leaves));
  return rows;
}

}  // namespace serried
