#include <cstdlib>
#include <set>

#include "completion.hpp"
#include "serried/base/error.hpp"
#include "serried/io/file_info.hpp"

namespace serried::app {
namespace {

constexpr FileCheck limits = {
    .depth = FileCheck::Depth::metadata, .seconds = 2, .memory_bytes = std::int64_t{1} << 30};

/// As the shell would read it: `~/` is the home folder, which the shell leaves to us in the middle
/// of a word.
std::string expanded(const std::string& path) {
  const char* const home = std::getenv("HOME");
  return path.starts_with("~/") && home != nullptr ? home + path.substr(1) : path;
}

}  // namespace

std::string matching_objects(const std::string& address) {
  const std::size_t colon = address.find(':');
  if (colon == std::string::npos) return "";
  const std::string begin = address.substr(colon + 1);
  if (!begin.empty() && begin.front() != '/') return "";
  FileInfo file;
  try {
    file = list_file_apart(expanded(address.substr(0, colon)), limits);
  } catch (const Error&) {
    return "";
  }
  const std::string folder = begin.empty() ? "/" : begin.substr(0, begin.rfind('/') + 1);
  std::set<std::string> found;
  for (const ObjectInfo& object : file.objects) {
    if (!object.path.starts_with(folder) || object.path == folder) continue;
    if (!object.path.starts_with(begin)) continue;
    // an address would read these as a selection or a pattern
    if (object.path.find_first_of("[]*?\\\n") != std::string::npos) continue;
    const std::size_t next = object.path.find('/', folder.size());
    if (next != std::string::npos)
      found.insert(object.path.substr(0, next + 1));
    else if (!object.is_group && !object.link.ends_with("(dangling)"))
      found.insert(object.path);
    else if (object.is_group)
      found.insert(object.path + "/");
  }
  std::string text;
  for (const std::string& path : found) text += path + "\n";
  return text;
}

}  // namespace serried::app
