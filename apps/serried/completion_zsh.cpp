#include "completion.hpp"

namespace serried::app {
namespace {

constexpr const char* head = R"sh(#compdef serried
# Completion of serried for zsh, made by 'serried completion zsh'.

# Files, or behind the first ':' what lies in the file.
_serried_address() {
  if [[ $PREFIX != *:* ]]; then
    _files -S '' "$@"
    return
  fi
  local file=${(Q)PREFIX%%:*} begin=${(Q)PREFIX#*:}
  compset -P 1 '*:'
  local -a objects groups
  objects=(${(f)"$("$_serried_program" completion objects "$file:$begin" 2>/dev/null)"})
  groups=(${(M)objects:#*/})
  objects=(${objects:#*/})
  compadd -S '' -a groups
  compadd -a objects
}

# NAME= and an address.
_serried_operand() {
  if compset -P 1 '*='; then _serried_address "$@"; fi
}
)sh";

constexpr const char* tail = R"sh(
_serried "$@"
)sh";

/// Inside of a specification between single quotes.
std::string escaped(const std::string& text) {
  std::string result;
  for (const char c : text) {
    if (c == '[' || c == ']' || c == ':' || c == '\\')
      result += std::string("\\") + c;
    else if (c == '\'')
      result += "'\\''";
    else
      result += c == '\n' ? ' ' : c;
  }
  return result;
}

std::string joined(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : " ") + word;
  return text;
}

/// What completes a value: a function, words in parentheses, or both.
std::string action_of(const HelpOption& option) {
  if (option.is_named_address) return "_serried_operand";
  const std::string function = option.is_address ? "_serried_address" : "_files";
  if (option.words.empty()) return option.is_address || option.is_file ? function : " ";
  const std::string words = joined(option.words);
  if (!option.is_address && !option.is_file) return "(" + words + ")";
  return "{ compadd -- " + words + "; " + function + " }";
}

std::string specification(const HelpOption& option) {
  const std::string what = "[" + escaped(option.description) + "]";
  if (option.is_positional)
    return std::string("'") + (option.is_list ? "*" : "") + ":" + escaped(option.names.front()) +
           ":" + action_of(option) + "'";
  std::string text;
  for (const std::string& name : option.names) {
    text += text.empty() ? "'" : " '";
    if (!option.value.empty())
      text += name + "=" + what + ":" + escaped(option.value) + ":" + action_of(option);
    else if (!option.inline_values.empty())
      text += name + "=-" + what + "::value:(" + joined(option.inline_values) + ")";
    else
      text += name + what;
    text += "'";
  }
  return text;
}

std::string specifications(const HelpPage& page, const std::string& indent) {
  std::string text;
  for (const HelpOption& option : page.options) text += " \\\n" + indent + specification(option);
  return text;
}

}  // namespace

std::string zsh_completion(const std::vector<HelpPage>& pages) {
  std::string text = head;
  text +=
      "\n_serried() {\n"
      "  local curcontext=$curcontext state line _serried_program=${(Q)words[1]/#\\~/$HOME}\n"
      "  typeset -A opt_args\n"
      "  _arguments -C";
  text += specifications(pages.front(), "    ");
  text +=
      " \\\n    '1:verb:->verb' '*::argument:->arguments'\n  case $state in\n    verb)\n"
      "      local -a verbs=(";
  for (const HelpPage& page : pages)
    if (!page.verb.empty())
      text += "\n        '" + page.verb + ":" + escaped(page.description) + "'";
  text += ")\n      _describe verb verbs ;;\n    arguments)\n      case $line[1] in";
  for (const HelpPage& page : pages)
    if (!page.verb.empty())
      text += "\n        " + page.verb + ")\n          _arguments" +
              specifications(page, "            ") + " ;;";
  return text + "\n      esac ;;\n  esac\n}\n" + tail;
}

}  // namespace serried::app
