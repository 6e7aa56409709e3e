// Nothing but sleef.h and immintrin.h is included here beside own headers without inline functions:
// sleef.h declares its functions for the instruction set in force, and this file is compiled for
// AVX-512.
#include "backend/host/glm_blocks.hpp"

#include <immintrin.h>
#include <sleef.h>

#include "base/glm_functors.hpp"

namespace serried::host {
namespace {

using Vector = __m512d;
using VectorMask = __mmask8;
constexpr std::int64_t lanes = 8;
Vector broadcast(double value) {
  return _mm512_set1_pd(value);
}
Vector load(const double* from) {
  return _mm512_loadu_pd(from);
}
void store(double* to, Vector value) {
  _mm512_storeu_pd(to, value);
}
VectorMask less(Vector a, Vector b) {
  return _mm512_cmp_pd_mask(a, b, _CMP_LT_OQ);
}
VectorMask both(VectorMask a, VectorMask b) {
  return static_cast<VectorMask>(a & b);
}
Vector choose(VectorMask mask, Vector a, Vector b) {
  return _mm512_mask_blend_pd(mask, b, a);
}
Vector square_root(Vector a) {
  return _mm512_sqrt_pd(a);
}

#define SERRIED_SLEEF_F64(NAME, ULP) Sleef_finz_##NAME##d8_##ULP##avx512f
#define SERRIED_GLM_FUNCTIONS glm_functions_avx512
#include "backend/host/glm_block_loops.hpp"

}  // namespace serried::host
