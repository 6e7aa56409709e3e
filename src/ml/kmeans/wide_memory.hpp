#pragma once

#include <cstdint>

#include "serried/io/dataset.hpp"
#include "serried/ml/kmeans.hpp"

namespace serried::kmeans {

/// What work on pieces of columns allocates on the rank that has most rows.
struct WideMemory {
  std::int64_t fixed = 0;      ///< whatever the width of the pieces
  std::int64_t by_column = 0;  ///< for each column of a piece
  std::int64_t most_rows = 1;  ///< of a rank
};

/// Local; the same on every rank.
[[nodiscard]] WideMemory memory_of_wide_fit(const TileSource& data, const KMeansOptions& options,
                                            bool has_weights);
[[nodiscard]] WideMemory memory_of_wide_prediction(const TileSource& data, std::int64_t clusters);

/// The least memory of a rank with which that can be done. Local.
[[nodiscard]] std::int64_t least_memory(const Dataset& data, const WideMemory& memory);
/// Columns of a piece, for the memory that there is. The same on every rank. Local.
/// @throws InvalidArgument if there is less than least_memory.
[[nodiscard]] std::int64_t width_of_pieces(const Context& ctx, const Dataset& data,
                                           const WideMemory& memory);

/// Whether sums over so many features are made as pieces make them. Local.
[[nodiscard]] bool is_wide_enough(std::int64_t features, KMeansInit init) noexcept;

}  // namespace serried::kmeans
