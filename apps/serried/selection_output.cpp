#include "selection_output.hpp"

#include "json_output.hpp"
#include "page_output.hpp"
#include "text_output.hpp"

namespace serried::app {

std::vector<std::pair<std::string, std::string>> selected_attributes(const Address& address,
                                                                     const std::string& selection) {
  return {{"selected from", address.text}, {"selection", selection}};
}

void finish_selection(const Session& session, const SelectResult& result) {
  const Seconds seconds = measure_seconds(session, {"read", "compute", "write"});
  print_result(session, session.common().is_json ? to_json(result, seconds)
                                                 : to_text(result) + to_text(seconds));
  if (session.extras.has_page()) fill_page(session, result);
}

}  // namespace serried::app
