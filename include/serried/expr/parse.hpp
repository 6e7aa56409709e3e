#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "serried/base/api.hpp"
#include "serried/expr/expr.hpp"

namespace SERRIED_API serried {

/// What a name in a text stands for; nothing if there is no such operand.
using FindOperand = std::function<std::optional<Expr>(std::string_view name)>;

/// Parses an expression, e.g. `"sqrt(u^2 + v^2) > 3 and isfinite(w)"`. The grammar is Python's, as
/// far as it goes: `or`, `and`, `not`, comparisons (also chained: `0 < x < 1`), `|`, `&`, `<< >>`,
/// `+ -`, `* / // %`, unary `- + ~`, `**` or `^` (both the power, right to left, above a minus in
/// front), calls with keyword arguments, numbers (`1e-3`, `0xff`, `2j`), `pi`, `e`, `inf`, `nan`,
/// `true`, `false`. `&&`, `||` and `!` are `and`, `or` and `not`. `index(axis)` is the index along
/// an axis of the shape that all operands of the text have together. docs/expressions.md lists the
/// functions. Local.
/// @throws InvalidArgument, with the place under the text, for what cannot be parsed, names and
/// functions that are not there (and which may have been meant), wrong numbers of arguments, and
/// whatever the functions throw.
[[nodiscard]] Expr parse_expression(std::string_view text, const FindOperand& find);

/// An expression and the part of a text that it was made from, without blanks around it.
struct ParsedExpr {
  std::string text;
  Expr expression;
};
/// Several expressions, separated by commas. Local. @throws as parse_expression.
[[nodiscard]] std::vector<ParsedExpr> parse_expressions(std::string_view text,
                                                        const FindOperand& find);

/// The names of all functions, sorted. Local.
[[nodiscard]] std::vector<std::string> function_names();

}  // namespace serried
