#include "serried/base/temporary_files.hpp"

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <mutex>
#include <vector>

namespace serried {
namespace {

struct List {
  std::timed_mutex mutex;
  std::vector<std::string> paths;
};

/// Never destroyed: a thread may end the process while static objects are being destroyed.
List& list() {
  static auto* const the_list = new List;
  return *the_list;
}

}  // namespace

void register_temporary_file(const std::string& path) {
  const std::lock_guard lock(list().mutex);
  list().paths.push_back(path);
}

void forget_temporary_file(const std::string& path) noexcept {
  const std::lock_guard lock(list().mutex);
  auto& paths = list().paths;
  const auto found = std::find(paths.begin(), paths.end(), path);
  if (found != paths.end()) paths.erase(found);
}

void remove_temporary_files() noexcept {
  const std::unique_lock lock(list().mutex, std::chrono::milliseconds(100));
  if (!lock.owns_lock()) return;
  for (const std::string& path : list().paths) ::unlink(path.c_str());
  list().paths.clear();
}

}  // namespace serried
