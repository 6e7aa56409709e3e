#include "io/guard/untrusted.hpp"

#include <unistd.h>

#include "io/file_listing.hpp"
#include "io/guard/description.hpp"
#include "io/guard/process.hpp"
#include "serried/base/error.hpp"

namespace serried {
namespace guard {
namespace {

/// What f makes of what the process found, which may be anything if the file spoiled its memory.
template <class F>
auto understand(const Task& task, const F& f) {
  try {
    return f();
  } catch (const Error& error) {
    throw IoError(task.subject() + ": what checking this file found makes no sense (" +
                  error.what() + "): it is damaged or was made to do harm");
  }
}

}  // namespace

std::string list_untrusted(const std::string& path, const FileCheck& check) {
  Task task;
  task.kind = Task::Kind::list;
  task.check = check;
  task.path = path;
  std::string bytes = run_in_process(task);
  understand(task, [&] { static_cast<void>(parse_listing(path, bytes)); });
  return bytes;
}

Described describe_untrusted(const std::vector<Address>& addresses, const DatasetOptions& options) {
  Task task;
  task.kind = Task::Kind::describe;
  task.check = *options.untrusted;
  task.addresses = addresses;
  task.options = options;
  const std::string bytes = run_in_process(task);
  return understand(task, [&] { return take_description(bytes, addresses.size(), options); });
}

}  // namespace guard

void check_table_file(const std::string& path, const FileCheck& check) {
  guard::Task task;
  task.kind = guard::Task::Kind::table;
  task.check = check;
  task.path = path;
  static_cast<void>(guard::run_in_process(task));
}

}  // namespace serried
