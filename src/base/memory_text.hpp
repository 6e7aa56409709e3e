#pragma once

#include <cstdint>
#include <string>

namespace serried {

/// Sizes of memory count in powers of 1024, as Slurm's do: 24829419520 -> "23.12 GiB".
/// Local.
[[nodiscard]] std::string memory_text(std::int64_t bytes);

}  // namespace serried
