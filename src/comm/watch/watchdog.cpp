#include "serried/comm/watchdog.hpp"

#include <unistd.h>

#include <charconv>
#include <chrono>
#include <cstdlib>
#include <string_view>
#include <thread>

#include "comm/mpi_version.hpp"
#include "comm/watch/condemned.hpp"
#include "serried/base/error.hpp"
#include "serried/base/temporary_files.hpp"

namespace serried {
namespace {

[[noreturn]] void refuse(const std::string& text) {
  throw InvalidArgument(
      "the watchdog is set by \"off\", or by times in seconds like "
      "\"lost=30,deadlock=5,stalled=600\", not by \"" +
      text + "\"");
}

double seconds_of(std::string_view number, const std::string& text) {
  double seconds = 0;
  const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), seconds);
  if (error != std::errc() || end != number.data() + number.size() || !(seconds >= 0.2) ||
      seconds > 1e7)
    refuse(text);
  return seconds;
}

void write_line(const std::string& line) {
  std::string_view left(line);
  while (!left.empty()) {
    const ssize_t written = ::write(STDERR_FILENO, left.data(), left.size());
    if (written <= 0) return;
    left.remove_prefix(static_cast<std::size_t>(written));
  }
}

}  // namespace

WatchdogOptions WatchdogOptions::from_text(const std::string& text) {
  WatchdogOptions options;
  if (text == "off") {
    options.is_enabled = false;
    return options;
  }
  std::string_view left(text);
  while (!left.empty()) {
    const std::string_view item = left.substr(0, left.find(','));
    left.remove_prefix(std::min(item.size() + 1, left.size()));
    const std::size_t equals = item.find('=');
    if (equals == std::string_view::npos) refuse(text);
    const std::string_view name = item.substr(0, equals);
    if (name == "ranks_per_host") {
      options.ranks_per_host = static_cast<int>(seconds_of(item.substr(equals + 1), text));
      continue;
    }
    const double seconds = seconds_of(item.substr(equals + 1), text);
    if (name == "lost")
      options.lost_s = seconds;
    else if (name == "deadlock")
      options.deadlock_s = seconds;
    else if (name == "stalled")
      options.stalled_s = seconds;
    else
      refuse(text);
  }
  return options;
}

WatchdogOptions WatchdogOptions::from_environment() {
  const char* const text = std::getenv("SERRIED_WATCHDOG");
  return text == nullptr ? WatchdogOptions{} : from_text(text);
}

bool has_verdict() noexcept {
  return comm::is_condemned();
}

void end_on_verdict(const WatchdogVerdict& verdict, const std::string& program, int rank) {
  if (verdict.is_speaker)
    write_line(program + ": " + verdict.text +
               (verdict.last_calls.empty()
                    ? std::string()
                    : "; rank " + std::to_string(rank) + " called last: " + verdict.last_calls) +
               "\n");
  remove_temporary_files();
  std::this_thread::sleep_for(std::chrono::seconds(1));
  if (comm::mpi_library_version().find("MPICH") != std::string::npos)
    std::this_thread::sleep_for(std::chrono::milliseconds(50 * rank));
  std::_Exit(verdict_exit_code);
}

}  // namespace serried
