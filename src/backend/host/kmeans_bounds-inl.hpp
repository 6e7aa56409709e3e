// Which rows their bounds decide, many at a time. For Highway's foreach_target; included once for
// each target.
#if defined(SERRIED_KMEANS_BOUNDS_INL) == defined(HWY_TARGET_TOGGLE)
#ifdef SERRIED_KMEANS_BOUNDS_INL
#undef SERRIED_KMEANS_BOUNDS_INL
#else
#define SERRIED_KMEANS_BOUNDS_INL
#endif

#include <algorithm>
#include <cstdint>
#include <limits>

#include "backend/host/kmeans_bounds.hpp"
#include "hwy/highway.h"
// After highway.h, because it has its own toggle.
#include "backend/host/kmeans_pack-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace serried::host {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

inline constexpr hn::ScalableTag<float> bound_tag;
using BoundTag = hn::ScalableTag<float>;
using BoundVec = hn::Vec<BoundTag>;
using BoundMask = hn::Mask<BoundTag>;
inline constexpr hn::RebindToSigned<BoundTag> label_tag;
using LabelVec = hn::Vec<hn::RebindToSigned<BoundTag>>;
inline constexpr std::int64_t bound_lanes = lane_count<BoundTag>;

/// The reaches of some labels; those of missing rows are some cluster's.
struct ReachVecs {
  BoundVec own, others, half_gap;
  LabelVec is_mover;
};
/// One reach in each block of 128 bits: those of labels[0], labels[4], ...
template <class D>
HWY_INLINE hn::Vec<D> load_blocks(D d, const KMeansReach* reaches, const std::int32_t* labels) {
  if constexpr (lane_count<D> == 4) {
    return hn::Load(d, &reaches[labels[0] < 0 ? 0 : labels[0]].own);
  } else {
    constexpr hn::Half<D> half;
    return hn::Combine(d, load_blocks(half, reaches, labels + lane_count<D> / 2),
                       load_blocks(half, reaches, labels));
  }
}
/// A reach is one load, and four of them a square to be transposed in each block of a vector: half
/// the time of gathering.
HWY_INLINE ReachVecs load_reaches(const KMeansReach* reaches, const std::int32_t* labels) {
  const hn::Repartition<double, BoundTag> pairs;
  BoundVec rows[4];
#pragma GCC unroll 4
  for (int i = 0; i < 4; ++i) rows[i] = load_blocks(bound_tag, reaches, labels + i);
  const auto lower01 = hn::BitCast(pairs, hn::InterleaveLower(bound_tag, rows[0], rows[1]));
  const auto upper01 = hn::BitCast(pairs, hn::InterleaveUpper(bound_tag, rows[0], rows[1]));
  const auto lower23 = hn::BitCast(pairs, hn::InterleaveLower(bound_tag, rows[2], rows[3]));
  const auto upper23 = hn::BitCast(pairs, hn::InterleaveUpper(bound_tag, rows[2], rows[3]));
  return {hn::BitCast(bound_tag, hn::InterleaveLower(pairs, lower01, lower23)),
          hn::BitCast(bound_tag, hn::InterleaveUpper(pairs, lower01, lower23)),
          hn::BitCast(bound_tag, hn::InterleaveLower(pairs, upper01, upper23)),
          hn::BitCast(label_tag, hn::InterleaveUpper(pairs, upper01, upper23))};
}

/// As the functions of one number of the same names.
HWY_INLINE BoundMask is_settled(BoundVec upper, BoundVec lower, BoundVec half_gap) {
  const auto widened =
      hn::Add(hn::Mul(upper, hn::Set(bound_tag, 1 + bound_widening)), hn::Set(bound_tag, smallest));
  return hn::Lt(widened, hn::Max(half_gap, lower));
}
HWY_INLINE BoundVec stored_upper(BoundVec upper, BoundVec own) {
  return hn::Add(hn::Sub(upper, own),
                 hn::Mul(hn::Set(bound_tag, storing_slack), hn::Add(upper, own)));
}
HWY_INLINE BoundVec stored_lower(BoundVec lower, BoundVec others) {
  return hn::Sub(hn::Add(lower, others),
                 hn::Mul(hn::Set(bound_tag, storing_slack), hn::Add(lower, others)));
}

/// Appends the rows [row, row + lanes) of the mask to the list.
HWY_INLINE void add_rows(BoundMask is_wanted, std::int64_t row, RowList& list) {
  const auto numbers = hn::Iota(label_tag, static_cast<std::int32_t>(row));
  list.grow(static_cast<std::int64_t>(
      hn::CompressStore(numbers, hn::RebindMask(label_tag, is_wanted), label_tag, list.end())));
}

/// Counts the slack of the sampled ones of `lanes` rows; open ones are counted when their bounds
/// are set anew.
HWY_INLINE void count_slacks(const KMeansBounds& bounds, std::int64_t row, BoundVec slack,
                             BoundMask is_counted) {
  static_assert(bound_lanes % 8 == 0);
  alignas(64) float slacks[bound_lanes];
  const auto none = hn::Set(bound_tag, -std::numeric_limits<float>::infinity());
  hn::Store(hn::IfThenElse(is_counted, slack, none), bound_tag, slacks);
  for (std::int64_t i = (8 - (bounds.first_row + row) % 8) % 8; i < bound_lanes; i += 8)
    if (slacks[i] != -std::numeric_limits<float>::infinity())
      ++bounds.slack_counts[kmeans_slack_bin(slacks[i])];
}

/// What comparing a block of rows with the movers has found: the nearest one, bounds of the
/// distance to it, and a lower one to any other mover. Room for whole vectors.
struct MoverDistances {
  const std::int32_t* index;
  const float* upper;
  const float* lower;
  const float* others;
};

/// Takes the movers into account in the bounds of the rows [begin, begin + count), and appends
/// those rows to `open` whose label is not certain then. Their bounds stay as they are.
HWY_INLINE void settle_with_movers(const KMeansBounds& bounds, std::int64_t begin,
                                   std::int64_t count, const std::int32_t* labels,
                                   const MoverDistances& found, RowList& open) {
  std::int64_t i = 0;
  for (; i + bound_lanes <= count; i += bound_lanes) {
    const std::int64_t row = begin + i;
    const auto label = hn::LoadU(label_tag, labels + row);
    const auto is_there = hn::RebindMask(bound_tag, hn::Gt(label, hn::Set(label_tag, -1)));
    const ReachVecs reach = load_reaches(bounds.reaches, labels + row);
    const auto mover =
        hn::GatherIndex(label_tag, bounds.mover_numbers, hn::LoadU(label_tag, found.index + i));
    const auto is_own = hn::RebindMask(bound_tag, hn::Eq(mover, label));
    BoundVec held_upper, held_lower;
    hn::LoadInterleaved2(bound_tag, bounds.limits + 2 * row, held_upper, held_lower);
    const auto upper = hn::IfThenElse(is_own, hn::LoadU(bound_tag, found.upper + i),
                                      hn::Add(held_upper, reach.own));
    const auto near = hn::IfThenElse(is_own, hn::LoadU(bound_tag, found.others + i),
                                     hn::LoadU(bound_tag, found.lower + i));
    const auto far = hn::Sub(held_lower, reach.others);
    const auto lower = hn::Min(far, near);
    const auto is_elsewhere =
        hn::AndNot(is_own, hn::RebindMask(bound_tag, hn::Ne(reach.is_mover, hn::Zero(label_tag))));
    const auto is_decided = hn::AndNot(is_elsewhere, is_settled(upper, lower, reach.half_gap));
    add_rows(hn::AndNot(is_decided, is_there), row, open);
    const auto is_kept = hn::And(is_decided, is_there);
    held_upper =
        hn::IfThenElse(hn::And(is_own, is_kept), stored_upper(upper, reach.own), held_upper);
    held_lower = hn::IfThenElse(hn::And(hn::Lt(near, far), is_kept),
                                stored_lower(near, reach.others), held_lower);
    hn::StoreInterleaved2(held_upper, held_lower, bound_tag, bounds.limits + 2 * row);
    count_slacks(bounds, row, hn::Sub(lower, upper), is_kept);
  }
  for (; i < count; ++i) {
    const std::int64_t row = begin + i;
    if (labels[row] < 0) continue;
    const KMeansReach& reach = bounds.reaches[labels[row]];
    float* const limits = bounds.limits + 2 * row;
    const bool is_own = bounds.mover_numbers[found.index[i]] == labels[row];
    const float upper = is_own ? found.upper[i] : limits[0] + reach.own;
    const float near = is_own ? found.others[i] : found.lower[i];
    const float far = limits[1] - reach.others;
    const float lower = std::min(far, near);
    const bool is_open = (!is_own && reach.is_mover != 0) || !host::is_settled(upper, lower, reach);
    open.add_if(is_open, row);
    if (is_open) continue;
    if (is_own) limits[0] = host::stored_upper(upper, reach);
    if (near < far) limits[1] = host::stored_lower(near, reach);
    count_slack(bounds, row, lower - upper);
  }
}

/// keep_bounds for the rows [begin, begin + count), none of them missing.
HWY_INLINE void keep_block_bounds(const KMeansBounds& bounds, std::int64_t begin,
                                  std::int64_t count, const std::int32_t* labels,
                                  const float* upper, const float* lower) {
  std::int64_t i = 0;
  for (; i + bound_lanes <= count; i += bound_lanes) {
    const ReachVecs reach = load_reaches(bounds.reaches, labels + i);
    const auto u = hn::LoadU(bound_tag, upper + i);
    const auto l = hn::LoadU(bound_tag, lower + i);
    hn::StoreInterleaved2(stored_upper(u, reach.own), stored_lower(l, reach.others), bound_tag,
                          bounds.limits + 2 * (begin + i));
  }
  for (std::int64_t row = (8 - (bounds.first_row + begin) % 8) % 8; row < i; row += 8)
    count_slack(bounds, begin + row, lower[row] - upper[row]);
  for (; i < count; ++i) keep_bounds(bounds, begin + i, labels[i], upper[i], lower[i]);
}

}  // namespace HWY_NAMESPACE
}  // namespace serried::host
HWY_AFTER_NAMESPACE();
#endif
