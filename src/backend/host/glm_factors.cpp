// Triangles of least squares problems: packed rows times the root of their weight are folded into
// R.
#include "backend/host/glm_factors.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

#include "backend/host/highway_targets.hpp"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "backend/host/glm_factors.cpp"
#include "hwy/foreach_target.h"
// after foreach_target.h
#include "backend/host/glm_pack-inl.hpp"
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace serried::host::HWY_NAMESPACE {

template <class T>
HWY_INLINE void factor_leaves(const GlmPass& pass, const GlmRows& rows, std::int64_t targets,
                              std::span<const std::int64_t> offsets, double* payloads) {
  PackedRows<T> packed(pass, rows.x, targets);
  Triangle triangle(packed.width(), packed.stride(), packed.block_rows());
  Lines weighted(packed.block_rows() * packed.stride());
  std::vector<double> roots(static_cast<std::size_t>(packed.block_rows()), 1.);
  const std::int64_t terms = packed.width() - targets;
  for (std::size_t leaf = 0; leaf + 1 < offsets.size(); ++leaf) {
    triangle.clear();
    const std::int64_t end = offsets[leaf + 1];
    for (std::int64_t begin = offsets[leaf]; begin < end; begin += packed.block_rows()) {
      const std::int64_t count = std::min(packed.block_rows(), end - begin);
      packed.pack(begin, count);
      for (std::int64_t i = 0; i < count; ++i)
        std::copy_n(rows.response + (begin + i) * targets, targets, packed.row(i) + terms);
      if (rows.weights != nullptr)
        for (std::int64_t i = 0; i < count; ++i)
          roots[static_cast<std::size_t>(i)] = std::sqrt(rows.weights[begin + i]);
      packed.scale_rows(roots.data(), count, weighted.data());
      triangle.add(weighted.data(), (count + 7) / 8 * 8);
    }
    payloads = triangle.copy_to(payloads);
  }
}

void factor_rows(DType dtype, const GlmPass& pass, const GlmRows& rows, std::int64_t targets,
                 std::span<const std::int64_t> offsets, double* payloads) {
  visit_real(dtype, [&](auto tag) {
    factor_leaves<typename decltype(tag)::type>(pass, rows, targets, offsets, payloads);
  });
}

// sums[j] = sum over terms i of row[i] * root[i][j].
HWY_INLINE void times_root(const double* row, const double* root, std::int64_t terms,
                           std::int64_t stride, double* sums) {
  for (std::int64_t j = 0; j < stride; j += 8) {
    constexpr int vectors = 8 / vector_lanes;
    DoubleVec chains[vectors];
#pragma GCC unroll 2
    for (int v = 0; v < vectors; ++v) chains[v] = hn::Zero(doubles);
    const double* line = root + j;
    for (std::int64_t i = 0; i < terms; ++i, line += stride) {
      const auto factor = hn::Set(doubles, row[i]);
#pragma GCC unroll 2
      for (int v = 0; v < vectors; ++v)
        chains[v] = hn::MulAdd(factor, hn::Load(doubles, line + v * vector_lanes), chains[v]);
    }
#pragma GCC unroll 2
    for (int v = 0; v < vectors; ++v) hn::Store(chains[v], doubles, sums + j + v * vector_lanes);
  }
}

void form_rows(DType dtype, const GlmPass& pass, const GlmRows& rows, std::span<const double> root,
               std::int64_t columns, std::int64_t count, double* out) {
  const std::int64_t stride = (columns + 7) / 8 * 8;
  const auto terms = static_cast<std::int64_t>(root.size()) / columns;
  Lines lines(terms * stride);
  for (std::int64_t i = 0; i < terms; ++i)
    std::copy_n(root.data() + i * columns, columns, lines.data() + i * stride);
  Lines sums(stride);
  visit_real(dtype, [&](auto tag) {
    PackedRows<typename decltype(tag)::type> packed(pass, rows.x, 0);
    for (std::int64_t begin = 0; begin < count; begin += packed.block_rows()) {
      const std::int64_t block = std::min(packed.block_rows(), count - begin);
      packed.pack(begin, block);
      for (std::int64_t i = 0; i < block; ++i) {
        times_root(packed.row(i), lines.data(), terms, stride, sums.data());
        out[begin + i] = dot(sums.data(), sums.data(), stride);
      }
    }
  });
}

void combine_triangles(std::int64_t width, double* left, const double* right) {
  constexpr std::int64_t block_rows = 32;
  const std::int64_t stride = (width + 7) / 8 * 8;
  Triangle triangle(width, stride, block_rows);
  triangle.copy_from(left);
  Lines block(block_rows * stride);
  for (std::int64_t first = 0; first < width; first += block_rows) {
    block.clear();
    for (std::int64_t i = first; i < std::min(width, first + block_rows); right += width - i++)
      std::copy_n(right, width - i, block.data() + (i - first) * stride + i);
    triangle.add(block.data(), block_rows, first);
  }
  triangle.copy_to(left);
}

}  // namespace serried::host::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace serried::host {
namespace {

HWY_EXPORT(factor_rows);
HWY_EXPORT(combine_triangles);
HWY_EXPORT(form_rows);

}  // namespace

void factor_targets(DType dtype, const GlmPass& pass, const GlmRows& rows, std::int64_t targets,
                    std::span<const std::int64_t> offsets, double* payloads) {
  HWY_DYNAMIC_DISPATCH(factor_rows)(dtype, pass, rows, targets, offsets, payloads);
}
void combine_factors(std::int64_t width, double* left, const double* right) {
  HWY_DYNAMIC_DISPATCH(combine_triangles)(width, left, right);
}

void quadratic_forms(DType dtype, const GlmPass& pass, const GlmRows& rows,
                     std::span<const double> root, std::int64_t columns, std::int64_t count,
                     double* out) {
  HWY_DYNAMIC_DISPATCH(form_rows)(dtype, pass, rows, root, columns, count, out);
}

}  // namespace serried::host
#endif  // HWY_ONCE
