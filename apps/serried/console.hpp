#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "colors.hpp"
#include "serried/base/recorder.hpp"

namespace serried::app {

/// Writes to standard error and flushes; where it cannot be written to, nothing happens: a full log
/// must not end a good run. Local.
/// In colour, where standard error has colours, stands what comes before the message: "serried: ".
void write_error(const std::string& text, Tone tone = Tone::plain) noexcept;

/// Standard error of rank 0: warnings once each, and progress. On a terminal progress is one line
/// that is drawn anew; in a batch log plain lines, the first after 10 s, then ever more seldom. On
/// other ranks nothing is printed. Takes the recorder's sink and progress callback, and gives them
/// back at its end.
class Console {
 public:
  struct Options {
    bool is_printing = true;  ///< rank 0
    bool is_quiet = false;
    std::optional<bool> progress;
  };
  Console(std::shared_ptr<Recorder> recorder, const Options& options);
  ~Console();
  Console(const Console&) = delete;
  Console& operator=(const Console&) = delete;

  /// Removes the progress line, so that other text can follow.
  void clear_line();

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
  std::shared_ptr<Recorder> recorder_;
};

/// "fit: 30 of 300 (10 %), 12.5/s, 22 s left"; without a total of 0 or less the last parts are
/// missing.
/// @param elapsed_s seconds since `first_done` units were done.
[[nodiscard]] std::string progress_text(std::string_view what, std::int64_t done,
                                        std::int64_t total, std::int64_t first_done,
                                        double elapsed_s);

}  // namespace serried::app
