#include "io/guard/untrusted.hpp"

#include <unistd.h>

#include "io/guard/process.hpp"
#include "io/wire.hpp"

namespace serried {
namespace guard {

std::string list_untrusted(const std::string& path, const FileCheck& check) {
  Task task;
  task.kind = Task::Kind::list;
  task.check = check;
  task.path = path;
  return run_in_process(task);
}

Described describe_untrusted(const std::vector<Address>& addresses, const DatasetOptions& options) {
  Task task;
  task.kind = Task::Kind::describe;
  task.check = *options.untrusted;
  task.addresses = addresses;
  task.options = options;
  const std::string bytes = run_in_process(task);
  Described found;
  WireReader wire(bytes);
  wire.get(found.metadata);
  wire.get(found.coordinates);
  return found;
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
