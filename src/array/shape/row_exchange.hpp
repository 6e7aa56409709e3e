#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "serried/comm/layout.hpp"
#include "serried/context.hpp"

namespace serried {

/// Rows by number, wherever they lie: each rank's numbers, sorted by the ranks that have the rows.
class RowRequests {
 public:
  /// Collective: ranks agree on having the memory, 24 bytes for each number.
  RowRequests(const Context& ctx, std::vector<std::int64_t> rows, const Layout& layout);

  /// Calls give(i, first byte, bytes) with parts of the row that entry i of the numbers asks for.
  /// Of `data`, this rank's rows. In rounds of 8 MiB for each rank. Collective.
  /// @param give may be called by several threads.
  void fetch(std::int64_t row_bytes, const std::byte* data,
             const std::function<void(std::int64_t i, std::int64_t first, const std::byte* part,
                                      std::int64_t bytes)>& give) const;
  /// The other way: row i of `values` goes to where entry i of the numbers says. Of several for one
  /// row the last one counts, in the order of ranks and of their numbers. Collective.
  void store(std::int64_t row_bytes, const std::byte* values, std::byte* data) const;

 private:
  /// Runs rounds in which this rank deals with few entries for each other rank, and with part of
  /// their rows.
  struct Round {
    std::vector<std::int64_t> offsets;  ///< in `entries`, by rank
    std::vector<std::int64_t> entries;
    std::int64_t first = 0;  ///< byte of the rows
    std::int64_t bytes = 0;
  };
  void each_round(std::int64_t row_bytes, const std::function<void(const Round&)>& run) const;

  const Context& ctx_;
  const Layout layout_;
  std::vector<std::int64_t> rows_;
  std::vector<std::int64_t> order_;    ///< entries, by the rank that has their rows
  std::vector<std::int64_t> offsets_;  ///< in `order_`, by rank
};

}  // namespace serried
