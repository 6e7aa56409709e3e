#include "backend/host/simd_target.hpp"

#include <cstdlib>
#include <string_view>

#include "backend/host/highway_targets.hpp"
#include "hwy/targets.h"
#include "serried/base/error.hpp"

namespace serried::host {
namespace {

constexpr auto avx512 = static_cast<std::int64_t>(HWY_AVX3);
constexpr auto avx2 = static_cast<std::int64_t>(HWY_AVX2);

bool is_avx512_in_use = false;

}  // namespace

void choose_simd_target() {
  hwy::SetSupportedTargetsForTest(0);
  const bool has_avx512 = (hwy::SupportedTargets() & avx512) != 0;
  is_avx512_in_use = has_avx512;
  if (const char* wanted = std::getenv("SERRIED_TARGET"); wanted != nullptr && *wanted != '\0') {
    const std::string_view level(wanted);
    if (level == "avx2") {
      is_avx512_in_use = false;
    } else if (level == "avx512") {
      if (!has_avx512) throw InvalidArgument("SERRIED_TARGET=avx512, but this CPU has no AVX-512");
    } else {
      throw InvalidArgument("SERRIED_TARGET must be avx2 or avx512, not '" + std::string(level) +
                            "'");
    }
  }
  hwy::SetSupportedTargetsForTest(is_avx512_in_use ? avx512 | avx2 : avx2);
}

bool uses_avx512() noexcept {
  return is_avx512_in_use;
}

std::string simd_target_name() {
  return is_avx512_in_use ? "AVX-512" : "AVX2";
}

}  // namespace serried::host
