#include <algorithm>
#include <map>

#include "completion.hpp"

namespace serried::app {
namespace {

/// All but the tables. The line is read as the shell reads it: what bash takes for words depends on
/// COMP_WORDBREAKS, which holds ':' and '=' or not.
constexpr const char* functions = R"sh(
# Offers files, or behind the first ':' what lies in the file.
_serried_offer() {  # KINDS VALUE TYPED
  local kinds=$1 value=$2 kept=$3 option='' breaks='' form=%s line
  local -a found=()
  if [[ $kinds == named ]]; then
    if [[ $value != *=* ]]; then return; fi
    if [[ -z $quote ]] || ((begun == 0)); then option=${value%%=*}=; fi
    value=${value#*=} kinds=address
  fi
  case " $kinds " in
    *' address '*)
      if [[ $value == *:* ]]; then
        while IFS= read -r line; do found+=("${value%%:*}:$line"); done \
          < <("${words[0]/#\~/$HOME}" completion objects "$value" 2>/dev/null)
        if ((${#found[@]} == 1)) && [[ ${found[0]} == */ ]]; then compopt -o nospace 2>/dev/null; fi
        if [[ -z $quote ]]; then form=%q; fi
      else
        compopt -o filenames -o nospace 2>/dev/null
        mapfile -t found < <(compgen -f -- "$value")
      fi ;;
    *' file '*)
      compopt -o filenames 2>/dev/null
      mapfile -t found < <(compgen -f -- "$value") ;;
  esac
  for line in $kinds; do
    if [[ $line == ,* && ${line#,} == "$value"* ]]; then found+=("${line#,}"); fi
  done
  # Bash replaces what stands behind the last character that parts words for it, or behind the open quote.
  if [[ $COMP_WORDBREAKS == *:* ]]; then breaks+=:; fi
  if [[ $COMP_WORDBREAKS == *=* ]]; then breaks+='='; fi
  if [[ -n $quote || -z $breaks || $kept != *["$breaks"]* ]]; then kept=''
  else kept=${kept%"${kept##*["$breaks"]}"}
  fi
  if [[ -z $quote && $3 == -*=* ]]; then option=${3%%=*}=; fi
  for line in "${found[@]}"; do
    line=$option$line
    printf -v line "$form" "${line#"$kept"}"
    COMPREPLY+=("$line")
  done
}

_serried() {
  local line=${COMP_LINE:0:COMP_POINT} word='' quote='' char verb='' waiting='' i
  local -i is_word=0 arguments=0 begun=0
  local -a words=()
  COMPREPLY=()
  for ((i = 0; i < ${#line}; i++)); do
    char=${line:i:1}
    if [[ $quote == "'" ]]; then
      if [[ $char == "'" ]]; then quote=''; else word+=$char; fi
    elif [[ $char == \\ ]]; then
      word+=${line:i+1:1} is_word=1
      i=$((i + 1))
    elif [[ -n $quote && $char == "$quote" ]]; then quote=''
    elif [[ -n $quote ]]; then word+=$char
    elif [[ $char == [\'\"] ]]; then quote=$char is_word=1 begun=${#word}
    elif [[ $char == [[:space:]] ]]; then
      if ((is_word)); then words+=("$word"); fi
      word='' is_word=0
    else word+=$char is_word=1
    fi
  done
  for i in "${words[@]:1}"; do
    if [[ -n $waiting ]]; then waiting=''
    elif [[ $i == -* ]]; then
      if [[ -n $(_serried_value "$i") ]]; then waiting=$i; fi
    elif [[ -z $verb ]]; then verb=$i
    else arguments+=1
    fi
  done
  if [[ -n $waiting ]]; then
    _serried_offer "$(_serried_value "$waiting")" "$word" "$word"
  elif [[ $word == -*=* ]]; then
    _serried_offer "$(_serried_value "${word%%=*}") $(_serried_inline "${word%%=*}")" "${word#*=}" "$word"
  elif [[ $word == -* ]]; then
    mapfile -t COMPREPLY < <(compgen -W "$(_serried_options "$verb")" -- "$word")
  elif [[ -z $verb ]]; then
    mapfile -t COMPREPLY < <(compgen -W "$(_serried_verbs)" -- "$word")
  else
    _serried_offer "$(_serried_argument "$verb" "$arguments")" "$word" "$word"
  fi
}
complete -F _serried serried
)sh";

/// "file ,auto ,host": what a value may be; words have a comma in front.
std::string kinds_of(const HelpOption& option) {
  if (option.is_named_address) return "named";
  std::string kinds;
  if (option.is_address)
    kinds = "address";
  else if (option.is_file)
    kinds = "file";
  for (const std::string& word : option.words) kinds += (kinds.empty() ? "," : " ,") + word;
  return kinds.empty() ? "any" : kinds;
}

std::string option_names(const HelpPage& page) {
  std::string names;
  for (const HelpOption& option : page.options)
    if (!option.is_positional) {
      names += (names.empty() ? "" : " ") + option.names.back();
      for (const std::string& value : option.inline_values)
        names += " " + option.names.back() + "=" + value;
    }
  return names;
}

std::string row(const std::string& pattern, const std::string& text) {
  return "    " + pattern + ") echo '" + text + "' ;;\n";
}

}  // namespace

std::string bash_completion(const std::vector<HelpPage>& pages) {
  std::string verbs;
  std::string options;
  std::string arguments;
  std::map<std::string, std::string> values;
  std::map<std::string, std::string> inline_values;
  for (const HelpPage& page : pages) {
    if (!page.verb.empty()) {
      verbs += (verbs.empty() ? "" : " ") + page.verb;
      options += row(page.verb, option_names(page));
    }
    int number = 0;
    for (const HelpOption& option : page.options) {
      if (option.is_positional) {
        arguments += row("'" + page.verb + " '" + (option.is_list ? "*" : std::to_string(number)),
                         kinds_of(option));
        ++number;
        continue;
      }
      for (const std::string& name : option.names)
        if (!option.value.empty()) values[name] = kinds_of(option);
      std::string words;
      for (const std::string& value : option.inline_values) words += "," + value + " ";
      if (!words.empty()) inline_values[option.names.back()] = words;
    }
  }
  std::string text =
      "# Completion of serried for bash, made by 'serried completion bash'.\n"
      "_serried_verbs() { echo '" +
      verbs + "'; }\n_serried_options() {\n  case $1 in\n" + options +
      row("*", option_names(pages.front())) + "  esac\n}\n_serried_value() {\n  case $1 in\n";
  for (const auto& [name, kinds] : values) text += row(name, kinds);
  text += "  esac\n}\n_serried_inline() {\n  case $1 in\n";
  for (const auto& [name, kinds] : inline_values) text += row(name, kinds);
  text += "  esac\n}\n_serried_argument() {\n  case \"$1 $2\" in\n" + arguments + "  esac\n}\n";
  return text + functions;
}

}  // namespace serried::app
