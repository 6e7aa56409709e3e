#include "help_pages.hpp"

#include <CLI/CLI.hpp>
#include <regex>

#include "serried/base/similar_names.hpp"

namespace serried::app {
namespace {

std::vector<std::string> split(const std::string& text, const std::string& separator) {
  std::vector<std::string> parts;
  std::size_t begin = 0;
  for (std::size_t end; (end = text.find(separator, begin)) != std::string::npos;
       begin = end + separator.size())
    parts.push_back(text.substr(begin, end - begin));
  parts.push_back(text.substr(begin));
  return parts;
}

bool is_word(const std::string& text) {
  static const std::regex form("-|[a-z][a-z0-9+-]*");
  return std::regex_match(text, form);
}

/// "auto|host|cuda" names words; "NAME|ADDR" and "OUT.h5[:/labels]" name kinds.
void take_kinds(HelpOption& option, const std::string& name) {
  for (const std::string& kind : split(name, "|")) {
    if (is_word(kind))
      option.words.push_back(kind);
    else if (kind == "ADDR")
      option.is_address = true;
    else if (kind.find("FILE") != std::string::npos || kind.find('.') != std::string::npos)
      option.is_file = true;
  }
}

/// Words that the description lists: "kmeans-parallel | kmeans++ | random | address of centres".
void take_listed_words(HelpOption& option) {
  const std::string list = option.description.substr(0, option.description.find(" ["));
  const std::vector<std::string> parts = split(list, " | ");
  if (parts.size() < 2) return;
  for (const std::string& part : parts)
    if (const std::string word =
            part.substr(part.rfind(": ") == std::string::npos ? 0 : part.rfind(": ") + 2);
        is_word(word))
      option.words.push_back(word);
}

HelpOption describe(const CLI::Option& source) {
  HelpOption option;
  option.is_positional = source.get_positional();
  option.is_required = source.get_required();
  option.group = source.get_group();
  option.description = source.get_description();
  if (option.is_positional) {
    const std::string name = source.get_name(true);
    option.names = {name};
    option.is_list = source.get_items_expected_max() > 1;
    option.is_address = name == "ADDR" || name == "FILE";
    option.is_named_address = name == "OPERAND";
    option.is_file = name == "MODEL";
    return option;
  }
  for (const std::string& name : source.get_snames()) option.names.push_back("-" + name);
  for (const std::string& name : source.get_lnames()) option.names.push_back("--" + name);
  if (source.get_items_expected_max() > 0 && source.get_items_expected_min() > 0) {
    option.value = source.get_type_name();
    take_kinds(option, option.value);
    take_listed_words(option);
    return option;
  }
  // "(--untrusted=full: all their values too)"
  const std::string start = option.names.back() + "=";
  const std::size_t at = option.description.find(start);
  if (at != std::string::npos) {
    const std::size_t begin = at + start.size();
    option.inline_values.push_back(option.description.substr(
        begin, option.description.find_first_not_of("abcdefghijklmnopqrstuvwxyz", begin) - begin));
  }
  return option;
}

HelpPage page_of(const CLI::App& app, const std::string& verb) {
  HelpPage page{.verb = verb, .description = app.get_description(), .footer = app.get_footer()};
  for (const CLI::Option* option : app.get_options()) page.options.push_back(describe(*option));
  return page;
}

std::vector<std::string> verbs_of(const CLI::App& app) {
  std::vector<std::string> verbs;
  for (const CLI::App* verb : app.get_subcommands({})) verbs.push_back(verb->get_name());
  return verbs;
}

std::string question(const std::string& name) {
  return name.empty() ? "" : "; did you mean " + name + "?";
}

}  // namespace

std::vector<HelpPage> help_pages(const CLI::App& app) {
  std::vector<HelpPage> pages = {page_of(app, "")};
  for (const CLI::App* verb : app.get_subcommands({}))
    pages.push_back(page_of(*verb, verb->get_name()));
  return pages;
}

std::string suggestion_for_verb(const CLI::App& app, const std::string& word) {
  return question(similar_name(word, verbs_of(app)));
}

std::string suggestion_for_option(const CLI::App& app, const std::string& word) {
  const std::string name = word.substr(0, word.find('='));
  if (!name.starts_with("--")) return "";
  std::vector<std::string> names;
  for (const CLI::Option* option : app.get_options())
    for (const std::string& known : option->get_lnames()) names.push_back(known);
  const std::string found = similar_name(name.substr(2), names);
  return question(found.empty() ? "" : "--" + found);
}

}  // namespace serried::app
