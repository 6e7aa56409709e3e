#include "selection_output.hpp"

#include <algorithm>

#include "json_output.hpp"
#include "page_output.hpp"
#include "text_output.hpp"

namespace serried::app {

std::vector<std::pair<std::string, std::string>> with_own_attributes(
    const Dataset& dataset, std::vector<std::pair<std::string, std::string>> attributes) {
  for (const auto& own : dataset.text_attributes())
    if (std::ranges::find(attributes, own.first, &std::pair<std::string, std::string>::first) ==
        attributes.end())
      attributes.push_back(own);
  return attributes;
}

std::vector<std::pair<std::string, std::string>> selected_attributes(const Dataset& dataset,
                                                                     const Address& address,
                                                                     const std::string& selection) {
  return with_own_attributes(dataset, {{"selected from", address.text}, {"selection", selection}});
}

void finish_selection(const Session& session, const SelectResult& result) {
  const Seconds seconds = measure_seconds(session, {"read", "compute", "write"});
  print_result(session, session.common().is_json ? to_json(result, seconds)
                                                 : to_text(result) + to_text(seconds));
  if (session.extras.has_page()) fill_page(session, result);
}

}  // namespace serried::app
