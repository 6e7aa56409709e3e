#include "io/guard/process.hpp"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "base/own_folder.hpp"
#include "io/guard/conversation.hpp"
#include "serried/base/error.hpp"

extern "C" char** environ;

namespace serried::guard {
namespace {

constexpr const char* program_name = "serried_check_file";

/// Descriptors for the new process are made above those that it gets (0 to 3), so that putting one
/// in its place cannot overwrite another.
constexpr int first_free_descriptor = 10;

[[noreturn]] void fail(const std::string& what, int code) {
  throw Error(ErrorKind::internal, std::string(program_name) +
                                       ", which reads files from elsewhere, cannot be started: " +
                                       what + ": " + std::strerror(code));
}

class Descriptor {
 public:
  Descriptor() = default;
  explicit Descriptor(int number) {
    if (number < 0) fail("no descriptor", errno);
    number_ = ::fcntl(number, F_DUPFD_CLOEXEC, first_free_descriptor);
    const int code = errno;
    ::close(number);
    if (number_ < 0) fail("no descriptor", code);
  }
  ~Descriptor() { close(); }
  Descriptor(Descriptor&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(number_, other.number_);
    return *this;
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;

  [[nodiscard]] int number() const noexcept { return number_; }
  void close() noexcept {
    if (number_ >= 0) ::close(std::exchange(number_, -1));
  }

 private:
  int number_ = -1;
};

struct Pipe {
  Pipe() {
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) fail("no pipe", errno);
    read = Descriptor(ends[0]);
    write = Descriptor(ends[1]);
    ::fcntl(read.number(), F_SETFL, O_NONBLOCK);
  }
  Descriptor read;
  Descriptor write;
};

/// A file in memory that holds the bytes, at its beginning.
Descriptor file_of(const std::string& bytes) {
  Descriptor file(::memfd_create("serried_task", MFD_CLOEXEC));
  for (std::size_t at = 0; at < bytes.size();) {
    const ssize_t written = ::write(file.number(), bytes.data() + at, bytes.size() - at);
    if (written < 0 && errno != EINTR) fail("the task cannot be written", errno);
    if (written > 0) at += static_cast<std::size_t>(written);
  }
  ::lseek(file.number(), 0, SEEK_SET);
  return file;
}

std::string find_program() {
  if (const char* given = std::getenv("SERRIED_CHECK_PROGRAM"); given != nullptr && *given != '\0')
    return given;
  std::error_code error;
  std::vector<std::filesystem::path> folders;
  if (const auto program = program_folder(); !program.empty())
    for (const char* beside : {SERRIED_CHECK_FROM_PROGRAM, "."})
      folders.push_back(program / beside);
  if (const auto library = library_folder(); !library.empty())
    folders.push_back(library / SERRIED_CHECK_FROM_LIBRARY);
  folders.emplace_back(SERRIED_CHECK_FOLDER);
  for (const auto& folder : folders)
    if (std::filesystem::exists(folder / program_name, error)) return folder / program_name;
  throw Error(ErrorKind::internal, std::string(program_name) +
                                       ", which reads files from elsewhere, is beside neither the "
                                       "program nor the library, nor in " +
                                       SERRIED_CHECK_FOLDER +
                                       " (SERRIED_CHECK_PROGRAM can say where it is)");
}

/// What the program needs to be found and run, and what HDF5 reads. Variables of MPI and of
/// launchers are left out: nothing may take the process for a rank.
std::vector<std::string> environment() {
  std::vector<std::string> kept;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view variable(*entry);
    for (const std::string_view begin :
         {"PATH=", "HOME=", "TMPDIR=", "LANG=", "LC_", "LD_", "HDF5_", "H5", "SERRIED_", "ASAN_",
          "UBSAN_", "LSAN_", "MSAN_", "TSAN_"})
      if (variable.starts_with(begin)) {
        kept.emplace_back(variable);
        break;
      }
  }
  // memory that is used before it is written, or after it is freed, shows itself by nonsense
  kept.emplace_back("MALLOC_PERTURB_=165");
  return kept;
}

std::vector<char*> pointers_to(std::vector<std::string>& texts) {
  std::vector<char*> pointers;
  for (std::string& text : texts) pointers.push_back(text.data());
  pointers.push_back(nullptr);
  return pointers;
}

/// Starts the program with its task as standard input, `text` as standard output and error, and
/// `messages` as descriptor 3. Its signals are as if no program had ever touched them.
pid_t spawn(const Descriptor& task, const Descriptor& text, const Descriptor& messages) {
  const std::string program = find_program();
  std::vector<std::string> arguments = {program};
  std::vector<std::string> variables = environment();
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, task.number(), 0);
  posix_spawn_file_actions_adddup2(&actions, text.number(), 1);
  posix_spawn_file_actions_adddup2(&actions, text.number(), 2);
  posix_spawn_file_actions_adddup2(&actions, messages.number(), 3);
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  sigset_t signals;
  sigemptyset(&signals);
  posix_spawnattr_setsigmask(&attributes, &signals);
  sigfillset(&signals);
  posix_spawnattr_setsigdefault(&attributes, &signals);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  pid_t process = 0;
  const int code = ::posix_spawn(&process, program.c_str(), &actions, &attributes,
                                 pointers_to(arguments).data(), pointers_to(variables).data());
  posix_spawn_file_actions_destroy(&actions);
  posix_spawnattr_destroy(&attributes);
  if (code != 0) fail(program, code);
  return process;
}

/// Time that passes while this process runs: a machine that was suspended, or a process that was
/// stopped, has waited for nothing.
class Waiting {
 public:
  void begin_again() { waited_s_ = 0; }
  [[nodiscard]] double seconds() {
    const auto now = std::chrono::steady_clock::now();
    waited_s_ += std::min(std::chrono::duration<double>(now - last_).count(), 0.5);
    last_ = now;
    return waited_s_;
  }

 private:
  std::chrono::steady_clock::time_point last_ = std::chrono::steady_clock::now();
  double waited_s_ = 0;
};

/// Takes all that is there. Returns whether more may come.
bool take(const Descriptor& from, std::string& to) {
  std::array<char, 65536> buffer;
  for (;;) {
    const ssize_t size = ::read(from.number(), buffer.data(), buffer.size());
    if (size > 0)
      to.append(buffer.data(), static_cast<std::size_t>(size));
    else if (size == 0)
      return false;
    else if (errno != EINTR)
      return errno == EAGAIN;
    if (to.size() > std::size_t{1} << 20) return true;  // to be looked at before more is taken
  }
}

class Process {
 public:
  explicit Process(const Task& task) {
    const Descriptor file = file_of(task.to_bytes());
    number_ = spawn(file, text_.write, messages_.write);
    text_.write.close();
    messages_.write.close();
  }
  ~Process() {
    if (is_running_) end();
  }
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  /// Listens until the process has closed its ends, or the conversation is over.
  void listen(Conversation& conversation, Waiting& waiting, double limit_s) {
    std::array<pollfd, 2> places = {
        {{messages_.read.number(), POLLIN, 0}, {text_.read.number(), POLLIN, 0}}};
    while (places[0].fd >= 0 || places[1].fd >= 0) {
      ::poll(places.data(), places.size(), 100);
      std::string bytes;
      std::string words;
      if (places[0].revents != 0 && !take(messages_.read, bytes)) places[0].fd = -1;
      if (places[1].revents != 0 && !take(text_.read, words)) places[1].fd = -1;
      conversation.hear_text(words);
      if (conversation.hear(bytes)) waiting.begin_again();
      if (conversation.is_too_long()) return end();
      if (waiting.seconds() > limit_s) {
        conversation.note_timeout();
        return end();
      }
    }
  }

  /// Waits for the end. Where another part of the program waits for all processes, or ignores their
  /// ends, the status is lost, and 0 is returned.
  int reap(Conversation& conversation, Waiting& waiting, double limit_s) {
    while (is_running_) {
      const pid_t found = ::waitpid(number_, &status_, WNOHANG);
      if (found == number_ || (found < 0 && errno != EINTR)) {
        is_running_ = false;
      } else if (waiting.seconds() > limit_s) {
        conversation.note_timeout();
        end();
      } else {
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
      }
    }
    return status_;
  }

 private:
  void end() noexcept {
    ::kill(number_, SIGKILL);
    while (::waitpid(number_, &status_, 0) < 0 && errno == EINTR) {
    }
    is_running_ = false;
  }

  Pipe text_;
  Pipe messages_;
  pid_t number_ = 0;
  bool is_running_ = true;
  int status_ = 0;
};

}  // namespace

std::string run_in_process(Task task) {
  task.parent = ::getpid();
  Conversation conversation(task);
  Waiting waiting;
  Process process(task);
  process.listen(conversation, waiting, task.check.seconds);
  const int status = process.reap(conversation, waiting, task.check.seconds);
  return conversation.conclude(status);
}

}  // namespace serried::guard
