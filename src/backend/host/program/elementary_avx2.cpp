// Nothing but sleef.h and immintrin.h is included here beside own headers without inline functions:
// sleef.h declares its functions for the instruction set in force.
#include "backend/host/program/elementary.hpp"

#include <immintrin.h>
#include <sleef.h>

namespace serried::host::program {
namespace {

struct F32 {
  using Number = float;
  using Vector = __m256;
  static constexpr std::int64_t lanes = 8;
  static Vector load(const float* from) { return _mm256_loadu_ps(from); }
  static void store(float* to, Vector value) {
    const Vector is_nan = _mm256_cmp_ps(value, value, _CMP_UNORD_Q);
    _mm256_storeu_ps(to, _mm256_blendv_ps(value, _mm256_set1_ps(__builtin_nanf("")), is_nan));
  }
};
struct F64 {
  using Number = double;
  using Vector = __m256d;
  static constexpr std::int64_t lanes = 4;
  static Vector load(const double* from) { return _mm256_loadu_pd(from); }
  static void store(double* to, Vector value) {
    const Vector is_nan = _mm256_cmp_pd(value, value, _CMP_UNORD_Q);
    _mm256_storeu_pd(to, _mm256_blendv_pd(value, _mm256_set1_pd(__builtin_nan("")), is_nan));
  }
};

#define SERRIED_SLEEF_F32(NAME, ULP) Sleef_finz_##NAME##f8_##ULP##avx2
#define SERRIED_SLEEF_F64(NAME, ULP) Sleef_finz_##NAME##d4_##ULP##avx2
#define SERRIED_ELEMENTARY_TABLE elementary_avx2
#include "backend/host/program/elementary_loops.hpp"

}  // namespace serried::host::program
