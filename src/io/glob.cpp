#include "io/glob.hpp"

#include <fnmatch.h>
#include <glob.h>

#include <algorithm>

#include "io/natural_order.hpp"
#include "serried/base/error.hpp"

namespace serried {

std::vector<std::string> expand_path_glob(const std::string& pattern) {
  glob_t found{};
  const int code = ::glob(pattern.c_str(), GLOB_NOSORT, nullptr, &found);
  std::vector<std::string> paths;
  if (code == 0) paths.assign(found.gl_pathv, found.gl_pathv + found.gl_pathc);
  ::globfree(&found);
  if (code == GLOB_NOSPACE) throw Error(ErrorKind::internal, "no memory to expand " + pattern);
  if (code == GLOB_ABORTED) throw IoError(pattern + ": a folder of this pattern cannot be read");
  if (paths.empty()) {
    std::string text = pattern + ": no file matches";
    if (pattern.back() == ']')
      text +=
          " (before the ':' a '[' is a glob; a selection comes after it, as in run.h5:/u[0:10])";
    throw IoError(text);
  }
  std::sort(paths.begin(), paths.end(), is_before_naturally);
  return paths;
}

bool is_name_match(const std::string& pattern, const std::string& name) {
  // '[' has no meaning in object patterns, so it is escaped here.
  std::string escaped;
  for (std::size_t i = 0; i < pattern.size(); ++i) {
    if (pattern[i] == '\\' && i + 1 < pattern.size()) {
      escaped += pattern.substr(i, 2);
      ++i;
      continue;
    }
    if (pattern[i] == '[') escaped += '\\';
    escaped += pattern[i];
  }
  return ::fnmatch(escaped.c_str(), name.c_str(), 0) == 0;
}

}  // namespace serried
