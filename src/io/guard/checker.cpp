// The program serried_check_file: reads a file as the ranks would, before they do.
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <new>
#include <stdexcept>
#include <string>

#include "base/memory_text.hpp"
#include "io/coordinates.hpp"
#include "io/file_listing.hpp"
#include "io/geometry.hpp"
#include "io/guard/limits.hpp"
#include "io/guard/task.hpp"
#include "io/guard/value_samples.hpp"
#include "io/hdf5/errors.hpp"
#include "io/metadata.hpp"
#include "serried/base/error.hpp"
#include "serried/device/backend.hpp"
#include "serried/io/table_file.hpp"

namespace serried {
namespace guard {
namespace {

constexpr int task_descriptor = 0;
constexpr int message_descriptor = 3;

std::string read_task() {
  std::string bytes;
  std::array<char, 4096> buffer;
  for (;;) {
    const ssize_t size = ::read(task_descriptor, buffer.data(), buffer.size());
    if (size == 0) return bytes;
    if (size > 0) bytes.append(buffer.data(), static_cast<std::size_t>(size));
    if (size < 0 && errno != EINTR)
      throw Error(ErrorKind::internal,
                  "serried_check_file is started by Serried, with a task as standard input");
  }
}

void send(Message kind, const std::string& body) {
  const auto size = static_cast<std::uint64_t>(body.size());
  std::string bytes(1, static_cast<char>(kind));
  bytes.append(reinterpret_cast<const char*>(&size), sizeof(size));
  bytes += body;
  for (std::size_t at = 0; at < bytes.size();) {
    const ssize_t written = ::write(message_descriptor, bytes.data() + at, bytes.size() - at);
    if (written < 0 && errno != EINTR) ::_exit(1);  // nobody listens
    if (written > 0) at += static_cast<std::size_t>(written);
  }
}

/// Tells how far the work has come.
class Reporter {
 public:
  explicit Reporter(const Task& task) : seconds_(task.check.seconds), file_(task.subject()) {}

  void stage(const std::string& file, const std::string& activity) {
    file_ = file;
    limit_computing(seconds_);
    WireWriter wire;
    wire.put(file);
    wire.put(activity);
    send(Message::stage, wire.bytes());
  }
  void progress() const {
    limit_computing(seconds_);
    send(Message::progress, {});
  }
  [[nodiscard]] const std::string& file() const noexcept { return file_; }

 private:
  double seconds_;
  std::string file_;
};

std::string describe(const Task& task, Reporter& reporter) {
  const DatasetMeta meta =
      read_metadata(task.addresses, task.options,
                    [&](const std::string& path) { reporter.stage(path, "reading the metadata"); });
  require_proportion(meta);
  std::vector<AxisRoles> roles;
  for (const PartMeta& part : meta.parts)
    roles.push_back(
        resolve_roles(task.options.samples, part.shape, size_of(meta.dtype), part.text));
  const PartMeta& first = meta.parts.front();
  reporter.stage(first.items.front().file, "reading the attributes and coordinates");
  WireWriter annotations;
  put_annotations(annotations, read_annotations(first, roles.front().samples,
                                                task.options.is_decoding, *make_host_backend(1)));
  for (const PartMeta& part : meta.parts)
    for (const ItemMeta& item : part.items) {
      reporter.stage(item.file, "reading values of " + item.object);
      read_values(item, task.check.depth, [&] { reporter.progress(); });
    }
  WireWriter wire;
  wire.put(meta.to_bytes());
  wire.put(annotations.bytes());
  return wire.bytes();
}

/// Models and tables are small, so all of them is read: in both forms that a TableFile gives.
void read_table(const Task& task, Reporter& reporter) {
  reporter.stage(task.path, "reading the metadata");
  const FileInfo info = parse_listing(task.path, list_file(task.path));
  const TableFile file(task.path);
  for (const ObjectInfo& object : info.objects) {
    if (object.link.starts_with("same as ") || object.is_group) continue;
    if (!object.link.empty())
      throw DataError(task.path + ": " + object.path + " is a " + object.link +
                      "; from elsewhere, a model or table with links is refused");
    reporter.stage(task.path, "reading " + object.path);
    try {
      static_cast<void>(file.read_f64(object.path));
      static_cast<void>(file.read_i64(object.path));
    } catch (const DataError&) {
      // no numbers: whoever wants numbers there will say so
    }
  }
}

std::string perform(const Task& task, Reporter& reporter) {
  switch (task.kind) {
    case Task::Kind::list:
      reporter.stage(task.path, "reading the metadata");
      return list_file(task.path);
    case Task::Kind::table:
      read_table(task, reporter);
      return {};
    case Task::Kind::describe:
      return describe(task, reporter);
  }
  throw Error(ErrorKind::internal, "serried_check_file does not know its task");
}

void send_error(ErrorKind kind, const std::string& text) {
  WireWriter wire;
  wire.put(kind);
  wire.put(text);
  send(Message::error, wire.bytes());
}

/// An error as the ranks would give it, but always with the file's name.
void send_error(const Task& task, const Reporter& reporter, ErrorKind kind, std::string text) {
  if (text.find(reporter.file()) == std::string::npos &&
      text.find(task.subject()) == std::string::npos)
    text = reporter.file() + ": " + text;
  if (text.find("allocat") != std::string::npos)
    text += " (reading it may take " + memory_text(task.check.memory_bytes) + ")";
  send_error(kind, text);
}

void work() {
  const Task task = Task::from_bytes(read_task());
  Reporter reporter(task);
  shut_in(task);
  limit_memory(task.check.memory_bytes);
  limit_computing(task.check.seconds);
  try {
    const std::string result = perform(task, reporter);
    H5close();  // what could fail at the end of the ranks fails here
    send(Message::result, result);
  } catch (const Error& error) {
    send_error(task, reporter, error.kind(), error.what());
  } catch (const std::bad_alloc&) {
    send_error(task, reporter, ErrorKind::io,
               "its metadata ask for more memory than the " + memory_text(task.check.memory_bytes) +
                   " that reading it may take");
  } catch (const std::exception& error) {
    send_error(task, reporter, ErrorKind::io,
               std::string("its metadata make no sense: ") + error.what());
  }
}

}  // namespace
}  // namespace guard

void run_file_checker() noexcept {
  try {
    guard::work();
  } catch (const Error& error) {
    guard::send_error(error.kind(), error.what());
  } catch (const std::exception& error) {
    guard::send_error(ErrorKind::internal, error.what());
  }
  ::_exit(0);
}

}  // namespace serried
