#pragma once

#include <string>
#include <vector>

#include "help_pages.hpp"

namespace serried::app {

/// A manual page in the language of man(7): of the program where `verb` is empty, else of that
/// verb; empty where there is no such page. Local.
[[nodiscard]] std::string manual_page(const std::vector<HelpPage>& pages, const std::string& verb);

}  // namespace serried::app
