#pragma once

#include <cstdint>

#include "serried/comm/tile_source.hpp"
#include "serried/ml/kmeans.hpp"
#include "serried/ml/kmeans_range.hpp"

namespace serried {

/// What k-means allocates on the rank that has most rows, in bytes, the data itself left out.
struct KMeansMemory {
  /// Labels, weights, seeding, centres, and the batches it works on, with one fit at a time.
  std::int64_t least = 0;
  std::int64_t bounds = 0;       ///< what KMeansBoundsUse::automatic takes besides, for each fit
  std::int64_t another_fit = 0;  ///< each fit more that runs at once, without its bounds
};

/// An estimate from shapes alone, the same on every rank.
/// Local.
[[nodiscard]] KMeansMemory memory_of_fit(const TileSource& data, const KMeansOptions& options,
                                         bool has_weights, int threads);
[[nodiscard]] KMeansMemory memory_of_range(const TileSource& data,
                                           const KMeansRangeOptions& options, bool has_weights,
                                           int threads);
[[nodiscard]] KMeansMemory memory_of_prediction(const TileSource& data, std::int64_t clusters,
                                                int threads);

}  // namespace serried
