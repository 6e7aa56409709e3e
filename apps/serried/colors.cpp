#include "colors.hpp"

#include <unistd.h>

#include <cstdlib>
#include <string_view>

namespace serried::app {
namespace {

std::string_view variable(const char* name) {
  const char* const value = std::getenv(name);
  return value == nullptr ? std::string_view() : std::string_view(value);
}

}  // namespace

bool has_colors(int descriptor) {
  if (!variable("NO_COLOR").empty()) return false;
  if (const auto force = variable("CLICOLOR_FORCE"); !force.empty() && force != "0") return true;
  if (variable("CLICOLOR") == "0") return false;
  if (const auto terminal = variable("TERM"); terminal.empty() || terminal == "dumb") return false;
  return isatty(descriptor) == 1;
}

std::string in_tone(Tone tone, const std::string& text) {
  switch (tone) {
    case Tone::plain:
      return text;
    case Tone::warning:
      return "\033[33m" + text + "\033[0m";
    case Tone::failure:
      return "\033[1;31m" + text + "\033[0m";
    case Tone::faint:
      return "\033[2m" + text + "\033[0m";
  }
  return text;
}

}  // namespace serried::app
