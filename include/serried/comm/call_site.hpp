#pragma once

#include <cstdint>

#include "serried/base/api.hpp"

namespace SERRIED_API serried {

/// Where in the program a collective call stands. Every Collective of Communicator takes one as its
/// last argument, which callers leave alone: so an error about ranks that called different things
/// can say where. (std::source_location, for compilers that do not have it too.)
class CallSite {
 public:
  /// The place of the call; in a default argument, that of the call which it is a default for.
  [[nodiscard]] static constexpr CallSite current(const char* file = __builtin_FILE(),
                                                  std::uint32_t line = __builtin_LINE()) noexcept {
    CallSite site;
    site.file_ = file;
    site.line_ = line;
    return site;
  }

  [[nodiscard]] constexpr const char* file_name() const noexcept { return file_; }
  [[nodiscard]] constexpr std::uint32_t line() const noexcept { return line_; }

 private:
  const char* file_ = "";
  std::uint32_t line_ = 0;
};

}  // namespace serried
