#pragma once

#include <string>

namespace serried {

/// What this host calls itself; "unknown" where it does not tell. Local.
[[nodiscard]] std::string host_name();

}  // namespace serried
