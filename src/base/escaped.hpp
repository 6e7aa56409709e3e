#pragma once

#include <string>
#include <string_view>

namespace serried {

/// Text for HTML and XML, in elements and in attributes with double quotes: `& < > " '` are written
/// as references, control characters other than tab and line feed, and bytes that are no UTF-8, as
/// U+FFFD. Local.
[[nodiscard]] std::string escaped(std::string_view text);

}  // namespace serried
