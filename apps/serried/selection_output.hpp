#pragma once

#include <string>
#include <utility>
#include <vector>

#include "session.hpp"
#include "verb_results.hpp"

namespace serried::app {

/// What is said beside the elements that `slice` and `take` write: where they are from. Local.
[[nodiscard]] std::vector<std::pair<std::string, std::string>> selected_attributes(
    const Address& address, const std::string& selection);

/// Prints the result, and fills the page. Collective.
void finish_selection(const Session& session, const SelectResult& result);

}  // namespace serried::app
