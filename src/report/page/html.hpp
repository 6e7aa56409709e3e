#pragma once

#include <string>
#include <string_view>

#include "base/escaped.hpp"

namespace serried::page {

/// Bytes in base64, with padding. Local.
[[nodiscard]] std::string base64(std::string_view bytes);

/// JSON text that may stand in a script element: `<` is written as an escape. Local.
[[nodiscard]] std::string json_in_html(std::string json);

}  // namespace serried::page
