#pragma once

#include <cstdlib>
#include <string>
#include <vector>

#include "backend/host/simd_target.hpp"
#include "serried/base/error.hpp"

namespace serried::test {

/// Switches this process to an instruction level, and back to the environment's at the end.
class TargetScope {
 public:
  explicit TargetScope(const std::string& level) {
    if (const char* old = std::getenv("SERRIED_TARGET"); old != nullptr) old_ = old;
    set(level);
  }
  ~TargetScope() { set(old_); }
  TargetScope(const TargetScope&) = delete;
  TargetScope& operator=(const TargetScope&) = delete;

 private:
  static void set(const std::string& level) {
    setenv("SERRIED_TARGET", level.c_str(), 1);
    try {
      host::choose_simd_target();
    } catch (...) {
      unsetenv("SERRIED_TARGET");
      host::choose_simd_target();
      throw;
    }
  }
  std::string old_;
};

/// The instruction levels that this CPU has: avx2, and avx512 where it is there.
inline std::vector<std::string> available_targets() {
  std::vector<std::string> levels{"avx2"};
  try {
    const TargetScope scope("avx512");
    levels.emplace_back("avx512");
  } catch (const InvalidArgument&) {
  }
  return levels;
}

}  // namespace serried::test
