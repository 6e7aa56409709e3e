// Squared distances by the direct form.
#include "backend/host/highway_targets.hpp"
#include "backend/host/kmeans_functions.hpp"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "backend/host/kmeans_direct.cpp"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"
// After highway.h, because these are compiled once for each target.
#include "backend/host/kmeans_direct-inl.hpp"
#include "backend/host/kmeans_pack-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace serried::host {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

/// Differences of the features [f, f + lanes) of some rows to their centres, a lane for each row.
template <class D, class T>
HWY_INLINE void load_differences(D d, const T* const* x, const double* const* c, std::int64_t f,
                                 hn::Vec<D> (&out)[lane_count<D>]) {
  constexpr int n = lane_count<D>;
#pragma GCC unroll 8
  for (int i = 0; i < n; ++i) {
    hn::Vec<D> value;
    if constexpr (sizeof(T) == sizeof(double))
      value = hn::LoadU(d, x[i] + f);
    else
      value = hn::PromoteTo(d, hn::LoadU(hn::Rebind<T, D>(), x[i] + f));
    out[i] = hn::Sub(value, hn::LoadU(d, c[i] + f));
  }
  transpose(d, out);
}

/// As many rows at a time as a vector has lanes: the chains are those of direct_nearest, one after
/// another.
template <class T>
HWY_INLINE void own_distances(const HostCenters& centers, KMeansRows rows,
                              const std::int32_t* labels, double* out) {
  const hn::ScalableTag<double> d;
  constexpr int n = lane_count<decltype(d)>;
  const std::int64_t p = centers.features;
  const std::int64_t whole = p / n * n;
  const T* const data = static_cast<const T*>(rows.data);
  T x_edge[n][n] = {};
  double c_edge[n][n] = {};
  for (std::int64_t begin = 0; begin < rows.count; begin += n) {
    const T* x[n];
    const double* c[n];
    for (int i = 0; i < n; ++i) {
      const std::int64_t row = std::min(begin + i, rows.count - 1);
      x[i] = data + row * p;
      c[i] = centers.masters.data() + std::max(labels[row], 0) * p;
    }
    auto sum = hn::Zero(d);
    hn::Vec<decltype(d)> difference[n];
    for (std::int64_t f = 0; f < whole; f += n) {
      load_differences(d, x, c, f, difference);
#pragma GCC unroll 8
      for (int j = 0; j < n; ++j) sum = hn::MulAdd(difference[j], difference[j], sum);
    }
    if (whole < p) {
      for (int i = 0; i < n; ++i) {
        std::copy_n(x[i] + whole, p - whole, x_edge[i]);
        std::copy_n(c[i] + whole, p - whole, c_edge[i]);
        x[i] = x_edge[i];
        c[i] = c_edge[i];
      }
      load_differences(d, x, c, 0, difference);
      for (int j = 0; j < p - whole; ++j) sum = hn::MulAdd(difference[j], difference[j], sum);
    }
    alignas(64) double values[n];
    hn::Store(sum, d, values);
    for (int i = 0; i < n && begin + i < rows.count; ++i)
      out[begin + i] = labels[begin + i] < 0 ? 0. : values[i];
  }
}

template <class T>
HWY_INLINE void all_distances(const HostCenters& centers, KMeansRows rows, double* out) {
  const T* const data = static_cast<const T*>(rows.data);
  alignas(64) double squared[8];
  for (std::int64_t i = 0; i < rows.count; ++i)
    for (std::int64_t first = 0; first < centers.clusters; first += 8) {
      eight_distances(centers, data + i * centers.features, first, squared);
      const std::int64_t used = std::min<std::int64_t>(8, centers.clusters - first);
      std::copy(squared, squared + used, out + i * centers.clusters + first);
    }
}

void own_distances_f32(const HostCenters& centers, KMeansRows rows, const std::int32_t* labels,
                       double* out) {
  own_distances<float>(centers, rows, labels, out);
}
void own_distances_f64(const HostCenters& centers, KMeansRows rows, const std::int32_t* labels,
                       double* out) {
  own_distances<double>(centers, rows, labels, out);
}
void all_distances_f32(const HostCenters& centers, KMeansRows rows, double* out) {
  all_distances<float>(centers, rows, out);
}
void all_distances_f64(const HostCenters& centers, KMeansRows rows, double* out) {
  all_distances<double>(centers, rows, out);
}

}  // namespace HWY_NAMESPACE
}  // namespace serried::host
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace serried::host {

HWY_EXPORT(own_distances_f32);
HWY_EXPORT(own_distances_f64);
HWY_EXPORT(all_distances_f32);
HWY_EXPORT(all_distances_f64);

template <>
void own_distances_rows<float>(const HostCenters& centers, KMeansRows rows,
                               const std::int32_t* labels, double* out) {
  HWY_DYNAMIC_DISPATCH(own_distances_f32)(centers, rows, labels, out);
}
template <>
void own_distances_rows<double>(const HostCenters& centers, KMeansRows rows,
                                const std::int32_t* labels, double* out) {
  HWY_DYNAMIC_DISPATCH(own_distances_f64)(centers, rows, labels, out);
}
template <>
void all_distances_rows<float>(const HostCenters& centers, KMeansRows rows, double* out) {
  HWY_DYNAMIC_DISPATCH(all_distances_f32)(centers, rows, out);
}
template <>
void all_distances_rows<double>(const HostCenters& centers, KMeansRows rows, double* out) {
  HWY_DYNAMIC_DISPATCH(all_distances_f64)(centers, rows, out);
}

}  // namespace serried::host
#endif
