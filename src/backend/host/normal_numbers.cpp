// Nothing but sleef.h and immintrin.h is included here beside the own header: sleef.h declares its
// functions for the instruction set in force.
#include "backend/host/normal_numbers.hpp"

#include <immintrin.h>
#include <sleef.h>

namespace serried::host {

void box_muller(const double* u, const double* v, std::size_t count, double* z) {
  const __m256d minus_two = _mm256_set1_pd(-2.0);
  const __m256d two = _mm256_set1_pd(2.0);
  for (std::size_t i = 0; i < count; i += 4) {
    const __m256d logarithm = Sleef_finz_logd4_u10avx2(_mm256_loadu_pd(u + i));
    const __m256d radius = _mm256_sqrt_pd(_mm256_mul_pd(minus_two, logarithm));
    const __m256d angle = _mm256_mul_pd(two, _mm256_loadu_pd(v + i));
    _mm256_storeu_pd(z + i, _mm256_mul_pd(radius, Sleef_finz_cospid4_u05avx2(angle)));
  }
}

}  // namespace serried::host
