#include "io/guard/conversation.hpp"

#include <sys/wait.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <utility>

#include "base/memory_text.hpp"
#include "io/wire.hpp"

namespace serried::guard {
namespace {

constexpr std::size_t most_text = 500;

const char* name_of_signal(int signal) {
  static constexpr std::array<std::pair<int, const char*>, 8> names = {{{SIGSEGV, "SIGSEGV"},
                                                                        {SIGBUS, "SIGBUS"},
                                                                        {SIGFPE, "SIGFPE"},
                                                                        {SIGILL, "SIGILL"},
                                                                        {SIGABRT, "SIGABRT"},
                                                                        {SIGTRAP, "SIGTRAP"},
                                                                        {SIGSYS, "SIGSYS"},
                                                                        {SIGKILL, "SIGKILL"}}};
  for (const auto& [number, name] : names)
    if (number == signal) return name;
  return nullptr;
}

std::string seconds_text(double seconds) {
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%g s", seconds);
  return text.data();
}

}  // namespace

bool Conversation::hear(const std::string& bytes) {
  constexpr std::size_t head = 1 + sizeof(std::uint64_t);
  bytes_ += bytes;
  std::size_t at = 0;
  while (bytes_.size() - at >= head) {
    std::uint64_t size = 0;
    std::memcpy(&size, bytes_.data() + at + 1, sizeof(size));
    if (size > bytes_.size() - at - head) break;
    take(static_cast<Message>(bytes_[at]), bytes_.substr(at + head, size));
    at += head + size;
  }
  bytes_.erase(0, at);
  return at > 0;
}

void Conversation::take(Message kind, const std::string& body) {
  WireReader wire(body);
  try {
    switch (kind) {
      case Message::stage:
        wire.get(file_);
        wire.get(activity_);
        break;
      case Message::progress:
        break;
      case Message::result:
        result_ = body;
        break;
      case Message::error: {
        ErrorKind error = ErrorKind::internal;
        std::string text;
        wire.get(error);
        wire.get(text);
        if (error < ErrorKind::internal || error > ErrorKind::communication)
          error = ErrorKind::internal;
        error_ = Error(error, text);
        break;
      }
    }
  } catch (const Error&) {
    // a process whose memory is spoiled may say anything; how it ends tells the rest
  }
}

void Conversation::hear_text(const std::string& words) {
  for (const char c : words.substr(0, most_text - std::min(most_text, text_.size())))
    text_ += c == '\n' || c == '\r' || c == '\t' ? ' ' : c;
}

bool Conversation::is_too_long() const noexcept {
  return bytes_.size() > static_cast<std::size_t>(check_.memory_bytes);
}

std::string Conversation::while_doing() const {
  return activity_.empty() ? std::string() : " while " + activity_;
}

std::string Conversation::printed() const {
  const std::size_t end = text_.find_last_not_of(' ');
  return end == std::string::npos ? std::string()
                                  : " (it printed: " + text_.substr(0, end + 1) + ")";
}

void Conversation::fail_by_time() const {
  throw IoError(file_ + ": checking this file took longer than " + seconds_text(check_.seconds) +
                while_doing() + ": it is damaged, was made to do harm, or its disk is very slow");
}

void Conversation::fail_by_signal(int signal) const {
  const char* const name = name_of_signal(signal);
  const std::string number =
      std::to_string(signal) + (name == nullptr ? "" : std::string(" (") + name + ")");
  if (name == nullptr)
    throw IoError(file_ + ": checking this file was ended from outside, by signal " + number +
                  while_doing() + printed());
  if (signal == SIGKILL)
    throw IoError(file_ + ": checking this file was ended from outside, by signal " + number +
                  while_doing() + ", perhaps because the machine had no memory left" + printed());
  throw IoError(file_ + ": checking this file crashed with signal " + number + while_doing() +
                ": it is damaged or was made to do harm" + printed());
}

std::string Conversation::conclude(int status) const {
  if (result_) return *result_;
  if (error_) throw *error_;
  if (is_timeout_) fail_by_time();
  if (is_too_long())
    throw IoError(file_ + ": what checking this file found does not fit into " +
                  memory_text(check_.memory_bytes));
  if (WIFSIGNALED(status)) {
    if (WTERMSIG(status) == SIGXCPU) fail_by_time();
    fail_by_signal(WTERMSIG(status));
  }
  // no code is known where another part of this program has waited for the process
  const std::string code =
      WEXITSTATUS(status) == 0 ? "" : " with code " + std::to_string(WEXITSTATUS(status));
  const std::string how = "ended" + code + " without a result" + while_doing() + printed();
  if (activity_.empty())
    throw Error(ErrorKind::internal,
                "serried_check_file, which reads files from elsewhere, " + how);
  throw IoError(file_ + ": checking this file " + how);
}

}  // namespace serried::guard
