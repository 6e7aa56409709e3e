#include "io/guard/task.hpp"

#include "io/wire.hpp"
#include "serried/base/build_info.hpp"
#include "serried/base/error.hpp"

namespace serried::guard {
namespace {

std::string build_name() {
  const BuildInfo build = build_info();
  return std::string(build.version) + ' ' + std::string(build.commit) + ' ' +
         std::string(build.configuration);
}

void put_address(WireWriter& wire, const Address& address) {
  wire.put(address.text);
  wire.put(address.path);
  wire.put(address.object);
  wire.put(address.selection);
  wire.put(address.is_glob);
  wire.put(address.is_object_glob);
}

void get_address(WireReader& wire, Address& address) {
  wire.get(address.text);
  wire.get(address.path);
  wire.get(address.object);
  wire.get(address.selection);
  wire.get(address.is_glob);
  wire.get(address.is_object_glob);
}

}  // namespace

std::string Task::subject() const {
  return addresses.empty() ? path : addresses.front().text;
}

std::string Task::to_bytes() const {
  WireWriter wire;
  wire.put(build_name());
  wire.put(kind);
  wire.put(check);
  wire.put(parent);
  wire.put(path);
  wire.put(static_cast<std::int64_t>(addresses.size()));
  for (const Address& address : addresses) put_address(wire, address);
  wire.put(options.samples.kind);
  wire.put(options.samples.axes);
  wire.put(options.is_decoding);
  wire.put(options.is_si);
  wire.put(options.dtype);
  return wire.bytes();
}

Task Task::from_bytes(const std::string& bytes) {
  Task task;
  WireReader wire(bytes);
  std::string build;
  wire.get(build);
  if (build != build_name())
    throw Error(ErrorKind::internal, "serried_check_file belongs to another build (" +
                                         build_name() + ") than this program (" + build + ")");
  wire.get(task.kind);
  wire.get(task.check);
  wire.get(task.parent);
  wire.get(task.path);
  task.addresses.resize(wire.get_count());
  for (Address& address : task.addresses) get_address(wire, address);
  wire.get(task.options.samples.kind);
  wire.get(task.options.samples.axes);
  wire.get(task.options.is_decoding);
  wire.get(task.options.is_si);
  wire.get(task.options.dtype);
  return task;
}

}  // namespace serried::guard
