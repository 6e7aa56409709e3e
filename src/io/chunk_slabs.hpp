#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
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

/// The axis of the file that the first sample axis is, apart from that of a series; none where all
/// others are features. Local.
[[nodiscard]] std::optional<std::size_t> leading_axis(const PartMeta& part,
                                                      const PartGeometry& geometry);

/// Whether one row has elements at several places along the leading axis of one compressed dataset,
/// as `x[:-1]` and `x[1:]` side by side have. Local.
[[nodiscard]] bool has_lags(const std::vector<PartMeta>& parts,
                            const std::vector<PartGeometry>& geometry);

/// Whether any part has chunks that are decompressed or checked.
[[nodiscard]] bool has_filters(const std::vector<PartMeta>& parts);

/// Chunks with filters that hold selected elements, each counted once.
[[nodiscard]] std::int64_t count_filtered_chunks(const std::vector<PartMeta>& parts);

/// Bytes of a chunk as HDF5 keeps it in memory.
[[nodiscard]] std::int64_t chunk_bytes(const ItemMeta& item);

}  // namespace serried
