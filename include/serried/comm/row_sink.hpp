#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "serried/base/api.hpp"
#include "serried/base/row_range.hpp"

namespace SERRIED_API serried {

/// Takes rows that are computed batch by batch, as a TileSource gives them: each rank appends its
/// own rows in ascending order, and all ranks advance together.
class RowSink {
 public:
  virtual ~RowSink() = default;

  /// Takes this rank's next rows, in C order; they begin where the last ones ended. The bytes are
  /// copied. What fails is kept, and thrown by the next advance on all ranks. Local.
  virtual void append(RowRange rows, std::span<const std::byte> bytes) noexcept = 0;
  /// Hands on what has come so far. Ranks call it equally often, those without new rows too.
  /// Collective.
  /// @throws RankError if the sink has failed on any rank.
  virtual void advance() = 0;
  /// Returns when the sink does nothing beside the caller any more. Who is to wait for it anyway,
  /// as all that use HDF5 are, can let the wait count as the sink's. Local.
  virtual void rest() noexcept {}
  /// About how many rows of a rank should come between two calls of advance.
  [[nodiscard]] virtual std::int64_t rows_between() const noexcept = 0;
};

}  // namespace serried
