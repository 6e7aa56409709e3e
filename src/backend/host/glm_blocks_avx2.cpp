// Nothing but sleef.h and immintrin.h is included here beside own headers without inline functions:
// sleef.h declares its functions for the instruction set in force.
#include "backend/host/glm_blocks.hpp"

#include <immintrin.h>
#include <sleef.h>

#include "base/glm_functors.hpp"

namespace serried::host {
namespace {

using Vector = __m256d;
using VectorMask = __m256d;
constexpr std::int64_t lanes = 4;
Vector broadcast(double value) {
  return _mm256_set1_pd(value);
}
Vector load(const double* from) {
  return _mm256_loadu_pd(from);
}
void store(double* to, Vector value) {
  _mm256_storeu_pd(to, value);
}
VectorMask less(Vector a, Vector b) {
  return _mm256_cmp_pd(a, b, _CMP_LT_OQ);
}
VectorMask both(VectorMask a, VectorMask b) {
  return _mm256_and_pd(a, b);
}
Vector choose(VectorMask mask, Vector a, Vector b) {
  return _mm256_blendv_pd(b, a, mask);
}
Vector square_root(Vector a) {
  return _mm256_sqrt_pd(a);
}

#define SERRIED_SLEEF_F64(NAME, ULP) Sleef_finz_##NAME##d4_##ULP##avx2
#define SERRIED_GLM_FUNCTIONS glm_functions_avx2
#include "backend/host/glm_block_loops.hpp"

}  // namespace serried::host
