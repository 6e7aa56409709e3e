#pragma once

#include <cstdint>

#include "serried/base/api.hpp"

namespace SERRIED_API serried {

/// How much memory the ranks of one node may take together.
struct MemoryLimit {
  std::int64_t bytes = 0;  ///< 0: `share` decides
  /// Of the smallest of the control group's limit, SLURM_MEM_PER_NODE (or SLURM_MEM_PER_CPU times
  /// the node's CPUs in the job) and the memory that is available when MPI has started; in (0, 1].
  double share = 0.6;
};

}  // namespace serried
