// The nearest centre of each row, and the sums of the rows that moved.
#include "backend/host/highway_targets.hpp"
#include "backend/host/kmeans_functions.hpp"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "backend/host/kmeans_assign.cpp"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"
// After highway.h, because these are compiled once for each target.
#include "backend/host/kmeans_blocks-inl.hpp"
#include "backend/host/kmeans_direct-inl.hpp"
#include "backend/host/kmeans_sums-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace serried::host {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

/// Writes the index found for each row of a block; -1 for rows that the fast form cannot decide:
/// the best two lie within the bound, or a number is not finite. Returns whether there are such
/// rows.
template <class C>
HWY_INLINE bool write_indices(const CenterBlocks<C>& blocks, const BlockScratch<C>& scratch,
                              std::int64_t row_count, std::int32_t* labels) {
  const hn::ScalableTag<C> d;
  const hn::RebindToSigned<decltype(d)> di;
  const hn::Rebind<std::int32_t, decltype(d)> d32;
  constexpr std::int64_t n = lane_count<decltype(d)>;
  const auto relative = hn::Set(d, blocks.relative);
  const auto absolute = hn::Set(d, blocks.absolute);
  const auto undecided = hn::Set(di, -1);
  bool is_any_undecided = false;
  for (std::int64_t r = 0; r < row_count; r += n) {
    const auto gap =
        hn::Sub(hn::LoadU(d, scratch.second.data() + r), hn::LoadU(d, scratch.best.data() + r));
    const auto bound = hn::MulAdd(hn::LoadU(d, scratch.norms.data() + r), relative, absolute);
    const auto is_decided = hn::Gt(gap, bound);
    auto index = hn::LoadU(di, scratch.index.data() + r);
    if (!hn::AllTrue(d, is_decided)) {
      is_any_undecided = true;
      index = hn::IfThenElse(hn::RebindMask(di, is_decided), index, undecided);
    }
    if constexpr (sizeof(C) == sizeof(std::int32_t))
      hn::StoreU(index, d32, labels + r);
    else
      hn::StoreU(hn::BitCast(
                     d32, hn::TruncateTo(hn::RebindToUnsigned<decltype(d32)>(),
                                         hn::BitCast(hn::RebindToUnsigned<decltype(di)>(), index))),
                 d32, labels + r);
  }
  return is_any_undecided;
}

/// Index of the first entry that differs; count if there is none.
HWY_INLINE std::int64_t first_difference(const std::int32_t* a, const std::int32_t* b,
                                         std::int64_t count) {
  const hn::ScalableTag<std::int32_t> d;
  constexpr std::int64_t n = lane_count<decltype(d)>;
  std::int64_t i = 0;
  while (i + n <= count && hn::AllTrue(d, hn::Eq(hn::LoadU(d, a + i), hn::LoadU(d, b + i)))) i += n;
  while (i < count && a[i] == b[i]) ++i;
  return i;
}

template <class T>
HWY_INLINE std::int64_t assign(const HostCenters& centers, KMeansRows rows, const double* weights,
                               std::int32_t* labels, const KMeansFixedPoint* fixed,
                               const KMeansSums* sums) {
  const std::int64_t p = centers.features;
  BlockWalk<Outcome::two_least, T, T> walk(centers, rows);
  const BlockScratch<T>& scratch = walk.scratch();
  std::vector<std::int32_t> found(static_cast<std::size_t>(scratch.rows));
  const T* const data = static_cast<const T*>(rows.data);
  std::int64_t changed = 0;
  for (std::int64_t begin = 0; begin < rows.count; begin += scratch.rows) {
    const std::int64_t count = walk.run(begin);
    const T* const x = data + begin * p;
    if (write_indices(walk.blocks(), scratch, count, found.data())) {
      for (std::int64_t i = 0; i < count; ++i)
        if (found[static_cast<std::size_t>(i)] < 0)
          found[static_cast<std::size_t>(i)] = direct_nearest(centers, x + i * p).index;
    }
    for (std::int64_t i = 0; i < count; ++i) {
      if (weights == nullptr) {
        i += first_difference(found.data() + i, labels + begin + i, count - i);
        if (i == count) break;
      }
      const std::int64_t row = begin + i;
      std::int32_t label = found[static_cast<std::size_t>(i)];
      if (weights != nullptr && weights[row] != weights[row]) label = -1;
      const std::int32_t old = labels[row];
      if (label == old) continue;
      ++changed;
      labels[row] = label;
      if (sums != nullptr)
        move_row(x + i * p, p, weights != nullptr ? weights[row] : 1., weights != nullptr, old,
                 label, *fixed, *sums);
    }
  }
  return changed;
}

std::int64_t assign_f32(const HostCenters& centers, KMeansRows rows, const double* weights,
                        std::int32_t* labels, const KMeansFixedPoint* fixed,
                        const KMeansSums* sums) {
  return assign<float>(centers, rows, weights, labels, fixed, sums);
}
std::int64_t assign_f64(const HostCenters& centers, KMeansRows rows, const double* weights,
                        std::int32_t* labels, const KMeansFixedPoint* fixed,
                        const KMeansSums* sums) {
  return assign<double>(centers, rows, weights, labels, fixed, sums);
}

}  // namespace HWY_NAMESPACE
}  // namespace serried::host
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace serried::host {

HWY_EXPORT(assign_f32);
HWY_EXPORT(assign_f64);

template <>
std::int64_t assign_rows<float>(const HostCenters& centers, KMeansRows rows, const double* weights,
                                std::int32_t* labels, const KMeansFixedPoint* fixed,
                                const KMeansSums* sums) {
  return HWY_DYNAMIC_DISPATCH(assign_f32)(centers, rows, weights, labels, fixed, sums);
}
template <>
std::int64_t assign_rows<double>(const HostCenters& centers, KMeansRows rows, const double* weights,
                                 std::int32_t* labels, const KMeansFixedPoint* fixed,
                                 const KMeansSums* sums) {
  return HWY_DYNAMIC_DISPATCH(assign_f64)(centers, rows, weights, labels, fixed, sums);
}

}  // namespace serried::host
#endif
