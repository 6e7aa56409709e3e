#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "serried/base/quantile_method.hpp"
#include "serried/expr/expr.hpp"
#include "serried/expr/reductions.hpp"

namespace serried::detail {

/// An argument of a call in a text.
struct Argument {
  std::string_view keyword;  ///< empty: by its place
  std::size_t at = 0;
  std::vector<Expr> values;  ///< one; of a list in brackets all of it; of a word none
  bool is_list = false;
  std::string_view word;  ///< a name that stands for itself, such as that of a method
};

/// What keywords say to a function.
struct CallOptions : ReduceOptions {
  QuantileMethod method = QuantileMethod::linear;
  bool has_list = false;  ///< the arguments behind the first one stood in a list
};

/// A function as texts know it. The one place where a name for texts is listed.
struct TextFunction {
  std::size_t least = 1;  ///< arguments by their place
  std::size_t most = 1;
  /// Keywords besides; "axis", "keepdims", "where", "ddof", "weights", "method" fill the
  /// CallOptions.
  std::vector<std::string_view> keywords;
  std::function<Expr(std::span<const Expr> arguments, const CallOptions& options)> make;
  /// Whether what it makes of weak scalars is weak: Python's own, no function of NumPy.
  bool keeps_weakness = false;

  [[nodiscard]] bool has_keyword(std::string_view keyword) const;
};

/// By name, aliases included. Local.
[[nodiscard]] const std::map<std::string, TextFunction, std::less<>>& text_functions();

/// An argument that must be a whole number known beforehand. Local. @throws InvalidArgument.
[[nodiscard]] std::int64_t whole_number(const Expr& x, std::string_view what);

}  // namespace serried::detail
