#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "serried/comm/layout.hpp"
#include "serried/context.hpp"
#include "serried/device/scan_kernels.hpp"

namespace serried {

/// Rows in memory and where their results go, which lie alike.
struct ScannedMemory {
  DType dtype = DType::f64;
  ScanOp op = ScanOp::sum;
  bool skips_nan = false;
  const std::byte* from = nullptr;
  std::byte* to = nullptr;
  std::int64_t columns = 1;  ///< of a row, each scanned by itself; rows follow each other
};

/// Scans `groups` groups of rows that this rank has whole, one group behind the other: each has the
/// blocks [begins[i], begins[i + 1]). Local.
/// @return false where a result is beyond its dtype.
bool scan_here(const Context& ctx, const ScannedMemory& memory, std::int64_t groups,
               const std::vector<std::int64_t>& begins);

/// Scans the rows that all ranks have; tiles are blocks. Collective.
/// @param memory of this rank's rows.
/// @return as scan_here, of this rank's rows.
bool scan_over_ranks(const Context& ctx, const ScannedMemory& memory, const Layout& layout);

}  // namespace serried
