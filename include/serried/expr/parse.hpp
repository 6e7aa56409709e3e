#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "serried/base/api.hpp"
#include "serried/expr/expr.hpp"

namespace SERRIED_API serried {

/// What a name in a text stands for; nothing if there is no such operand.
using FindOperand = std::function<std::optional<Expr>(std::string_view name)>;
/// What `coord(NAME, AXIS)` stands for: the coordinates along an axis of the operand NAME, in a
/// shape that is broadcast along it. AXIS as in the text, without quotes: the name of a coordinate
/// variable, or the number of an axis.
/// @throws InvalidArgument where there are none.
using FindCoordinate = std::function<Expr(std::string_view name, std::string_view axis)>;

struct ParseOptions {
  /// The axes of the outermost reductions that name none themselves: with {0}, `std(u - mean(u))`
  /// goes along axis 0, and mean(u) within it is one number. None: all axes. Where no reduction
  /// takes them, they are an error.
  std::vector<int> axes = {};
  /// The names that there are, for the message about one that is not there.
  std::vector<std::string> names = {};
  /// None: the operands have no coordinates, and `coord` is an error that says so.
  FindCoordinate find_coordinate = nullptr;
};

/// Parses an expression, e.g. `"sqrt(u^2 + v^2) > 3 and isfinite(w)"`. The grammar is Python's, as
/// far as it goes: `or`, `and`, `not`, comparisons (also chained: `0 < x < 1`), `|`, `&`, `<< >>`,
/// `+ -`, `* / // %`, unary `- + ~`, `**` or `^` (both the power, right to left, above a minus in
/// front), calls with keyword arguments, numbers (`1e-3`, `0xff`, `2j`), `pi`, `e`, `inf`, `nan`,
/// `true`, `false`. `&&`, `||` and `!` are `and`, `or` and `not`. `index(axis)` is the index along
/// an axis of the shape that all operands of its expression have together, and `coord(x, axis)`
/// what the coordinate variable of an axis of x says there. What a function makes of
/// numbers alone is no weak scalar, as in NumPy: `sqrt(2)` is an f64. docs/expressions.md lists the
/// functions. Local.
/// @throws InvalidArgument, with the place under the text, for what cannot be parsed, names and
/// functions that are not there (and which may have been meant), wrong numbers of arguments, and
/// whatever the functions throw.
[[nodiscard]] Expr parse_expression(std::string_view text, const FindOperand& find,
                                    const ParseOptions& options = {});

/// An expression and the part of a text that it was made from, without blanks around it.
struct ParsedExpr {
  std::string text;
  Expr expression;
};
/// Several expressions, separated by commas. Local. @throws as parse_expression.
[[nodiscard]] std::vector<ParsedExpr> parse_expressions(std::string_view text,
                                                        const FindOperand& find,
                                                        const ParseOptions& options = {});

/// Which of the names a text of expressions uses, in their order, before anything is known of what
/// they stand for. Local.
/// @throws InvalidArgument as parse_expression, but not for what depends on shapes and dtypes.
[[nodiscard]] std::vector<std::string> used_names(std::string_view text,
                                                  std::span<const std::string> names);

/// The names of all functions, sorted. Local.
[[nodiscard]] std::vector<std::string> function_names();

}  // namespace serried
