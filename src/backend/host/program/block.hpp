#pragma once

// Included by the files that are compiled for AVX-512 as well: no inline functions here.
#include <cstddef>
#include <cstdint>

namespace serried::host::program {

/// Elements that an instruction is carried out for at a time, at most. The registers of a usual
/// program then stay in the first cache, and a call of a function costs little against its work:
/// 512 was the fastest of 256 to 4096 in bench/programs.cpp.
inline constexpr std::int64_t block_elements = 512;
/// A block is computed in whole granules: every vector of every type divides one.
inline constexpr std::int64_t granule = 64;

/// What a function works on: some elements of a block, a multiple of the granule. The result may
/// lie where an operand lies.
struct Block {
  std::byte* out = nullptr;
  const std::byte* in[3] = {nullptr, nullptr, nullptr};
  /// All ones; or 0 where an operand is the same for all elements: then one granule is there, and
  /// byte offsets into it are masked to 0. Functions of one operand need not look at it.
  std::size_t mask[3] = {~std::size_t{0}, ~std::size_t{0}, ~std::size_t{0}};
  std::int64_t count = 0;
  /// Set to the first element that has no result, if it is before it.
  std::int64_t* failed = nullptr;
};

using BlockFunction = void (*)(const Block& block);

}  // namespace serried::host::program
