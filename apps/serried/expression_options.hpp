#pragma once

#include <optional>
#include <string>
#include <vector>

#include "command_line.hpp"

namespace CLI {
class App;
}

namespace serried::app {

/// What the command line says to the verbs of expressions, before it is put in order.
struct ExpressionWords {
  std::string text;
  std::vector<std::string> operands;
  std::vector<int> axes;
  std::vector<OutputAddress> outputs;  ///< an empty object: none was given
  std::optional<DType> dtype;
};

/// The options of `reduce` and of `eval`. `words` must outlive the app. Local.
void set_up_reduce(CLI::App& app, ExpressionWords& words);
void set_up_eval(CLI::App& app, ExpressionWords& words);

/// The commands, whose names are those of the expressions. Local.
/// @throws InvalidArgument for what cannot be parsed, names that are not given, or given twice, or
/// not used, and addresses that are none.
[[nodiscard]] ReduceCommand reduce_command(const ExpressionWords& words);
[[nodiscard]] EvalCommand eval_command(const ExpressionWords& words);

/// The name that a dataset has in its file, where an expression can use it beside x; else empty.
/// Local.
[[nodiscard]] std::string own_name(const Address& address);

/// `serried stats --where`: words that are NAME=ADDR are operands of its expression, the others
/// addresses of datasets. Local. @throws as reduce_command.
[[nodiscard]] StatsCommand selecting_command(const StatsCommand& all, const std::string& where,
                                             const std::vector<std::string>& words);

/// What the names of a condition on a dataset stand for: x and its own name the dataset, unless an
/// operand has that name. The dataset comes first. Local.
[[nodiscard]] std::vector<NamedAddress> names_beside(const Address& address,
                                                     const std::vector<NamedAddress>& operands);

/// An expression with a minus in front, such as "-x", looks like an option: the same with a blank
/// before it. Other words stay as they are. Local.
[[nodiscard]] std::string with_blank_before_minus(const std::string& word);

}  // namespace serried::app
