#pragma once

#include <string>
#include <vector>

namespace CLI {
class App;
}

namespace serried::app {

/// What `--help` says about one option or positional argument, taken apart.
struct HelpOption {
  std::vector<std::string> names;          ///< "-h", "--help"; of a positional argument its name
  std::string value;                       ///< what its value is called, "N"; empty for flags
  std::vector<std::string> words;          ///< values that are words: auto, host, cuda
  std::vector<std::string> inline_values;  ///< what may stand after `=` of a flag: full
  bool is_address = false;                 ///< its value may be an address: FILE:/OBJECT
  bool is_named_address = false;           ///< its value is NAME=FILE:/OBJECT
  bool is_file = false;                    ///< its value may be the name of a file
  bool is_positional = false;
  bool is_required = false;
  bool is_list = false;  ///< a positional argument that may be given several times
  std::string group;
  std::string description;
};

/// The page of the program (first, with an empty name) or of a verb.
struct HelpPage {
  std::string verb;
  std::string description;
  std::string footer;
  std::vector<HelpOption> options;
};

/// The source of manual pages and completion: the same objects that print `--help`. Local.
[[nodiscard]] std::vector<HelpPage> help_pages(const CLI::App& app);

/// Which verb or option was probably meant by a word that is neither: "; did you mean --bins?".
/// Empty where nothing is near. Local.
[[nodiscard]] std::string suggestion_for_verb(const CLI::App& app, const std::string& word);
[[nodiscard]] std::string suggestion_for_option(const CLI::App& app, const std::string& word);

}  // namespace serried::app
