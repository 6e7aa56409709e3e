#include "manual.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <sstream>

#include "serried/base/build_info.hpp"

namespace serried::app {
namespace {

/// Text as it stands: man(7) takes a backslash, a lone hyphen, and a dot or quote in front for
/// commands.
std::string plain(const std::string& text) {
  std::string result;
  for (const char c : text) {
    if ((c == '.' || c == '\'') && (result.empty() || result.back() == '\n')) result += "\\&";
    if (c == '\\')
      result += "\\e";
    else if (c == '-')
      result += "\\-";
    else if (c == '\'')
      result += "\\(aq";
    else if (c == '`')
      result += "\\(ga";
    else if (c == '^')
      result += "\\(ha";
    else if (c == '~')
      result += "\\(ti";
    else
      result += c;
  }
  return result;
}

std::string bold(const std::string& text) {
  return "\\fB" + plain(text) + "\\fR";
}
std::string italic(const std::string& text) {
  return "\\fI" + plain(text) + "\\fR";
}

std::string with_dots(const HelpOption& argument) {
  const std::string name = italic(argument.names.front()) + (argument.is_list ? "..." : "");
  return argument.is_required ? name : "[" + name + "]";
}

std::string head_of(const HelpOption& option) {
  if (option.is_positional) return with_dots(option);
  std::string head;
  for (const std::string& name : option.names) head += (head.empty() ? "" : ", ") + bold(name);
  if (!option.value.empty())
    head +=
        " " + (option.words.empty() || option.is_file || option.is_address ? italic(option.value)
                                                                           : bold(option.value));
  for (const std::string& value : option.inline_values)
    head += ", " + bold(option.names.back() + "=" + value);
  return head;
}

void add_options(std::ostream& out, const std::vector<HelpOption>& options,
                 const std::string& group) {
  for (const HelpOption& option : options)
    if (option.group == group)
      out << ".TP\n" << head_of(option) << "\n" << plain(option.description) << "\n";
}

/// The groups in the order in which they come; arguments first.
std::vector<std::string> groups_of(const HelpPage& page) {
  std::vector<std::string> groups;
  for (const HelpOption& option : page.options)
    if (std::ranges::find(groups, option.group) == groups.end()) groups.push_back(option.group);
  return groups;
}

/// Paragraphs as text, and what is indented behind "Example:" as it stands.
void add_footer(std::ostream& out, const std::string& footer) {
  std::istringstream lines(footer);
  bool is_example = false;
  bool is_new = false;
  bool ends_sentence = false;
  for (std::string line; std::getline(lines, line);) {
    if (line == "Example:") {
      out << ".SH EXAMPLE\n.nf\n";
      is_example = true;
    } else if (line.empty()) {
      is_new = true;
    } else if (is_example) {
      out << plain(line) << "\n";
    } else {
      if (is_new) out << ".PP\n";
      if (!is_new && ends_sentence) out << ".br\n";
      is_new = false;
      ends_sentence = line.back() == '.';
      out << plain(line) << "\n";
    }
  }
  if (is_example) out << ".fi\n";
}

std::string upper(std::string text) {
  std::ranges::transform(text, text.begin(),
                         [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  return text;
}

void add_synopsis(std::ostream& out, const HelpPage& page) {
  out << ".SH SYNOPSIS\n" << bold("serried");
  if (page.verb.empty()) {
    out << " " << italic("VERB") << " [" << italic("OPTIONS") << "] " << italic("ARGUMENTS")
        << "...\n.br\n"
        << bold("mpirun") << " " << bold("-n") << " " << italic("RANKS") << " " << bold("serried")
        << " ...\n";
    return;
  }
  out << " " << bold(page.verb);
  for (const HelpOption& option : page.options)
    if (option.is_positional) out << " " << with_dots(option);
  out << " [" << italic("OPTIONS") << "]\n";
}

void add_verbs(std::ostream& out, const std::vector<HelpPage>& pages) {
  out << ".SH VERBS\n";
  for (const HelpPage& page : pages)
    if (!page.verb.empty())
      out << ".TP\n"
          << bold(page.verb) << "\n"
          << plain(page.description) << "; see " << bold("serried-" + page.verb) << "(1).\n";
}

void add_references(std::ostream& out, const std::vector<HelpPage>& pages,
                    const std::string& verb) {
  out << ".SH SEE ALSO\n";
  std::string text;
  for (const HelpPage& page : pages)
    if (page.verb != verb)
      text += (text.empty() ? "" : ",\n") +
              bold(page.verb.empty() ? "serried" : "serried-" + page.verb) + "(1)";
  out << text << "\n";
}

}  // namespace

std::string manual_page(const std::vector<HelpPage>& pages, const std::string& verb) {
  const auto found = std::ranges::find(pages, verb, &HelpPage::verb);
  if (found == pages.end()) return "";
  const HelpPage& page = *found;
  const std::string name = verb.empty() ? "serried" : "serried-" + verb;
  std::ostringstream out;
  out << fmt::format(
      ".\\\" Made from the texts of --help.\n.TH {} 1 \"\" \"Serried {}\" \"User Commands\"\n",
      plain(upper(name)), build_info().version);
  std::string purpose = page.description;
  if (!purpose.empty() && purpose.back() == '.') purpose.pop_back();
  purpose[0] = static_cast<char>(std::tolower(static_cast<unsigned char>(purpose[0])));
  out << ".SH NAME\n" << plain(name) << " \\- " << plain(purpose) << "\n";
  add_synopsis(out, page);
  if (verb.empty()) add_verbs(out, pages);
  const std::vector<std::string> groups = groups_of(page);
  out << ".SH OPTIONS\n";
  for (const std::string& group : groups) {
    if (group != "Options" && group != "Positionals") out << ".SS " << plain(group) << "\n";
    add_options(out, page.options, group);
  }
  const std::size_t example = page.footer.find("Example:\n");
  if (example != 0 && !page.footer.empty()) out << ".SH NOTES\n";
  add_footer(out, page.footer);
  add_references(out, pages, verb);
  return out.str();
}

}  // namespace serried::app
