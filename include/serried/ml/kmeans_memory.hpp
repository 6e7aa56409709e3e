#pragma once

#include <cstdint>

#include "serried/base/api.hpp"
#include "serried/comm/tile_source.hpp"
#include "serried/ml/kmeans.hpp"
#include "serried/ml/kmeans_range.hpp"

namespace SERRIED_API serried {

/// What k-means allocates on the rank that has most rows, in bytes, the data itself left out.
struct KMeansMemory {
  std::int64_t least = 0;   ///< of one fit: labels, weights, seeding, centres, batches to work on
  std::int64_t bounds = 0;  ///< what KMeansBoundsUse::automatic takes besides, for each fit at once
  std::int64_t another_fit = 0;  ///< of each further fit that runs side by side, without bounds
};

/// An estimate from shapes alone, the same on every rank.
/// Local.
[[nodiscard]] KMeansMemory memory_of_fit(const TileSource& data, const KMeansOptions& options,
                                         bool has_weights, int threads);
[[nodiscard]] KMeansMemory memory_of_range(const TileSource& data,
                                           const KMeansRangeOptions& options, bool has_weights,
                                           int threads);
/// Of predict_kmeans_into, without its sink.
/// @param batch_rows as rows_of_prediction gives them.
[[nodiscard]] KMeansMemory memory_of_prediction(const TileSource& data, std::int64_t clusters,
                                                int threads, std::int64_t batch_rows);

/// How many rows predict_kmeans_into appends to its sink: on the rank that has most, and at a time.
struct PredictedRows {
  std::int64_t of_rank = 0;
  std::int64_t of_batch = 0;
};
/// The same on every rank.
/// Local.
/// @param batch_bytes as ContextOptions has them.
[[nodiscard]] PredictedRows rows_of_prediction(const TileSource& data, std::int64_t batch_bytes);

/// How much of the room beside KMeansMemory::least goes into bounds and fits side by side.
struct KMeansMemoryUse {
  KMeansBoundsUse bounds = KMeansBoundsUse::automatic;
  std::int64_t fits_at_once = 1;
  std::int64_t bytes = 0;
};

/// Bounds save time and fits side by side save reads, but rows in memory save more: a quarter of
/// the room at most is for those. Local.
/// @param bounds what is wished. @param fits how many fits there are.
[[nodiscard]] KMeansMemoryUse use_memory(const KMeansMemory& needed, std::int64_t room,
                                         KMeansBoundsUse bounds, std::int64_t fits);

}  // namespace serried
