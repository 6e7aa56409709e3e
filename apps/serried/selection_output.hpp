#pragma once

#include <string>
#include <utility>
#include <vector>

#include "session.hpp"
#include "verb_results.hpp"

namespace serried::app {

/// Attributes of what a verb writes of a dataset's elements: the dataset's own, and how they came
/// here. Local.
[[nodiscard]] std::vector<std::pair<std::string, std::string>> with_own_attributes(
    const Dataset& dataset, std::vector<std::pair<std::string, std::string>> attributes);
/// As above, of `slice` and `take`. Local.
[[nodiscard]] std::vector<std::pair<std::string, std::string>> selected_attributes(
    const Dataset& dataset, const Address& address, const std::string& selection);

/// Prints the result, and fills the page. Collective.
void finish_selection(const Session& session, const SelectResult& result);

}  // namespace serried::app
