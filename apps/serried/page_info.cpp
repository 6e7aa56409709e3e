#include <fmt/format.h>

#include "page_output.hpp"
#include "text_output.hpp"

namespace serried::app {

void fill_page(const Session& session, const ProgramInfo& info) {
  Page& page = session.extras.begin_page(
      session, "serried info",
      fmt::format("Serried {} and the {} that it runs on here.", info.version,
                  info.ranks.size() == 1 ? "rank" : "ranks"));
  page.add_heading("The program");
  page.add_folded("As the command prints it", to_text(info), true);
}

void fill_page(const Session& session, const std::vector<FileInfo>& files) {
  std::string names;
  for (const FileInfo& file : files) names += (names.empty() ? "" : ", ") + file.path;
  Page& page = session.extras.begin_page(session, "serried info", "What is in " + names + ".");
  for (const FileInfo& file : files) {
    std::int64_t datasets = 0;
    for (const ObjectInfo& object : file.objects)
      datasets += !object.is_group && object.link.empty() && object.type != "named type" ? 1 : 0;
    page.add_heading(file.path);
    page.add_paragraph(fmt::format("{} bytes, {} {}", grouped_digits(file.bytes), datasets,
                                   datasets == 1 ? "dataset" : "datasets"));
    page.add_tree(file.objects);
  }
}

}  // namespace serried::app
