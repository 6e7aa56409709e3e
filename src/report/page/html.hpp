#pragma once

#include <string>
#include <string_view>

namespace serried::page {

/// Text for HTML, in elements and in attributes with double quotes: `& < > " '` are written as
/// references, control characters other than tab and line feed, and bytes that are no UTF-8, as
/// U+FFFD. Local.
[[nodiscard]] std::string escaped(std::string_view text);

/// Bytes in base64, with padding. Local.
[[nodiscard]] std::string base64(std::string_view bytes);

/// JSON text that may stand in a script element: `<` is written as an escape. Local.
[[nodiscard]] std::string json_in_html(std::string json);

}  // namespace serried::page
