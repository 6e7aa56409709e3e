#pragma once

// Included by the files that are compiled for AVX-512 as well: no inline functions here.
#include "backend/host/program/block.hpp"

namespace serried::host::program {

/// The functions that SLEEF has, in the order of elementary_list.hpp.
struct ElementaryPair {
  BlockFunction f32 = nullptr;
  BlockFunction f64 = nullptr;
};

/// SLEEF's deterministic functions at one instruction level: the same bits at both. A result that
/// is NaN is the quiet NaN without a sign.
extern const ElementaryPair elementary_avx2[];
extern const ElementaryPair elementary_avx512[];

}  // namespace serried::host::program
