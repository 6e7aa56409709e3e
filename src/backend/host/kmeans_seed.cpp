// Distances for seeding: in f32 whatever the data's dtype, and by the direct form where f32 could
// not tell a distance from rounding.
#include "backend/host/highway_targets.hpp"
#include "backend/host/kmeans_functions.hpp"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "backend/host/kmeans_seed.cpp"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"
// After highway.h, because these are compiled once for each target.
#include "backend/host/kmeans_blocks-inl.hpp"
#include "backend/host/kmeans_direct-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace serried::host {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

/// out[i] = values[i] + norms[i], at least 0; -1 where that is below 16 times its rounding bound,
/// or not a number.
HWY_INLINE void to_squares(const CenterBlocks<float>& blocks, const float* values,
                           const float* norms, std::int64_t count, float* out) {
  const hn::ScalableTag<float> d;
  const auto relative = hn::Set(d, 16 * blocks.relative);
  const auto absolute = hn::Set(d, 16 * blocks.absolute);
  for (std::int64_t r = 0; r < count; r += lane_count<decltype(d)>) {
    const auto norm = hn::LoadU(d, norms + r);
    const auto squared = hn::Add(hn::LoadU(d, values + r), norm);
    const auto is_clear = hn::Gt(squared, hn::MulAdd(norm, relative, absolute));
    hn::StoreU(hn::IfThenElse(is_clear, squared, hn::Set(d, -1.0F)), d, out + r);
  }
}

template <class T>
HWY_INLINE float direct_square(const HostCenters& centers, const T* x, std::int64_t center) {
  if (!is_finite_row(x, centers.features)) return 0;
  const double* c = centers.masters.data() + center * centers.features;
  double sum = 0;
  for (std::int64_t f = 0; f < centers.features; ++f) {
    const double difference = (static_cast<double>(x[f]) - c[f]) * centers.scale;
    sum = std::fma(difference, difference, sum);
  }
  return static_cast<float>(sum);
}

template <class T>
HWY_INLINE void update_nearest(const HostCenters& centers, KMeansRows rows, std::int32_t first,
                               float* squared, std::int32_t* nearest) {
  BlockWalk<Outcome::least, float, T> walk(centers, rows);
  const BlockScratch<float>& scratch = walk.scratch();
  std::vector<float> found(static_cast<std::size_t>(scratch.rows));
  const T* const data = static_cast<const T*>(rows.data);
  for (std::int64_t begin = 0; begin < rows.count; begin += scratch.rows) {
    const std::int64_t count = walk.run(begin);
    to_squares(walk.blocks(), scratch.best.data(), scratch.norms.data(), count, found.data());
    for (std::int64_t i = 0; i < count; ++i) {
      const std::int64_t row = begin + i;
      float square = found[static_cast<std::size_t>(i)];
      std::int32_t index = scratch.index[static_cast<std::size_t>(i)];
      if (square < 0) {
        const Nearest exact = direct_nearest(centers, data + row * centers.features);
        if (exact.index < 0) {
          squared[row] = 0;
          nearest[row] = -1;
          continue;
        }
        index = exact.index;
        square = direct_square(centers, data + row * centers.features, index);
      }
      if (square < squared[row]) {
        squared[row] = square;
        nearest[row] = first + index;
      }
    }
  }
}

template <class T>
HWY_INLINE void candidate_distances(const HostCenters& centers, KMeansRows rows, float* out) {
  BlockWalk<Outcome::values, float, T> walk(centers, rows);
  const BlockScratch<float>& scratch = walk.scratch();
  std::vector<float> found(static_cast<std::size_t>(scratch.rows));
  const T* const data = static_cast<const T*>(rows.data);
  for (std::int64_t begin = 0; begin < rows.count; begin += scratch.rows) {
    for (std::int64_t group = 0; group < centers.clusters; group += scratch.group) {
      const std::int64_t count = walk.run_group(begin, group);
      const std::int64_t end = std::min(centers.clusters, group + scratch.group);
      for (std::int64_t j = group; j < end; ++j) {
        to_squares(walk.blocks(), scratch.chains.data() + (j - group) * scratch.rows,
                   scratch.norms.data(), count, found.data());
        for (std::int64_t i = 0; i < count; ++i) {
          float square = found[static_cast<std::size_t>(i)];
          if (square < 0) square = direct_square(centers, data + (begin + i) * centers.features, j);
          out[j * rows.count + begin + i] = square;
        }
      }
    }
  }
}

void update_nearest_f32(const HostCenters& centers, KMeansRows rows, std::int32_t first,
                        float* squared, std::int32_t* nearest) {
  update_nearest<float>(centers, rows, first, squared, nearest);
}
void update_nearest_f64(const HostCenters& centers, KMeansRows rows, std::int32_t first,
                        float* squared, std::int32_t* nearest) {
  update_nearest<double>(centers, rows, first, squared, nearest);
}
void candidate_distances_f32(const HostCenters& centers, KMeansRows rows, float* out) {
  candidate_distances<float>(centers, rows, out);
}
void candidate_distances_f64(const HostCenters& centers, KMeansRows rows, float* out) {
  candidate_distances<double>(centers, rows, out);
}

}  // namespace HWY_NAMESPACE
}  // namespace serried::host
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace serried::host {

HWY_EXPORT(update_nearest_f32);
HWY_EXPORT(update_nearest_f64);
HWY_EXPORT(candidate_distances_f32);
HWY_EXPORT(candidate_distances_f64);

template <>
void update_nearest_rows<float>(const HostCenters& centers, KMeansRows rows, std::int32_t first,
                                float* squared, std::int32_t* nearest) {
  HWY_DYNAMIC_DISPATCH(update_nearest_f32)(centers, rows, first, squared, nearest);
}
template <>
void update_nearest_rows<double>(const HostCenters& centers, KMeansRows rows, std::int32_t first,
                                 float* squared, std::int32_t* nearest) {
  HWY_DYNAMIC_DISPATCH(update_nearest_f64)(centers, rows, first, squared, nearest);
}
template <>
void candidate_distances_rows<float>(const HostCenters& centers, KMeansRows rows, float* out) {
  HWY_DYNAMIC_DISPATCH(candidate_distances_f32)(centers, rows, out);
}
template <>
void candidate_distances_rows<double>(const HostCenters& centers, KMeansRows rows, float* out) {
  HWY_DYNAMIC_DISPATCH(candidate_distances_f64)(centers, rows, out);
}

}  // namespace serried::host
#endif
