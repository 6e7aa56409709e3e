#include "serried/comm/watchdog.hpp"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <cmath>
#include <cstdlib>
#include <set>
#include <string_view>
#include <thread>
#include <utility>

#include "comm/mpi_version.hpp"
#include "comm/watch/condemned.hpp"
#include "serried/base/error.hpp"
#include "serried/base/temporary_files.hpp"

namespace serried {
namespace {

double seconds_of(std::string_view number) {
  double seconds = 0;
  const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), seconds);
  if (error != std::errc() || end != number.data() + number.size() || std::isnan(seconds))
    throw InvalidArgument("'" + std::string(number) + "' is no number");
  if (!(seconds >= 0.2 && seconds <= 1e7))
    throw InvalidArgument(std::string(number) + " is not from 0.2 to 1e7");
  return seconds;
}

/// @throws InvalidArgument: what is wrong with a part of the text.
WatchdogOptions read_settings(std::string_view text) {
  WatchdogOptions options;
  double ranks_per_host = 0;
  const std::array<std::pair<std::string_view, double*>, 5> settings = {
      {{"lost", &options.lost_s},
       {"deadlock", &options.deadlock_s},
       {"stalled", &options.stalled_s},
       {"start", &options.start_s},
       {"ranks_per_host", &ranks_per_host}}};
  std::set<std::string_view> seen;
  for (std::size_t begin = 0; begin <= text.size();) {
    const std::size_t end = std::min(text.find(',', begin), text.size());
    const std::string_view item = text.substr(begin, end - begin);
    begin = end + 1;
    const std::string_view name = item.substr(0, item.find('='));
    const auto* const setting =
        std::ranges::find(settings, name, [](const auto& each) { return each.first; });
    if (setting == settings.end() || name.size() == item.size())
      throw InvalidArgument("'" + std::string(item) + "' is none of them");
    if (!seen.insert(name).second) throw InvalidArgument(std::string(name) + " stands there twice");
    *setting->second = seconds_of(item.substr(name.size() + 1));
  }
  options.ranks_per_host = static_cast<int>(ranks_per_host);
  return options;
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
  if (text == "off") {
    WatchdogOptions options;
    options.is_enabled = false;
    return options;
  }
  try {
    return read_settings(text);
  } catch (const InvalidArgument& error) {
    throw InvalidArgument(
        "the watchdog is set by \"off\", or by times in seconds like "
        "\"lost=30,deadlock=5,stalled=600,start=600\", not by \"" +
        text + "\": " + error.what());
  }
}

WatchdogOptions WatchdogOptions::from_environment() {
  const char* const text = std::getenv("SERRIED_WATCHDOG");
  return text == nullptr || *text == '\0' ? WatchdogOptions{} : from_text(text);
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
