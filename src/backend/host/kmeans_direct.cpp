// Squared distances by the direct form.
#include "backend/host/highway_targets.hpp"
#include "backend/host/kmeans_functions.hpp"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "backend/host/kmeans_direct.cpp"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"
// After highway.h, because these are compiled once for each target.
#include "backend/host/kmeans_direct-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace serried::host {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

/// Eight rows at a time, each in a lane: the chains are those of direct_nearest, one after another.
template <class T>
HWY_INLINE void own_distances(const HostCenters& centers, KMeansRows rows,
                              const std::int32_t* labels, double* out) {
  const hn::CappedTag<double, 8> d;
  const hn::RebindToSigned<decltype(d)> di;
  constexpr int n = static_cast<int>(hn::MaxLanes(d));
  constexpr int vectors = 8 / n;
  const std::int64_t p = centers.features;
  const T* const data = static_cast<const T*>(rows.data);
  for (std::int64_t begin = 0; begin < rows.count; begin += 8) {
    const T* x[8];
    alignas(64) std::int64_t own[8];
    for (int i = 0; i < 8; ++i) {
      const std::int64_t row = std::min(begin + i, rows.count - 1);
      x[i] = data + row * p;
      own[i] = std::max(labels[row], 0) * p;
    }
    hn::Vec<decltype(d)> sum[vectors];
    hn::Vec<decltype(di)> where[vectors];
    for (int v = 0; v < vectors; ++v) {
      sum[v] = hn::Zero(d);
      where[v] = hn::Load(di, own + v * n);
    }
    alignas(64) double values[8];
    for (std::int64_t f = 0; f < p; ++f) {
      for (int i = 0; i < 8; ++i) values[i] = static_cast<double>(x[i][f]);
      for (int v = 0; v < vectors; ++v) {
        const auto center = hn::GatherIndex(d, centers.masters.data() + f, where[v]);
        const auto difference = hn::Sub(hn::Load(d, values + v * n), center);
        sum[v] = hn::MulAdd(difference, difference, sum[v]);
      }
    }
    for (int v = 0; v < vectors; ++v) hn::Store(sum[v], d, values + v * n);
    for (int i = 0; i < 8 && begin + i < rows.count; ++i)
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
