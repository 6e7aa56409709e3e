#pragma once

#include <string_view>

#include "serried/base/api.hpp"

namespace SERRIED_API serried {

/// What this library was built from and with, for reports and provenance.
struct BuildInfo {
  std::string_view version;        ///< "0.1.0"
  std::string_view commit;         ///< abbreviated git commit, or "unknown"
  std::string_view configuration;  ///< compiler, build type, instruction-set baseline
};

/// The build information of the linked library.
/// Local.
[[nodiscard]] BuildInfo build_info() noexcept;

}  // namespace serried
