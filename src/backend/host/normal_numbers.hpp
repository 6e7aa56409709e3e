#pragma once

#include <cstddef>

namespace serried::host {

/// z[i] = sqrt(-2 ln u[i]) cos(2 pi v[i]) for u in (0, 1] and count a multiple of 4, and of 8 with
/// AVX-512. By SLEEF's deterministic functions, whose bits are the same at every instruction level.
void box_muller(const double* u, const double* v, std::size_t count, double* z);
void box_muller_avx512(const double* u, const double* v, std::size_t count, double* z);

}  // namespace serried::host
