// Sums over packed rows of linear models: products in registers, sums by row in lanes. Included
// once for each instruction level.
#if defined(SERRIED_HOST_GLM_SUMS_INL_HPP) == defined(HWY_TARGET_TOGGLE)
#ifdef SERRIED_HOST_GLM_SUMS_INL_HPP
#undef SERRIED_HOST_GLM_SUMS_INL_HPP
#else
#define SERRIED_HOST_GLM_SUMS_INL_HPP
#endif

#include <cstddef>
#include <cstdint>

#include "backend/host/glm_blocks.hpp"
#include "backend/host/glm_pack-inl.hpp"
#include "hwy/cache_control.h"

HWY_BEFORE_NAMESPACE();
namespace serried::host::HWY_NAMESPACE {

inline const GlmBlockFunctions& block_functions() {
#if HWY_TARGET == HWY_AVX3
  return glm_functions_avx512;
#else
  return glm_functions_avx2;
#endif
}

// Rows of a tile of the products that stand in registers, beside two vectors of columns.
inline constexpr int tile_rows = HWY_TARGET == HWY_AVX3 ? 8 : 6;

// The rows of the next block are asked for while the products of this one are computed, a cache
// line for each row of a tile.
struct Ahead {
  const std::byte* at = nullptr;
  const std::byte* end = nullptr;
};

// product[i][j] += sum over rows of weighted[row][i] * plain[row][j], one FMA chain each.
template <int kRows, int kVectors>
HWY_INLINE void add_tile(const double* weighted, const double* plain, std::int64_t count,
                         std::int64_t stride, Ahead& ahead, double* products) {
  const std::int64_t line = ahead.at < ahead.end ? 64 : 0;
  DoubleVec sums[kRows][kVectors];
#pragma GCC unroll 8
  for (int i = 0; i < kRows; ++i)
#pragma GCC unroll 2
    for (int v = 0; v < kVectors; ++v)
      sums[i][v] = hn::LoadU(doubles, products + i * stride + v * vector_lanes);
  for (std::int64_t row = 0; row < count; ++row, weighted += stride, plain += stride) {
    hwy::Prefetch(ahead.at);
    ahead.at += line;
    DoubleVec columns[kVectors];
#pragma GCC unroll 2
    for (int v = 0; v < kVectors; ++v) columns[v] = hn::LoadU(doubles, plain + v * vector_lanes);
#pragma GCC unroll 8
    for (int i = 0; i < kRows; ++i) {
      const auto factor = hn::Set(doubles, weighted[i]);
#pragma GCC unroll 2
      for (int v = 0; v < kVectors; ++v) sums[i][v] = hn::MulAdd(factor, columns[v], sums[i][v]);
    }
  }
#pragma GCC unroll 8
  for (int i = 0; i < kRows; ++i)
#pragma GCC unroll 2
    for (int v = 0; v < kVectors; ++v)
      hn::StoreU(sums[i][v], doubles, products + i * stride + v * vector_lanes);
}

// The tiles of some rows of the products, from the diagonal on.
template <int kRows>
HWY_INLINE void add_tile_row(const double* weighted, const double* plain, std::int64_t count,
                             std::int64_t stride, std::int64_t first, Ahead& ahead,
                             double* products) {
  std::int64_t column = first / 8 * 8;
  const double* const factors = weighted + first;
  double* const to = products + first * stride;
  for (; column + 2 * vector_lanes <= stride; column += 2 * vector_lanes)
    add_tile<kRows, 2>(factors, plain + column, count, stride, ahead, to + column);
  if (column < stride)
    add_tile<kRows, 1>(factors, plain + column, count, stride, ahead, to + column);
}

HWY_INLINE void add_products(const double* weighted, const double* plain, std::int64_t count,
                             std::int64_t stride, std::int64_t width, Ahead ahead,
                             double* products) {
  std::int64_t i = 0;
  for (; i + tile_rows <= width; i += tile_rows)
    add_tile_row<tile_rows>(weighted, plain, count, stride, i, ahead, products);
  for (; i + 2 <= width; i += 2)
    add_tile_row<2>(weighted, plain, count, stride, i, ahead, products);
  if (i < width) add_tile_row<1>(weighted, plain, count, stride, i, ahead, products);
}

// Sums of values by row in 8 lanes, row i in lane i % 8.
class LaneSums {
 public:
  HWY_INLINE void add(const double* values, std::int64_t count) {
    for (std::int64_t i = 0; i < count; i += 8)
      for (int l = 0; l < 8; ++l) lanes_[l] += values[i + l];
  }
  [[nodiscard]] HWY_INLINE double total() const {
    return ((lanes_[0] + lanes_[4]) + (lanes_[2] + lanes_[6])) +
           ((lanes_[1] + lanes_[5]) + (lanes_[3] + lanes_[7]));
  }

 private:
  double lanes_[8] = {};
};

}  // namespace serried::host::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
