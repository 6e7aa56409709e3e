#include "console.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <mutex>
#include <set>
#include <utility>

namespace serried::app {
namespace {

constexpr double terminal_interval_s = 0.1;
constexpr double first_line_s = 10;
constexpr double longest_interval_s = 600;

std::string duration_text(double seconds) {
  if (seconds < 99.5) return fmt::format("{:.0f} s", seconds);
  if (seconds < 5999.5) return fmt::format("{:.0f} min", seconds / 60);
  return fmt::format("{:.1f} h", seconds / 3600);
}

}  // namespace

void write_error(const std::string& text, Tone tone) noexcept {
  try {
    const std::string_view start = tone == Tone::warning ? "serried: warning: " : "serried: ";
    if (tone != Tone::plain && text.starts_with(start) && has_colors(STDERR_FILENO)) {
      const std::string head(start.substr(0, start.size() - 1));
      static_cast<void>(std::fputs(in_tone(tone, head).c_str(), stderr));
      static_cast<void>(std::fputs(text.c_str() + head.size(), stderr));
      static_cast<void>(std::fflush(stderr));
      return;
    }
  } catch (...) {  // no memory for colours
  }
  static_cast<void>(std::fputs(text.c_str(), stderr));
  static_cast<void>(std::fflush(stderr));
}

std::string progress_text(std::string_view what, std::int64_t done, std::int64_t total,
                          std::int64_t first_done, double elapsed_s) {
  std::string text = fmt::format("{}: {}", what, done);
  if (total > 0)
    text += fmt::format(" of {} ({:.0f} %)", total,
                        100 * static_cast<double>(done) / static_cast<double>(total));
  if (done <= first_done || elapsed_s <= 0) return text;
  const double rate = static_cast<double>(done - first_done) / elapsed_s;
  text += fmt::format(", {:.3g}/s", rate);
  if (total > done)
    text += fmt::format(", {} left", duration_text(static_cast<double>(total - done) / rate));
  return text;
}

struct Console::Impl {
  using Clock = std::chrono::steady_clock;
  std::mutex mutex;
  Options options;
  bool is_terminal = false;
  bool is_colored = false;
  bool has_line = false;
  std::set<std::string> warnings;
  Clock::time_point start = Clock::now();
  std::string what;
  Clock::time_point what_start;
  std::int64_t first_done = 0;
  double next_s = 0;
  double interval_s = 0;

  void clear() {
    if (std::exchange(has_line, false)) std::fputs("\r\033[K", stderr);
  }

  void warn(const std::string& text) {
    const std::lock_guard lock(mutex);
    if (!warnings.insert(text).second) return;
    clear();
    write_error(fmt::format("serried: warning: {}\n", text), Tone::warning);
  }

  void progress(std::string_view name, std::int64_t done, std::int64_t total) {
    const std::lock_guard lock(mutex);
    const Clock::time_point now = Clock::now();
    if (name != what) {
      what = name;
      what_start = now;
      first_done = done;
    }
    const double run_s = std::chrono::duration<double>(now - start).count();
    if (run_s < next_s) return;
    const std::string text = progress_text(name, done, total, first_done,
                                           std::chrono::duration<double>(now - what_start).count());
    if (is_terminal) {
      const std::string line = fmt::format("{:.79}", text);
      write_error("\r" + (is_colored ? in_tone(Tone::faint, line) : line) + "\033[K");
      has_line = true;
      next_s = run_s + terminal_interval_s;
    } else {
      write_error(fmt::format("serried: {:.0f} s: {}\n", run_s, text));
      interval_s = std::min(longest_interval_s, std::max(first_line_s, interval_s * 1.5));
      next_s = run_s + interval_s;
    }
  }
};

Console::Console(std::shared_ptr<Recorder> recorder, const Options& options)
    : impl_(std::make_shared<Impl>()), recorder_(std::move(recorder)) {
  impl_->options = options;
  // A line that is drawn anew needs a terminal that knows how.
  const char* const terminal = std::getenv("TERM");
  const bool is_dumb = terminal != nullptr && std::string_view(terminal) == "dumb";
  impl_->is_terminal = isatty(STDERR_FILENO) == 1 && !is_dumb;
  impl_->is_colored = has_colors(STDERR_FILENO);
  if (!options.is_printing) return;
  if (!options.is_quiet)
    recorder_->set_sink([impl = impl_](Severity severity, const std::string& text) {
      if (severity == Severity::warning) impl->warn(text);
    });
  if (!options.is_quiet)  // what was said before there was a console
    for (const auto& [severity, text] : recorder_->messages())
      if (severity == Severity::warning) impl_->warn(text);
  const bool is_shown = options.progress.value_or(!options.is_quiet);
  if (!is_shown) return;
  if (!options.progress.has_value() && !impl_->is_terminal) impl_->next_s = first_line_s;
  recorder_->set_progress_callback(
      [impl = impl_](std::string_view what, std::int64_t done, std::int64_t total) {
        impl->progress(what, done, total);
      });
}

Console::~Console() {
  recorder_->set_sink({});
  recorder_->set_progress_callback({});
  clear_line();
}

void Console::clear_line() {
  const std::lock_guard lock(impl_->mutex);
  impl_->clear();
  std::fflush(stderr);
}

}  // namespace serried::app
