#include "generated_texts.hpp"

#include <string_view>

#include "completion.hpp"
#include "manual.hpp"
#include "serried/base/error.hpp"

namespace serried::app {

std::optional<TextOnly> generated_text(const CLI::App& app, int argc, const char* const* argv) {
  if (argc < 2) return std::nullopt;
  const std::string_view what = argv[1];
  const std::vector<std::string> rest(argv + 2, argv + argc);
  std::string text;
  std::string needed;
  if (what == "completion") {
    needed = "serried completion: bash or zsh is needed, or objects and an address";
    if (rest.size() == 2 && rest[0] == "objects")
      return TextOnly{.exit_code = 0, .text = matching_objects(rest[1])};
    if (rest.size() == 1 && rest[0] == "bash") text = bash_completion(help_pages(app));
    if (rest.size() == 1 && rest[0] == "zsh") text = zsh_completion(help_pages(app));
  } else if (what == "manual") {
    needed = "serried manual: a verb is needed, or nothing";
    if (rest.size() < 2)
      text = manual_page(help_pages(app), rest.empty() ? std::string() : rest[0]);
  } else {
    return std::nullopt;
  }
  if (text.empty())
    return TextOnly{.exit_code = exit_code(ErrorKind::invalid_argument),
                    .text = "serried: " + needed + "\nTry 'serried --help'.\n"};
  return TextOnly{.exit_code = 0, .text = text};
}

}  // namespace serried::app
