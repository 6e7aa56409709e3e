#pragma once

#include <optional>
#include <string>

#include "io/guard/task.hpp"
#include "serried/base/error.hpp"

namespace serried::guard {

/// What the process that reads a file says, and what is to be thought of it.
class Conversation {
 public:
  explicit Conversation(const Task& task) : check_(task.check), file_(task.subject()) {}

  /// Takes bytes of its messages. Returns whether they tell of progress.
  bool hear(const std::string& bytes);
  /// Takes what it printed.
  void hear_text(const std::string& words);
  /// The process is ended because it made no progress for so long.
  void note_timeout() noexcept { is_timeout_ = true; }
  /// Whether it says more than its memory holds: it has lost its mind.
  [[nodiscard]] bool is_too_long() const noexcept;

  /// The result, once the process has ended.
  /// @param status as waitpid gives it.
  /// @throws what the process met, or an IoError that tells what became of it.
  [[nodiscard]] std::string conclude(int status) const;

 private:
  void take(Message kind, const std::string& body);
  [[nodiscard]] std::string while_doing() const;
  [[nodiscard]] std::string printed() const;
  [[noreturn]] void fail_by_time() const;
  [[noreturn]] void fail_by_signal(int signal) const;

  FileCheck check_;
  std::string file_;
  std::string activity_;  ///< empty until the first file is opened
  std::string bytes_;     ///< of messages that are not complete
  std::string text_;
  std::optional<std::string> result_;
  std::optional<Error> error_;
  bool is_timeout_ = false;
};

}  // namespace serried::guard
