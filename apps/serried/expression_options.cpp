#include "expression_options.hpp"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>

#include "cli_options.hpp"
#include "command_options.hpp"
#include "serried/expr/parse.hpp"

namespace serried::app {
namespace {

constexpr const char* reduce_footer =
    R"(Expressions are separated by commas; they are Python's with NumPy's functions: x^2 or x**2, mean(x, axis=0),
std(x, ddof=1), sum(x, where=x > 0), nanmax(x), where(x > 0, x, 0). docs/expressions.md has them all.
Reductions that need no other one first share one read of the data.

Example:
  mpirun -n 4 serried reduce 'mean(x^2), max(abs(x)), std(u - mean(u))' x=run.h5:/x u=run.h5:/u)";

constexpr const char* eval_footer =
    R"(The language is that of 'serried reduce': docs/expressions.md. It is written while it is computed.
Several expressions, separated by commas, share one read of the data. Each has a name, by which its dataset in OUT.h5 is
called, and which later ones may use; or -o is given for each of them.

Example:
  mpirun -n 4 serried eval 'sqrt(u^2 + v^2)' u=run.h5:/fields/u v=run.h5:/fields/v -o speed.h5:/speed
  mpirun -n 4 serried eval 'speed = sqrt(u^2 + v^2), angle = arctan2(v, u)' u=run.h5:/u v=run.h5:/v -o polar.h5)";

void add_operands(CLI::App& app, ExpressionWords& words, const std::string& description) {
  app.add_option("EXPR", words.text, description)->required()->type_name("");
  app.add_option("OPERAND", words.operands,
                 "NAME=ADDR for each name of EXPR: what it stands for, a dataset or a series")
      ->required()
      ->type_name("");
}

bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

bool is_name(std::string_view text) {
  return !text.empty() && is_letter(text.front()) &&
         std::ranges::all_of(text, [](char c) { return is_letter(c) || (c >= '0' && c <= '9'); });
}

NamedAddress parse_operand(const std::string& text) {
  const std::size_t sign = text.find('=');
  if (sign == std::string::npos)
    throw InvalidArgument(text + ": an operand is NAME=ADDR, e.g. x=run.h5:/x");
  const std::string name = text.substr(0, sign);
  if (!is_name(name))
    throw InvalidArgument(fmt::format(
        "{}: '{}' is no name, which is a letter or _ and then letters, digits, _", text, name));
  return {.name = name, .address = parse_address(std::string_view(text).substr(sign + 1))};
}

/// Expressions, with the names by which later ones may call them.
struct NamedText {
  std::string name;
  std::string text;
};

std::vector<NamedAddress> parse_operands(const std::string& all,
                                         const std::vector<NamedText>& expressions,
                                         const std::vector<std::string>& words,
                                         std::vector<std::string> known = {}) {
  std::vector<NamedAddress> operands;
  std::vector<std::string> names;
  for (const std::string& text : words) {
    NamedAddress operand = parse_operand(text);
    if (std::ranges::find(names, operand.name) != names.end())
      throw InvalidArgument(fmt::format("the name '{}' is given twice", operand.name));
    names.push_back(operand.name);
    operands.push_back(std::move(operand));
  }
  known.insert(known.end(), names.begin(), names.end());
  std::vector<std::string> used;
  for (const auto& [name, text] : expressions) {
    const std::vector<std::string> own = used_names(text, known);
    used.insert(used.end(), own.begin(), own.end());
    if (name.empty()) continue;
    if (std::ranges::find(known, name) != known.end())
      throw InvalidArgument(fmt::format("the name '{}' is given twice", name));
    known.push_back(name);
  }
  for (const std::string& name : names)
    if (std::ranges::find(used, name) == used.end())
      throw InvalidArgument(fmt::format("'{}' is given, but not used by {}", name, all));
  return operands;
}

std::vector<NamedAddress> parse_operands(const std::string& expression,
                                         const std::vector<std::string>& words,
                                         const std::vector<std::string>& known = {}) {
  return parse_operands(expression, {{"", expression}}, words, known);
}

std::string_view without_blanks(std::string_view text) {
  const std::size_t begin = text.find_first_not_of(" \t\n");
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t\n") + 1 - begin);
}

/// The parts of a text between the commas that stand in no brackets, and what is in front of a
/// single '=' there.
std::vector<EvalItem> split_items(const std::string& text) {
  std::vector<EvalItem> items;
  int depth = 0;
  std::size_t begin = 0;
  for (std::size_t i = 0; i <= text.size(); ++i) {
    const char c = i < text.size() ? text[i] : ',';
    if (c == '(' || c == '[') ++depth;
    if (c == ')' || c == ']') --depth;
    if (i < text.size() && (c != ',' || depth > 0)) continue;
    const std::string_view part = std::string_view(text).substr(begin, i - begin);
    begin = i + 1;
    EvalItem& item = items.emplace_back(EvalItem{.name = "", .text = std::string(part)});
    const std::size_t sign = part.find('=');
    if (sign == std::string_view::npos || part.substr(sign, 2) == "==") continue;
    const std::string_view name = without_blanks(part.substr(0, sign));
    if (!is_name(name)) continue;
    item = {.name = std::string(name), .text = std::string(part.substr(sign + 1))};
  }
  return items;
}

/// Says which expression goes where.
void place_items(const std::vector<OutputAddress>& outputs, std::vector<EvalItem>& items) {
  const bool is_one_for_all = outputs.size() == 1 && items.size() > 1;
  if (outputs.size() != items.size() && !is_one_for_all)
    throw InvalidArgument(
        fmt::format("there are {} expressions, but {} outputs: -o is given once, "
                    "or for each expression",
                    items.size(), outputs.size()));
  for (std::size_t i = 0; i < items.size(); ++i) {
    EvalItem& item = items[i];
    item.output = outputs[is_one_for_all ? 0 : i];
    if (is_one_for_all && item.name.empty())
      throw InvalidArgument(
          fmt::format("{} needs a name for its dataset in {}, 'NAME = EXPR', or "
                      "an -o of its own",
                      without_blanks(item.text), item.output.path));
    // where all go to one place, that is a group
    if (is_one_for_all)
      item.output.object += "/" + item.name;
    else if (item.output.object.empty())
      item.output.object = "/" + (item.name.empty() ? std::string("result") : item.name);
    for (std::size_t k = 0; k < i; ++k)
      if (items[k].output.path == item.output.path && items[k].output.object == item.output.object)
        throw InvalidArgument(fmt::format("{} and {} go to the same dataset, {}:{}",
                                          without_blanks(items[k].text), without_blanks(item.text),
                                          item.output.path, item.output.object));
  }
}

}  // namespace

void set_up_reduce(CLI::App& app, ExpressionWords& words) {
  add_operands(app, words, "expressions, separated by commas");
  add_value(app, "--axis", "AXES",
            "axes of the outermost reductions that name none: 0 | 1,2 | -1 [all axes]",
            [&words](const std::string& text) { words.axes = parse_axes("--axis", text); });
  app.footer(reduce_footer);
}

void set_up_eval(CLI::App& app, ExpressionWords& words) {
  add_operands(app, words, "an expression, or several, separated by commas: NAME = EXPR, ...");
  app.add_option_function<std::vector<std::string>>(
         "-o,--output",
         [&words](const std::vector<std::string>& texts) {
           for (const std::string& text : texts) {
             words.outputs.push_back(parse_output("--output", text, "/result"));
             if (parse_address(text).object.empty()) words.outputs.back().object.clear();
           }
         },
         "the file, and the dataset in it, to write; once, or for each expression")
      ->type_name("OUT.h5[:/result]")
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)
      ->required();
  add_value(app, "--dtype", "TYPE",
            "of the result: f32, i16 ...; what integers do not hold: an error [the expression's]",
            [&words](const std::string& text) { words.dtype = parse_dtype(text); });
  app.footer(eval_footer);
}

ReduceCommand reduce_command(const ExpressionWords& words) {
  return {.text = words.text,
          .operands = parse_operands(words.text, words.operands),
          .axes = words.axes};
}

EvalCommand eval_command(const ExpressionWords& words) {
  EvalCommand command{.text = words.text, .items = split_items(words.text), .dtype = words.dtype};
  std::vector<NamedText> texts;
  for (const EvalItem& item : command.items) texts.push_back({item.name, item.text});
  command.operands = parse_operands(words.text, texts, words.operands);
  place_items(words.outputs, command.items);
  return command;
}

std::string own_name(const Address& address) {
  const std::string name = address.object.substr(address.object.rfind('/') + 1);
  return is_name(name) && name != "x" && !address.is_object_glob ? name : "";
}

StatsCommand selecting_command(const StatsCommand& all, const std::string& where,
                               const std::vector<std::string>& words) {
  StatsCommand command = all;
  command.where = where;
  std::vector<std::string> operands;
  std::vector<std::string> known{"x"};
  for (const std::string& word : words) {
    if (is_name(word.substr(0, word.find('='))) && word.find('=') != std::string::npos) {
      operands.push_back(word);
      continue;
    }
    command.addresses.push_back(parse_address(word));
    const std::string name = own_name(command.addresses.back());
    if (!name.empty() && std::ranges::find(known, name) == known.end()) known.push_back(name);
  }
  if (command.addresses.empty()) throw InvalidArgument("ADDR is required");
  command.operands = parse_operands(where, operands, known);
  for (const NamedAddress& operand : command.operands)
    if (operand.name == "x")
      throw InvalidArgument("x is the dataset itself; another name is needed for " +
                            operand.address.text);
  return command;
}

std::vector<NamedAddress> names_beside(const Address& address,
                                       const std::vector<NamedAddress>& operands) {
  std::vector<NamedAddress> named{{.name = "x", .address = address, .alias = own_name(address)}};
  for (const NamedAddress& operand : operands) {
    if (operand.name == named.front().alias) named.front().alias.clear();
    named.push_back(operand);
  }
  return named;
}

std::string with_blank_before_minus(const std::string& word) {
  // a digit or a bracket behind the minus is no option to CLI11 either
  const bool is_like_option = word.size() >= 2 && word.front() == '-' && is_letter(word[1]);
  return is_like_option && word[1] != 'o' && word != "-h" ? " " + word : word;
}

}  // namespace serried::app
