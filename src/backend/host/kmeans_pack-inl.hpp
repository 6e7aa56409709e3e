// Rows into lanes: a block of rows is transposed, so that vector lanes run over rows, and shifted
// and scaled on the way. For Highway's foreach_target; included once for each target.
#if defined(SERRIED_KMEANS_PACK_INL) == defined(HWY_TARGET_TOGGLE)
#ifdef SERRIED_KMEANS_PACK_INL
#undef SERRIED_KMEANS_PACK_INL
#else
#define SERRIED_KMEANS_PACK_INL
#endif

#include <cstdint>
#include <cstring>

#include "hwy/cache_control.h"
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace serried::host {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

template <class D>
inline constexpr int lane_count = static_cast<int>(hn::MaxLanes(D()));

/// Row vectors of one register block.
inline constexpr int row_vectors = 3;

/// Transposes a square of vectors: element (i, j) of the lanes goes to (j, i).
template <class D, class V>
HWY_INLINE void transpose(D d, V (&v)[lane_count<D>]) {
  constexpr int n = lane_count<D>;
  using T = hn::TFromD<D>;
  V a[n];
  if constexpr (sizeof(T) == 4) {
    const hn::Repartition<double, D> dd;
#pragma GCC unroll 4
    for (int i = 0; i < n; i += 4) {
      const auto b0 = hn::InterleaveLower(d, v[i], v[i + 1]);
      const auto b1 = hn::InterleaveUpper(d, v[i], v[i + 1]);
      const auto b2 = hn::InterleaveLower(d, v[i + 2], v[i + 3]);
      const auto b3 = hn::InterleaveUpper(d, v[i + 2], v[i + 3]);
      const auto c0 = hn::BitCast(dd, b0), c1 = hn::BitCast(dd, b1);
      const auto c2 = hn::BitCast(dd, b2), c3 = hn::BitCast(dd, b3);
      a[i] = hn::BitCast(d, hn::InterleaveLower(dd, c0, c2));
      a[i + 1] = hn::BitCast(d, hn::InterleaveUpper(dd, c0, c2));
      a[i + 2] = hn::BitCast(d, hn::InterleaveLower(dd, c1, c3));
      a[i + 3] = hn::BitCast(d, hn::InterleaveUpper(dd, c1, c3));
    }
  } else {
#pragma GCC unroll 8
    for (int i = 0; i < n; i += 2) {
      a[i] = hn::InterleaveLower(d, v[i], v[i + 1]);
      a[i + 1] = hn::InterleaveUpper(d, v[i], v[i + 1]);
    }
  }
  // Now 128-bit blocks of e elements are transposed: a[e * g + i] holds, in block b, the elements
  // (e * b + i) of the rows of group g. The blocks form a square of n / e by n / e.
  constexpr int e = 16 / static_cast<int>(sizeof(T));
  constexpr int blocks = n / e;
#pragma GCC unroll 4
  for (int i = 0; i < e; ++i) {
    if constexpr (blocks == 2) {
      v[i] = hn::ConcatLowerLower(d, a[e + i], a[i]);
      v[e + i] = hn::ConcatUpperUpper(d, a[e + i], a[i]);
    } else {
      static_assert(blocks == 4);
      const V r0 = hn::OddEvenBlocks(hn::SwapAdjacentBlocks(a[e + i]), a[i]);
      const V r1 = hn::OddEvenBlocks(a[e + i], hn::SwapAdjacentBlocks(a[i]));
      const V r2 = hn::OddEvenBlocks(hn::SwapAdjacentBlocks(a[3 * e + i]), a[2 * e + i]);
      const V r3 = hn::OddEvenBlocks(a[3 * e + i], hn::SwapAdjacentBlocks(a[2 * e + i]));
      v[i] = hn::ConcatLowerLower(d, r2, r0);
      v[e + i] = hn::ConcatLowerLower(d, r3, r1);
      v[2 * e + i] = hn::ConcatUpperUpper(d, r2, r0);
      v[3 * e + i] = hn::ConcatUpperUpper(d, r3, r1);
    }
  }
}

/// The lanes of x' = scale * x + negative_shift from f64 data, rounded to f32.
template <class D>
HWY_INLINE hn::Vec<D> load_narrowed(D d, const double* x, const double* negative_shift,
                                    double scale) {
  const hn::Half<D> dh;
  const hn::Repartition<double, D> dd;
  const size_t n = hn::Lanes(dd);
  const auto s = hn::Set(dd, scale);
  const auto low = hn::MulAdd(hn::LoadU(dd, x), s, hn::LoadU(dd, negative_shift));
  const auto high = hn::MulAdd(hn::LoadU(dd, x + n), s, hn::LoadU(dd, negative_shift + n));
  return hn::Combine(d, hn::DemoteTo(dh, high), hn::DemoteTo(dh, low));
}

/// What pack_rows is told about the features: -scale * shift, padded by 16, and the scale. In C for
/// the same dtype (`shift_c`, padded by 16), so that no conversion stands in the loop.
template <class C>
struct PackFrame {
  const C* shift_c;
  const double* shift;
  double scale;
};

/// Stores the first `used` vectors of a transposed square and adds their squares to `norm`, in
/// order.
template <class D, class V>
HWY_INLINE void store_columns(D d, const V (&v)[lane_count<D>], int used, std::int64_t stride,
                              hn::TFromD<D>* column, V& norm) {
  constexpr int n = lane_count<D>;
  if (used >= n) {
#pragma GCC unroll 16
    for (int j = 0; j < n; ++j) {
      hn::StoreU(v[j], d, column + j * stride);
      norm = hn::MulAdd(v[j], v[j], norm);
    }
    return;
  }
#pragma GCC unroll 16
  for (int j = 0; j < n; ++j) {
    if (j >= used) break;
    hn::StoreU(v[j], d, column + j * stride);
    norm = hn::MulAdd(v[j], v[j], norm);
  }
}

/// Packs the features [first, last) of `row_count` rows, a multiple of m = 3 lanes: with width =
/// last - first, out[(s * width + f - first) * m + i] is feature f of row s * m + i. `norms` (one
/// for each row) gets the sum of squares of the packed features added, in ascending order. Reads up
/// to a vector beyond the last row's end; those lanes belong to columns that are not stored. While
/// it packs the first `prefetched` rows, it asks for those `row_count` rows further on.
/// @param rows feature `first` of the first row. @param stride elements from row to row.
template <class C, class T>
HWY_NOINLINE void pack_rows(const T* rows, std::int64_t row_count, std::int64_t stride,
                            std::int64_t first, std::int64_t last, const PackFrame<C>& frame,
                            C* out, C* norms, std::int64_t prefetched) {
  const hn::ScalableTag<C> d;
  using V = hn::Vec<decltype(d)>;
  constexpr int n = lane_count<decltype(d)>;
  constexpr std::int64_t m = std::int64_t{row_vectors} * n;
  const std::int64_t width = last - first;
  const V scale = hn::Set(d, static_cast<C>(frame.scale));
  for (std::int64_t r = 0; r < row_count; r += n) {
    C* to = out + (r / m * width) * m + r % m;
    V norm = first == 0 ? hn::Zero(d) : hn::LoadU(d, norms + r);
    const T* x = rows + r * stride;
    for (std::int64_t f = first; f < last; f += n, x += n, to += n * m) {
      if (r < prefetched)
        for (int i = 0; i < n; ++i) hwy::Prefetch(x + (row_count + i) * stride);
      V v[n];
      if constexpr (sizeof(T) == sizeof(C)) {
        const V shift = hn::LoadU(d, frame.shift_c + f);
#pragma GCC unroll 16
        for (int i = 0; i < n; ++i) v[i] = hn::MulAdd(hn::LoadU(d, x + i * stride), scale, shift);
      } else {
#pragma GCC unroll 16
        for (int i = 0; i < n; ++i)
          v[i] = load_narrowed(d, x + i * stride, frame.shift + f, frame.scale);
      }
      transpose(d, v);
      store_columns(d, v, static_cast<int>(last - f < n ? last - f : n), m, to, norm);
    }
    hn::StoreU(norm, d, norms + r);
  }
}

/// As pack_rows, for one feature in the dtype of C: nothing has to be transposed.
template <class C>
HWY_NOINLINE void pack_numbers(const C* rows, std::int64_t row_count, const PackFrame<C>& frame,
                               C* out, C* norms) {
  const hn::ScalableTag<C> d;
  const auto scale = hn::Set(d, static_cast<C>(frame.scale));
  const auto shift = hn::Set(d, frame.shift_c[0]);
  for (std::int64_t r = 0; r < row_count; r += lane_count<decltype(d)>) {
    const auto x = hn::MulAdd(hn::LoadU(d, rows + r), scale, shift);
    hn::StoreU(x, d, out + r);
    hn::StoreU(hn::Mul(x, x), d, norms + r);
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace serried::host
HWY_AFTER_NAMESPACE();
#endif
