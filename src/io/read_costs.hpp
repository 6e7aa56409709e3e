#pragma once

#include <cstdint>
#include <vector>

#include "io/metadata.hpp"
#include "io/transfers.hpp"

namespace serried {

/// What reading a Dataset in batches of rows needs to be cheap.
struct ReadCosts {
  /// HDF5's chunk cache of each open dataset: holds the compressed chunks that consecutive rows
  /// share.
  std::int64_t chunk_cache_bytes = 0;
  /// Of all datasets that are open at a time; at least a chunk.
  std::int64_t all_cache_bytes = 0;
  /// Smaller batches would decompress chunks, or cross the file, again and again. 0: any size does.
  std::int64_t least_batch_bytes = 0;
  /// Consecutive rows go through more compressed chunks than the cache may hold.
  bool has_wide_slabs = false;
  /// Of one H5Dread, in the file: an independent one of 2 GiB fails, and what goes through scratch
  /// memory should not need much.
  std::int64_t max_piece_bytes = 0;
  /// Of one H5Dread that brings more than is asked for.
  std::int64_t slab_bytes = 0;
  /// The memory that such reads need: slab_bytes, or 0 where there are none.
  std::int64_t picking_bytes = 0;
  /// Of what is exchanged at a time at least: a compressed chunk, or the values in it.
  std::int64_t block_bytes = 0;
};

/// Local.
/// @param memory_bytes of this rank: a quarter is for reading (the chunk caches take half of it;
/// two batches, and the values of one as they are in the file, the rest).
[[nodiscard]] ReadCosts estimate_read_costs(const std::vector<PartMeta>& parts,
                                            const std::vector<PartGeometry>& geometry,
                                            std::int64_t row_elements, std::int64_t memory_bytes);

}  // namespace serried
