#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "serried/array/array.hpp"
#include "serried/base/api.hpp"

namespace SERRIED_API serried {

/// One entry of a selection, as NumPy's basic indexing: a range, one index, which drops its axis,
/// or `...`, which stands for as many whole axes as are needed.
struct AxisSelection {
  Slice range;
  bool is_index = false;     ///< then range.begin is the index; negative ones count from the end
  bool is_ellipsis = false;  ///< then range is not used
};

/// `PATH[:OBJECT][[SELECTION]]`, e.g. `run.h5:/fields/u[0:10,:,3]`. `\` escapes the next character;
/// `[` before the `:` belongs to a glob, after it to the selection. `run.h5:[0:10]` selects from
/// the file's only dataset. A `*` or `?` in PATH or OBJECT, or `[...]` in PATH, names a series,
/// stacked along a new leading axis in natural order (2 before 10); the selection is on each
/// dataset's own axes, not on the new one.
struct Address {
  std::string text;    ///< as it was typed
  std::string path;    ///< the file, or a glob (`*`, `?`, `[...]`, with `\` escapes)
  std::string object;  ///< with leading `/`, or a glob; empty: the file's only dataset
  std::vector<AxisSelection> selection;  ///< empty: everything
  bool is_glob = false;                  ///< the path holds glob characters
  bool is_object_glob = false;           ///< the object holds glob characters (`*`, `?`)
};

/// NumPy's basic indexing, `[::2, 10:20, -1]`, with or without the brackets.
/// Local. @throws InvalidArgument with a caret under the place where the text is wrong.
[[nodiscard]] std::vector<AxisSelection> parse_selection(std::string_view text);

/// Local.
/// @throws InvalidArgument with a caret under the place where the text is wrong.
[[nodiscard]] Address parse_address(std::string_view text);

}  // namespace serried
