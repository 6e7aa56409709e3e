// Nothing but sleef.h and immintrin.h is included here beside own headers without inline functions:
// sleef.h declares its functions for the instruction set in force, and this file alone is compiled
// for AVX-512.
#include "backend/host/program/elementary.hpp"

#include <immintrin.h>
#include <sleef.h>

namespace serried::host::program {
namespace {

struct F32 {
  using Number = float;
  using Vector = __m512;
  static constexpr std::int64_t lanes = 16;
  static Vector load(const float* from) { return _mm512_loadu_ps(from); }
  static void store(float* to, Vector value) {
    const __mmask16 is_nan = _mm512_cmp_ps_mask(value, value, _CMP_UNORD_Q);
    _mm512_storeu_ps(to, _mm512_mask_blend_ps(is_nan, value, _mm512_set1_ps(__builtin_nanf(""))));
  }
};
struct F64 {
  using Number = double;
  using Vector = __m512d;
  static constexpr std::int64_t lanes = 8;
  static Vector load(const double* from) { return _mm512_loadu_pd(from); }
  static void store(double* to, Vector value) {
    const __mmask8 is_nan = _mm512_cmp_pd_mask(value, value, _CMP_UNORD_Q);
    _mm512_storeu_pd(to, _mm512_mask_blend_pd(is_nan, value, _mm512_set1_pd(__builtin_nan(""))));
  }
};

#define SERRIED_SLEEF_F32(NAME, ULP) Sleef_finz_##NAME##f16_##ULP##avx512f
#define SERRIED_SLEEF_F64(NAME, ULP) Sleef_finz_##NAME##d8_##ULP##avx512f
#define SERRIED_ELEMENTARY_TABLE elementary_avx512
#include "backend/host/program/elementary_loops.hpp"

}  // namespace serried::host::program
