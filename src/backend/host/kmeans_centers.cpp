#include "backend/host/kmeans_centers.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace serried::host {
namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

std::int64_t round_up(std::int64_t value, std::int64_t unit) {
  return (value + unit - 1) / unit * unit;
}

// The bound. Let u be C's unit roundoff, y = x' and a_j = c'_j exact, p features, A = max |a_j|^2.
// The fast value v_j = |a_j|^2 - 2 a_j.y is computed with an error of at most
//   (p + 4) u |a|^2                 of the constant term,
//   2.1 u (|a|^2 + |y|^2)           of a and y themselves, rounded once each,
//   1.1 p u (2 |a|^2 + |y|^2)       of the chain of p fused multiply-adds,
// the direct form in f64 with at most (p + 3) u64 * 2 (|a|^2 + |y|^2). Together, for two centres
// and with |y|^2 itself computed with p roundings, less than 2 (3 p + 16) 1.2 u (|y|^2 + 3 A) while
// (3 p + 16) u is below 1/16; beyond that every row is decided by the direct form. Half of it
// covers one value added to the computed |y|^2, which is a squared distance. The absolute term
// covers underflow, here and in the direct form.
template <class C>
CenterBlocks<C> make_blocks(const HostCenters& centers) {
  const std::int64_t p = centers.features;
  const std::int64_t k = centers.clusters;
  const std::int64_t rest = k % CenterBlocks<C>::wide;
  const std::int64_t padded = k - rest + (rest == 0 ? 0 : round_up(rest, CenterBlocks<C>::narrow));
  CenterBlocks<C> blocks;
  blocks.coefficients.assign(static_cast<std::size_t>(padded * p), C{0});
  blocks.norms.assign(static_cast<std::size_t>(padded), std::numeric_limits<C>::infinity());
  double largest = 0;
  for (std::int64_t j = 0; j < k; ++j) {
    const std::int64_t block = j / CenterBlocks<C>::wide;
    const std::int64_t first = block * CenterBlocks<C>::wide;
    const std::int64_t width = std::min(CenterBlocks<C>::wide, padded - first);
    C* out = blocks.coefficients.data() + first * p + (j - first);
    double norm = 0;
    for (std::int64_t f = 0; f < p; ++f) {
      // negative_shift is exact, and so is the product with a power of two.
      const double a = std::fma(centers.masters[static_cast<std::size_t>(j * p + f)], centers.scale,
                                centers.negative_shift[static_cast<std::size_t>(f)]);
      norm = std::fma(a, a, norm);
      out[f * width] = static_cast<C>(-2 * a);
    }
    blocks.norms[static_cast<std::size_t>(j)] = static_cast<C>(norm);
    largest = std::max(largest, norm);
  }
  const double terms = static_cast<double>(3 * p + 16);
  const double u = static_cast<double>(std::numeric_limits<C>::epsilon()) / 2;
  const double relative = terms * u < 1. / 16 ? 2 * terms * 1.2 * u : infinity;
  const double underflow = 8 * terms *
                           (static_cast<double>(std::numeric_limits<C>::denorm_min()) +
                            centers.scale * centers.scale * std::numeric_limits<double>::min());
  blocks.relative = static_cast<C>(relative * 1.0001);
  blocks.absolute = static_cast<C>((3 * relative * largest + underflow) * 1.0001);
  if (!(relative < infinity)) blocks.absolute = std::numeric_limits<C>::infinity();
  return blocks;
}

}  // namespace

std::unique_ptr<HostCenters> prepare_centers(const KMeansFrame& frame,
                                             std::span<const double> centers, std::int64_t clusters,
                                             KMeansUse use, std::size_t data_dtype_bytes) {
  auto result = std::make_unique<HostCenters>();
  const auto p = static_cast<std::int64_t>(frame.shift.size());
  result->clusters = clusters;
  result->features = p;
  result->scale = frame.scale;
  result->negative_shift.assign(static_cast<std::size_t>(p + 16), 0.);
  for (std::int64_t f = 0; f < p; ++f)
    result->negative_shift[static_cast<std::size_t>(f)] =
        -frame.scale * frame.shift[static_cast<std::size_t>(f)];
  result->masters.assign(centers.begin(), centers.end());
  result->stride = round_up(clusters, 8);
  result->transposed.assign(static_cast<std::size_t>(result->stride * p), infinity);
  for (std::int64_t j = 0; j < clusters; ++j)
    for (std::int64_t f = 0; f < p; ++f)
      result->transposed[static_cast<std::size_t>(f * result->stride + j)] =
          centers[static_cast<std::size_t>(j * p + f)];
  if (use == KMeansUse::seed || data_dtype_bytes == sizeof(float))
    result->blocks_f32 = make_blocks<float>(*result);
  else
    result->blocks_f64 = make_blocks<double>(*result);
  return result;
}

}  // namespace serried::host
