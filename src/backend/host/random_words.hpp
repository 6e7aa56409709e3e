#pragma once

#include <cstddef>
#include <cstdint>

namespace serried::host {

/// first[i], second[i] = philox_words(seed, stream, elements[i]) for count a multiple of 4, and of
/// 8 with AVX-512. Integers: the same on every CPU.
void philox_words_of(std::uint64_t seed, std::uint64_t stream, const std::uint64_t* elements,
                     std::size_t count, std::uint64_t* first, std::uint64_t* second);
void philox_words_avx512(std::uint64_t seed, std::uint64_t stream, const std::uint64_t* elements,
                         std::size_t count, std::uint64_t* first, std::uint64_t* second);

}  // namespace serried::host
