#include "backend/host/random_words.hpp"

#include <immintrin.h>

namespace serried::host {
namespace {

__m256i load(const std::uint64_t* from) {
  return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from));
}

void store(std::uint64_t* to, __m256i words) {
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(to), words);
}

__m256i broadcast(std::uint64_t word) {
  return _mm256_set1_epi64x(static_cast<long long>(word));
}

}  // namespace

// Philox4x32-10 as in base/philox.hpp on four elements at once: each of the four 32-bit words
// stands in the lower half of a 64-bit lane, and multiplications read lower halves only.
void philox_words_of(std::uint64_t seed, std::uint64_t stream, const std::uint64_t* elements,
                     std::size_t count, std::uint64_t* first, std::uint64_t* second) {
  const __m256i multiplier0 = broadcast(0xD2511F53u);
  const __m256i multiplier1 = broadcast(0xCD9E8D57u);
  const __m256i lower = broadcast(0xffffffffu);
  for (std::size_t i = 0; i < count; i += 4) {
    __m256i c0 = load(elements + i);
    __m256i c1 = _mm256_srli_epi64(c0, 32);
    __m256i c2 = broadcast(stream);
    __m256i c3 = broadcast(stream >> 32);
    auto key0 = static_cast<std::uint32_t>(seed);
    auto key1 = static_cast<std::uint32_t>(seed >> 32);
    for (int round = 0; round < 10; ++round) {
      const __m256i product0 = _mm256_mul_epu32(c0, multiplier0);
      const __m256i product1 = _mm256_mul_epu32(c2, multiplier1);
      c0 = _mm256_xor_si256(_mm256_srli_epi64(product1, 32), _mm256_xor_si256(c1, broadcast(key0)));
      c2 = _mm256_xor_si256(_mm256_srli_epi64(product0, 32), _mm256_xor_si256(c3, broadcast(key1)));
      c1 = product1;
      c3 = product0;
      key0 += 0x9E3779B9u;
      key1 += 0xBB67AE85u;
    }
    store(first + i, _mm256_or_si256(_mm256_and_si256(c0, lower), _mm256_slli_epi64(c1, 32)));
    store(second + i, _mm256_or_si256(_mm256_and_si256(c2, lower), _mm256_slli_epi64(c3, 32)));
  }
}

}  // namespace serried::host
