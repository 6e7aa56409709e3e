// QR decompositions by rows: blocks of rows are folded into the triangle R by Householder
// reflectors (R. Schreiber and C. Van Loan, "A storage-efficient WY representation for products of
// Householder transformations", 1989, for reflectors that act on a triangle and a block; J. Demmel,
// L. Grigori, M. Hoemmen and J. Langou, "Communication-optimal parallel and sequential QR and LU
// factorizations", 2012, for their tree). Included once for each instruction level.
#if defined(SERRIED_HOST_TRIANGLE_INL_HPP) == defined(HWY_TARGET_TOGGLE)
#ifdef SERRIED_HOST_TRIANGLE_INL_HPP
#undef SERRIED_HOST_TRIANGLE_INL_HPP
#else
#define SERRIED_HOST_TRIANGLE_INL_HPP
#endif

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <new>

#include "backend/host/widen-inl.hpp"
#include "hwy/aligned_allocator.h"
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace serried::host::HWY_NAMESPACE {

// Zeros in memory that begins with a cache line, so that no vector lies across two of them.
class Lines {
 public:
  explicit Lines(std::int64_t count)
      : count_(static_cast<std::size_t>(count)),
        memory_(hwy::AllocateAligned<double>(std::max<std::size_t>(1, count_))) {
    if (memory_ == nullptr) throw std::bad_alloc();
    clear();
  }
  void clear() { std::fill_n(memory_.get(), count_, 0.); }
  [[nodiscard]] double* data() const { return memory_.get(); }

 private:
  std::size_t count_;
  hwy::AlignedFreeUniquePtr<double[]> memory_;
};

// sum of a[i] b[i] in 8 virtual lanes; `count` is a multiple of 8.
HWY_INLINE double dot(const double* a, const double* b, std::int64_t count) {
  constexpr int vectors = 8 / vector_lanes;
  DoubleVec sums[vectors];
#pragma GCC unroll 2
  for (int v = 0; v < vectors; ++v) sums[v] = hn::Zero(doubles);
  for (std::int64_t i = 0; i < count; i += 8)
#pragma GCC unroll 2
    for (int v = 0; v < vectors; ++v)
      sums[v] = hn::MulAdd(hn::LoadU(doubles, a + i + v * vector_lanes),
                           hn::LoadU(doubles, b + i + v * vector_lanes), sums[v]);
  if constexpr (vectors == 2) sums[0] = hn::Add(sums[0], sums[1]);
  return fold_vector(doubles, sums[0]);
}

// A triangle of `width` columns, `stride` apart (a multiple of 8), and room for the reflectors of
// blocks of up to `rows` rows (a multiple of 8). Each number is one FMA chain over the rows of a
// block in ascending order, but for the norms of columns, which are summed in 8 lanes.
class Triangle {
 public:
  Triangle(std::int64_t width, std::int64_t stride, std::int64_t rows)
      : width_(width),
        stride_(stride),
        values_(width * stride),
        reflector_(rows),
        next_reflector_(rows),
        products_(stride),
        factors_(stride) {}

  void clear() { values_.clear(); }

  // Adds the rows of a block (rows, stride), whose number is a multiple of 8, and overwrites them.
  // Its columns before `first` are 0.
  HWY_INLINE void add(double* block, std::int64_t rows, std::int64_t first = 0) {
    double* reflector = reflector_.data();
    double* next = next_reflector_.data();
    for (std::int64_t i = 0; i < rows; ++i) reflector[i] = block[i * stride_ + first];
    double tau = reflect(first, reflector, rows);
    std::fill_n(next, rows, 0.);
    factors_.clear();
    apply(next, reflector, block, rows, first + 1);
    for (std::int64_t k = first; k + 1 < width_; ++k) {
      set_factors(k, tau);
      const double factor = factors_.data()[k + 1];
      for (std::int64_t i = 0; i < rows; ++i)
        next[i] = std::fma(-factor, reflector[i], block[i * stride_ + k + 1]);
      tau = reflect(k + 1, next, rows);
      apply(reflector, next, block, rows, k + 2);
      std::swap(reflector, next);
    }
  }

  // The upper triangle, row by row.
  double* copy_to(double* packed) const {
    for (std::int64_t i = 0; i < width_; ++i)
      packed = std::copy(row(i) + i, row(i) + width_, packed);
    return packed;
  }
  void copy_from(const double* packed) {
    for (std::int64_t i = 0; i < width_; packed += width_ - i++)
      std::copy_n(packed, width_ - i, row(i) + i);
  }

 private:
  [[nodiscard]] double* row(std::int64_t i) const { return values_.data() + i * stride_; }

  // Makes the reflector (1, column) of a column, which it scales for that, so that the column below
  // R[k][k] becomes 0. Returns its tau.
  HWY_INLINE double reflect(std::int64_t k, double* column, std::int64_t rows) {
    const double below = dot(column, column, rows);
    if (below == 0) return 0;
    double& diagonal = row(k)[k];
    const double norm = std::sqrt(std::fma(diagonal, diagonal, below));
    const double image = diagonal < 0 ? norm : -norm;
    const double head = diagonal - image;
    const auto inverse = hn::Set(doubles, 1 / head);
    for (std::int64_t i = 0; i < rows; i += vector_lanes)
      hn::Store(hn::Mul(hn::Load(doubles, column + i), inverse), doubles, column + i);
    diagonal = image;
    return -head / image;
  }

  // Row k of R under its reflector, and by what the block's columns behind k change for each
  // element of the reflector.
  HWY_INLINE void set_factors(std::int64_t k, double tau) {
    double* const values = row(k);
    double* const factors = factors_.data();
    const double* const products = products_.data();
    factors[k] = 0;
    for (std::int64_t j = k + 1; j < width_; ++j) {
      factors[j] = tau * (values[j] + products[j]);
      values[j] -= factors[j];
    }
  }

  // block[i][j] -= reflector[i] * factors[j], products[j] = sum of next[i] * block[i][j], for the
  // columns from `first` on.
  HWY_INLINE void apply(const double* reflector, const double* next, double* block,
                        std::int64_t rows, std::int64_t first) {
    std::int64_t j = first / 8 * 8;
    for (; j + 4 * vector_lanes <= stride_; j += 4 * vector_lanes)
      apply_tile<4>(reflector, next, block, rows, j);
    for (; j + 2 * vector_lanes <= stride_; j += 2 * vector_lanes)
      apply_tile<2>(reflector, next, block, rows, j);
    if (j < stride_) apply_tile<1>(reflector, next, block, rows, j);
  }
  template <int kVectors>
  HWY_INLINE void apply_tile(const double* reflector, const double* next, double* block,
                             std::int64_t rows, std::int64_t column) {
    DoubleVec factors[kVectors];
    DoubleVec sums[kVectors];
#pragma GCC unroll 4
    for (int v = 0; v < kVectors; ++v) {
      factors[v] = hn::Load(doubles, factors_.data() + column + v * vector_lanes);
      sums[v] = hn::Zero(doubles);
    }
    double* values = block + column;
    for (std::int64_t i = 0; i < rows; ++i, values += stride_) {
      const auto old_factor = hn::Set(doubles, reflector[i]);
      const auto new_factor = hn::Set(doubles, next[i]);
#pragma GCC unroll 4
      for (int v = 0; v < kVectors; ++v) {
        double* const at = values + v * vector_lanes;
        const auto value = hn::NegMulAdd(old_factor, factors[v], hn::Load(doubles, at));
        hn::Store(value, doubles, at);
        sums[v] = hn::MulAdd(new_factor, value, sums[v]);
      }
    }
#pragma GCC unroll 4
    for (int v = 0; v < kVectors; ++v)
      hn::Store(sums[v], doubles, products_.data() + column + v * vector_lanes);
  }

  std::int64_t width_;
  std::int64_t stride_;
  Lines values_;
  Lines reflector_;
  Lines next_reflector_;
  Lines products_;
  Lines factors_;
};

}  // namespace serried::host::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
