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
  /// Smaller batches would decompress chunks, or cross the file, again and again. 0: any size does.
  std::int64_t least_batch_bytes = 0;
};

/// Local; a function of the metadata alone.
[[nodiscard]] ReadCosts estimate_read_costs(const std::vector<PartMeta>& parts,
                                            const std::vector<PartGeometry>& geometry,
                                            std::int64_t row_elements);

}  // namespace serried
