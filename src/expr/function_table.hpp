#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "serried/expr/expr.hpp"
#include "serried/expr/reductions.hpp"

namespace serried::detail {

/// An argument of a call in a text.
struct Argument {
  std::string_view keyword;  ///< empty: by its place
  std::size_t at = 0;
  std::vector<Expr> values;  ///< one; of a list in brackets all of it
  bool is_list = false;
};

/// A function as texts know it. The one place where a name for texts is listed.
struct TextFunction {
  std::size_t least = 1;  ///< arguments by their place
  std::size_t most = 1;
  /// Keywords besides; "axis", "keepdims", "where", "ddof", "weights" fill the ReduceOptions.
  std::vector<std::string_view> keywords;
  std::function<Expr(std::span<const Expr> arguments, const ReduceOptions& options)> make;
};

/// By name, aliases included. Local.
[[nodiscard]] const std::map<std::string, TextFunction, std::less<>>& text_functions();

/// An argument that must be a whole number known beforehand. Local. @throws InvalidArgument.
[[nodiscard]] std::int64_t whole_number(const Expr& x, std::string_view what);

}  // namespace serried::detail
