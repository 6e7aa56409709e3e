// As elementary_avx512.cpp: sleef.h declares its functions for the instruction set in force, and no
// header with inline functions of other files is included.
#include "backend/host/normal_numbers.hpp"
#include "backend/host/random_words.hpp"

#include <immintrin.h>
#include <sleef.h>

namespace serried::host {
namespace {

__m512i broadcast(std::uint64_t word) {
  return _mm512_set1_epi64(static_cast<long long>(word));
}

__m512i exclusive_or(__m512i a, __m512i b, __m512i c) {
  return _mm512_ternarylogic_epi64(a, b, c, 0x96);
}

}  // namespace

void box_muller_avx512(const double* u, const double* v, std::size_t count, double* z) {
  const __m512d minus_two = _mm512_set1_pd(-2.0);
  const __m512d two = _mm512_set1_pd(2.0);
  for (std::size_t i = 0; i < count; i += 8) {
    const __m512d logarithm = Sleef_finz_logd8_u10avx512f(_mm512_loadu_pd(u + i));
    const __m512d radius = _mm512_sqrt_pd(_mm512_mul_pd(minus_two, logarithm));
    const __m512d angle = _mm512_mul_pd(two, _mm512_loadu_pd(v + i));
    _mm512_storeu_pd(z + i, _mm512_mul_pd(radius, Sleef_finz_cospid8_u05avx512f(angle)));
  }
}

// As philox_words_of, eight elements at once.
void philox_words_avx512(std::uint64_t seed, std::uint64_t stream, const std::uint64_t* elements,
                         std::size_t count, std::uint64_t* first, std::uint64_t* second) {
  const __m512i multiplier0 = broadcast(0xD2511F53u);
  const __m512i multiplier1 = broadcast(0xCD9E8D57u);
  const __m512i lower = broadcast(0xffffffffu);
  for (std::size_t i = 0; i < count; i += 8) {
    __m512i c0 = _mm512_loadu_si512(elements + i);
    __m512i c1 = _mm512_srli_epi64(c0, 32);
    __m512i c2 = broadcast(stream);
    __m512i c3 = broadcast(stream >> 32);
    auto key0 = static_cast<std::uint32_t>(seed);
    auto key1 = static_cast<std::uint32_t>(seed >> 32);
    for (int round = 0; round < 10; ++round) {
      const __m512i product0 = _mm512_mul_epu32(c0, multiplier0);
      const __m512i product1 = _mm512_mul_epu32(c2, multiplier1);
      c0 = exclusive_or(_mm512_srli_epi64(product1, 32), c1, broadcast(key0));
      c2 = exclusive_or(_mm512_srli_epi64(product0, 32), c3, broadcast(key1));
      c1 = product1;
      c3 = product0;
      key0 += 0x9E3779B9u;
      key1 += 0xBB67AE85u;
    }
    _mm512_storeu_si512(first + i,
                        _mm512_or_si512(_mm512_and_si512(c0, lower), _mm512_slli_epi64(c1, 32)));
    _mm512_storeu_si512(second + i,
                        _mm512_or_si512(_mm512_and_si512(c2, lower), _mm512_slli_epi64(c3, 32)));
  }
}

}  // namespace serried::host
