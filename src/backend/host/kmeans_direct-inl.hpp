// The direct form of squared distances, in f64: each a chain of fused multiply-adds over ascending
// features. For Highway's foreach_target; included once for each target.
#if defined(SERRIED_KMEANS_DIRECT_INL) == defined(HWY_TARGET_TOGGLE)
#ifdef SERRIED_KMEANS_DIRECT_INL
#undef SERRIED_KMEANS_DIRECT_INL
#else
#define SERRIED_KMEANS_DIRECT_INL
#endif

#include <cmath>
#include <cstdint>
#include <limits>

#include "backend/host/kmeans_centers.hpp"
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace serried::host {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

/// out[0 .. 8) = squared distances of x to the centres [first, first + 8).
template <class T>
HWY_INLINE void eight_distances(const HostCenters& centers, const T* x, std::int64_t first,
                                double* out) {
  const hn::CappedTag<double, 8> d;
  constexpr std::int64_t n = hn::MaxLanes(d);
  constexpr int vectors = 8 / n;
  hn::Vec<decltype(d)> sum[vectors];
  for (int v = 0; v < vectors; ++v) sum[v] = hn::Zero(d);
  const double* c = centers.transposed.data() + first;
  for (std::int64_t f = 0; f < centers.features; ++f, c += centers.stride) {
    const auto value = hn::Set(d, static_cast<double>(x[f]));
    for (int v = 0; v < vectors; ++v) {
      const auto difference = hn::Sub(value, hn::LoadU(d, c + v * n));
      sum[v] = hn::MulAdd(difference, difference, sum[v]);
    }
  }
  for (int v = 0; v < vectors; ++v) hn::StoreU(sum[v], d, out + v * n);
}

template <class T>
HWY_INLINE bool is_finite_row(const T* x, std::int64_t features) {
  T zero = 0;
  for (std::int64_t f = 0; f < features; ++f) zero += x[f] * T{0};
  return zero == T{0};
}

struct Nearest {
  std::int32_t index = -1;
  double squared = 0;
};

/// As direct_nearest for rows whose squared distances all overflow: the same, of everything times
/// 2^-600.
template <class T>
HWY_NOINLINE Nearest nearest_of_huge(const HostCenters& centers, const T* x) {
  constexpr double small = 0x1.0p-600;
  Nearest best{0, std::numeric_limits<double>::infinity()};
  double least = best.squared;
  for (std::int64_t j = 0; j < centers.clusters; ++j) {
    const double* c = centers.masters.data() + j * centers.features;
    double sum = 0;
    for (std::int64_t f = 0; f < centers.features; ++f) {
      const double difference = static_cast<double>(x[f]) * small - c[f] * small;
      sum = std::fma(difference, difference, sum);
    }
    if (sum < least) {
      least = sum;
      best.index = static_cast<std::int32_t>(j);
    }
  }
  return best;
}

/// The nearest centre by the direct form, ties to the lowest index; index -1 for a row with NaN or
/// Inf.
template <class T>
HWY_NOINLINE Nearest direct_nearest(const HostCenters& centers, const T* x) {
  if (!is_finite_row(x, centers.features)) return {};
  Nearest best{0, std::numeric_limits<double>::infinity()};
  alignas(64) double squared[8];
  for (std::int64_t first = 0; first < centers.clusters; first += 8) {
    eight_distances(centers, x, first, squared);
    for (int j = 0; j < 8; ++j)
      if (squared[j] < best.squared) best = {static_cast<std::int32_t>(first + j), squared[j]};
  }
  if (best.squared == std::numeric_limits<double>::infinity()) return nearest_of_huge(centers, x);
  return best;
}

}  // namespace HWY_NAMESPACE
}  // namespace serried::host
HWY_AFTER_NAMESPACE();
#endif
