#pragma once

#include <string>
#include <vector>

namespace serried {

/// The files that a pattern names (`*`, `?`, `[...]`, `\` escapes), in natural order.
/// Local.
/// @throws IoError if there are none.
[[nodiscard]] std::vector<std::string> expand_path_glob(const std::string& pattern);

/// Whether a name without `/` matches a pattern of `*`, `?` and `\` escapes.
/// Local.
[[nodiscard]] bool is_name_match(const std::string& pattern, const std::string& name);

}  // namespace serried
