// Fixed-point sums of the rows of each cluster. For Highway's foreach_target; included once for
// each target.
#if defined(SERRIED_KMEANS_SUMS_INL) == defined(HWY_TARGET_TOGGLE)
#ifdef SERRIED_KMEANS_SUMS_INL
#undef SERRIED_KMEANS_SUMS_INL
#else
#define SERRIED_KMEANS_SUMS_INL
#endif

#include <cstdint>

#include "hwy/highway.h"
#include "serried/device/kmeans_kernels.hpp"

HWY_BEFORE_NAMESPACE();
namespace serried::host {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

/// Adding 1.5 * 2^52 rounds a double below 2^51 in size to an integer, which then stands in the low
/// bits of the sum: the same on every instruction level, without a conversion instruction.
inline constexpr double rounding_magic = 0x1.8p52;

template <class D>
struct FixedPair {
  hn::Vec<hn::RebindToSigned<D>> high, low;
};

template <class D, class V>
HWY_INLINE FixedPair<D> to_fixed(D d, V value, V high_scale, V low_scale) {
  const hn::RebindToSigned<D> di;
  const auto magic = hn::Set(d, rounding_magic);
  const auto magic_bits = hn::BitCast(di, magic);
  const auto scaled = hn::Mul(value, high_scale);
  const auto high = hn::Add(scaled, magic);
  const auto rest = hn::Sub(scaled, hn::Sub(high, magic));
  const auto low = hn::Add(hn::Mul(rest, low_scale), magic);
  return {hn::Sub(hn::BitCast(di, high), magic_bits), hn::Sub(hn::BitCast(di, low), magic_bits)};
}

/// Adds the pair to, or takes it from, the integers at `to`.
template <bool subtract, class DI, class VI>
HWY_INLINE void accumulate(DI di, VI value, std::int64_t* to) {
  const auto old = hn::LoadU(di, to);
  hn::StoreU(subtract ? hn::Sub(old, value) : hn::Add(old, value), di, to);
}

/// Moves a row from the sums of cluster `from` to those of cluster `to`; -1 is no cluster.
template <class T>
HWY_INLINE void move_row(const T* x, std::int64_t features, double weight, bool has_weight,
                         std::int32_t from, std::int32_t to, const KMeansFixedPoint& fixed,
                         const KMeansSums& sums) {
  const hn::ScalableTag<double> d;
  const hn::RebindToSigned<decltype(d)> di;
  const hn::Rebind<T, decltype(d)> dt;
  constexpr std::int64_t n = hn::MaxLanes(d);
  const auto w = hn::Set(d, weight);
  const auto low_scale = hn::Set(d, fixed.low_scale);
  T edge[n];
  for (std::int64_t f = 0; f < features; f += n) {
    const T* source = x + f;
    if (f + n > features) {
      for (std::int64_t i = 0; i < n; ++i) edge[i] = f + i < features ? source[i] : T{0};
      source = edge;
    }
    hn::Vec<decltype(d)> value;
    if constexpr (sizeof(T) == sizeof(double))
      value = hn::LoadU(d, source);
    else
      value = hn::PromoteTo(d, hn::LoadU(dt, source));
    const auto pair = to_fixed(d, hn::Mul(w, hn::Sub(value, hn::LoadU(d, fixed.shift.data() + f))),
                               hn::LoadU(d, fixed.high_scale.data() + f), low_scale);
    // Lanes beyond the row's end hold zeros, which change nothing where they are added.
    if (from >= 0) {
      accumulate<true>(di, pair.high, sums.high + from * features + f);
      accumulate<true>(di, pair.low, sums.low + from * features + f);
    }
    if (to >= 0) {
      accumulate<false>(di, pair.high, sums.high + to * features + f);
      accumulate<false>(di, pair.low, sums.low + to * features + f);
    }
  }
  if (from >= 0) --sums.counts[from];
  if (to >= 0) ++sums.counts[to];
  if (!has_weight) return;
  const hn::CappedTag<double, 1> d1;
  const auto pair = to_fixed(d1, hn::Set(d1, weight), hn::Set(d1, fixed.weight_scale),
                             hn::Set(d1, fixed.low_scale));
  const std::int64_t high = hn::GetLane(pair.high);
  const std::int64_t low = hn::GetLane(pair.low);
  if (from >= 0) {
    sums.weight_high[from] -= high;
    sums.weight_low[from] -= low;
  }
  if (to >= 0) {
    sums.weight_high[to] += high;
    sums.weight_low[to] += low;
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace serried::host
HWY_AFTER_NAMESPACE();
#endif
