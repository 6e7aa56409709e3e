#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "serried/array/array.hpp"

namespace serried {

/// One entry of a selection: a range, or one index, which drops its axis.
struct AxisSelection {
  Slice range;
  bool is_index = false;  ///< then range.begin is the index
};

/// `PATH[:OBJECT][[SELECTION]]`, e.g. `run.h5:/fields/u[0:10,:,3]`. `\` escapes the next character; `[`
/// before the `:` belongs to a glob, after it to the selection.
struct Address {
  std::string text;                       ///< as it was typed
  std::string path;                       ///< the file, or a glob (`*`, `?`, `[...]`)
  std::string object;                     ///< with leading `/`; empty: the file's only dataset
  std::vector<AxisSelection> selection;   ///< empty: everything
  bool is_glob = false;                   ///< the path holds glob characters
};

/// Local.
/// @throws InvalidArgument with a caret under the place where the text is wrong.
[[nodiscard]] Address parse_address(std::string_view text);

}  // namespace serried
