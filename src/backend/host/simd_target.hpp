#pragma once

#include <string>

namespace serried::host {

/// Chooses the instruction level that Highway dispatches to, once per process:
/// SERRIED_TARGET=avx2|avx512, or the best that the CPU has. Local.
/// @throws InvalidArgument if the variable names a level that the CPU lacks, or none.
void choose_simd_target();

/// Whether the level in use is AVX-512. Local.
[[nodiscard]] bool uses_avx512() noexcept;

/// The level in use: "AVX2" or "AVX-512".
/// Local.
[[nodiscard]] std::string simd_target_name();

}  // namespace serried::host
