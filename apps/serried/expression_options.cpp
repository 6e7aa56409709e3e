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

Example:
  mpirun -n 4 serried eval 'sqrt(u^2 + v^2)' u=run.h5:/fields/u v=run.h5:/fields/v -o speed.h5:/speed)";

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

std::vector<NamedAddress> parse_operands(const std::string& expression,
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
  const std::vector<std::string> used = used_names(expression, known);
  for (const std::string& name : names)
    if (std::ranges::find(used, name) == used.end())
      throw InvalidArgument(fmt::format("'{}' is given, but not used by {}", name, expression));
  return operands;
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
  add_operands(app, words, "one expression");
  add_value(app, "-o,--output", "OUT.h5[:/result]", "the file, and the dataset in it, to write",
            [&words](const std::string& text) {
              words.output = parse_output("--output", text, "/result");
            })
      ->required();
  add_value(app, "--dtype", "TYPE",
            "of the result: f32, i16 ...; what it cannot hold is an error [the expression's]",
            [&words](const std::string& text) { words.dtype = parse_dtype(text); });
  app.footer(eval_footer);
}

ReduceCommand reduce_command(const ExpressionWords& words) {
  return {.text = words.text,
          .operands = parse_operands(words.text, words.operands),
          .axes = words.axes};
}

EvalCommand eval_command(const ExpressionWords& words) {
  return {.text = words.text,
          .operands = parse_operands(words.text, words.operands),
          .output = words.output.value(),
          .dtype = words.dtype};
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

std::string with_blank_before_minus(const std::string& word) {
  // a digit or a bracket behind the minus is no option to CLI11 either
  const bool is_like_option = word.size() >= 2 && word.front() == '-' && is_letter(word[1]);
  return is_like_option && word[1] != 'o' && word != "-h" ? " " + word : word;
}

}  // namespace serried::app
