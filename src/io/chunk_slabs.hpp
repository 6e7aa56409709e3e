#pragma once

#include <cstdint>
#include <vector>

#include "io/metadata.hpp"
#include "io/transfers.hpp"
#include "serried/base/row_range.hpp"

namespace serried {

/// The rows around `row` whose elements share compressed chunks with it: the chunks of a slab hold
/// nothing of other rows. Of several parts, the widest. A row of data without filters is its own
/// slab. Local; a function of the metadata alone.
[[nodiscard]] RowRange slab_of_row(const std::vector<PartMeta>& parts,
                                   const std::vector<PartGeometry>& geometry, std::int64_t row);

/// Whether any part has chunks that are decompressed or checked.
[[nodiscard]] bool has_filters(const std::vector<PartMeta>& parts);

/// Chunks with filters that hold selected elements.
[[nodiscard]] std::int64_t count_filtered_chunks(const std::vector<PartMeta>& parts);

/// Bytes of a chunk as HDF5 keeps it in memory.
[[nodiscard]] std::int64_t chunk_bytes(const ItemMeta& item);

}  // namespace serried
