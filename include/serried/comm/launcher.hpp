#pragma once

#include <optional>

#include "serried/base/api.hpp"

namespace SERRIED_API serried {

// What mpirun, mpiexec or srun have told this process in its environment: all that is known of its
// place in the job before MPI runs. All are Local.

/// Whether a launcher has started this process as one of several ranks.
[[nodiscard]] bool is_launched() noexcept;

/// The rank in the job; none where the launcher does not tell.
[[nodiscard]] std::optional<int> launched_rank() noexcept;

/// The rank among those of this node, likewise.
[[nodiscard]] std::optional<int> launched_node_rank() noexcept;

}  // namespace serried
