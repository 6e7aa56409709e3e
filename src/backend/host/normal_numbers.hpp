#pragma once

#include <cstddef>

namespace serried::host {

/// z[i] = sqrt(-2 ln u[i]) cos(2 pi v[i]) for count a multiple of 4 and u in (0, 1]. SLEEF's
/// deterministic AVX2 functions on every CPU, so that the bits are the same at every instruction
/// level.
void box_muller(const double* u, const double* v, std::size_t count, double* z);

}  // namespace serried::host
