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

/// Puts the least values of a block into `squared` and `nearest` where they are smaller. Returns
/// whether there are rows that the fast form could not tell from rounding; those are left as they
/// are, and their entry of `found` is -1.
HWY_INLINE bool keep_smaller(const BlockScratch<float>& scratch, std::int64_t count,
                             std::int32_t first, const float* found, float* squared,
                             std::int32_t* nearest) {
  const hn::ScalableTag<float> d;
  const hn::RebindToSigned<decltype(d)> di;
  constexpr std::int64_t n = lane_count<decltype(d)>;
  const auto offset = hn::Set(di, first);
  bool has_unclear = false;
  std::int64_t r = 0;
  for (; r + n <= count; r += n) {
    const auto value = hn::Load(d, found + r);
    const auto old = hn::LoadU(d, squared + r);
    const auto is_clear = hn::Ge(value, hn::Zero(d));
    has_unclear = has_unclear || !hn::AllTrue(d, is_clear);
    const auto is_less = hn::And(hn::Lt(value, old), is_clear);
    hn::StoreU(hn::IfThenElse(is_less, value, old), d, squared + r);
    const auto index = hn::Add(hn::Load(di, scratch.index.data() + r), offset);
    hn::StoreU(hn::IfThenElse(hn::RebindMask(di, is_less), index, hn::LoadU(di, nearest + r)), di,
               nearest + r);
  }
  for (; r < count; ++r) {
    has_unclear = has_unclear || found[r] < 0;
    if (found[r] >= 0 && found[r] < squared[r]) {
      squared[r] = found[r];
      nearest[r] = first + scratch.index[static_cast<std::size_t>(r)];
    }
  }
  return has_unclear;
}

template <class T>
HWY_INLINE void update_nearest(const HostCenters& centers, KMeansRows rows, std::int32_t first,
                               float* squared, std::int32_t* nearest) {
  BlockWalk<Outcome::least, float, T> walk(centers, rows);
  const BlockScratch<float>& scratch = walk.scratch();
  LineVector<float> found(static_cast<std::size_t>(scratch.rows));
  const T* const data = static_cast<const T*>(rows.data);
  for (std::int64_t begin = 0; begin < rows.count; begin += scratch.rows) {
    const std::int64_t count = walk.run(begin);
    to_squares(walk.blocks(), scratch.best.data(), scratch.norms.data(), count, found.data());
    if (!keep_smaller(scratch, count, first, found.data(), squared + begin, nearest + begin))
      continue;
    for (std::int64_t i = 0; i < count; ++i) {
      if (!(found[static_cast<std::size_t>(i)] < 0)) continue;
      const std::int64_t row = begin + i;
      const T* const x = data + row * centers.features;
      const Nearest exact = direct_nearest(centers, x);
      const float square = exact.index < 0 ? 0 : direct_square(centers, x, exact.index);
      if (exact.index >= 0 && !(square < squared[row])) continue;
      squared[row] = square;
      nearest[row] = exact.index < 0 ? -1 : first + exact.index;
    }
  }
}

template <class T>
HWY_INLINE void candidate_distances(const HostCenters& centers, KMeansRows rows, float* out) {
  BlockWalk<Outcome::values, float, T> walk(centers, rows);
  const BlockScratch<float>& scratch = walk.scratch();
  LineVector<float> found(static_cast<std::size_t>(scratch.rows));
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
