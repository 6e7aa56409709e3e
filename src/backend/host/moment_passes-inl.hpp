// The two passes over a block of rows, for each lane. Included once for each instruction level.
#if defined(SERRIED_HOST_MOMENT_PASSES_INL_HPP) == defined(HWY_TARGET_TOGGLE)
#ifdef SERRIED_HOST_MOMENT_PASSES_INL_HPP
#undef SERRIED_HOST_MOMENT_PASSES_INL_HPP
#else
#define SERRIED_HOST_MOMENT_PASSES_INL_HPP
#endif

#include <algorithm>
#include <limits>

#include "backend/host/panel.hpp"
#include "backend/host/widen-inl.hpp"
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace serried::host::HWY_NAMESPACE {

template <class T>
inline constexpr bool is_wide_integer = std::is_integral_v<T> && sizeof(T) == 8;
template <class T>
inline constexpr bool can_be_nan = !std::is_integral_v<T>;
// The sum of a block is exact in f64 for these (or as good as), so the remainder of the mean needs
// no sum of its own.
template <class T>
inline constexpr bool is_narrow = sizeof(T) <= 4 && !std::is_same_v<T, float>;

// Extrema are taken in f64, but for 64-bit integers, which would be rounded.
template <class T>
using Extreme = std::conditional_t<is_wide_integer<T>, T, double>;
template <class T>
inline constexpr Extreme<T> highest = is_wide_integer<T>
                                          ? std::numeric_limits<Extreme<T>>::max()
                                          : std::numeric_limits<Extreme<T>>::infinity();
template <class T>
inline constexpr Extreme<T> lowest = is_wide_integer<T>
                                         ? std::numeric_limits<Extreme<T>>::lowest()
                                         : -std::numeric_limits<Extreme<T>>::infinity();

// A run of steps, `stride` elements apart, whose element l belongs to lane l; and a partial step.
template <class T>
struct Steps {
  const T* from = nullptr;
  std::int64_t stride = 0;
  std::int64_t count = 0;
  std::int64_t lanes = 0;
  const T* tail_from = nullptr;  // a PaddedStep, or null
  std::int64_t tail_valid = 0;   // its elements that count
};

template <class T>
struct LaneSums {
  static constexpr std::int64_t room = Panel::max_lanes + 64;
  alignas(64) double sum[room];
  alignas(64) Extreme<T> min[room];
  alignas(64) Extreme<T> max[room];
  alignas(64) double count[room];  // only where there are NaN
  alignas(64) double shift[room];
  alignas(64) double s1[room];
  alignas(64) double s2[room];
  alignas(64) double s3[room];
  alignas(64) double s4[room];
  // extrema in f32, merged into min and max at the end of a pass
  alignas(64) float low[std::is_same_v<T, float> ? room : 1];
  alignas(64) float high[std::is_same_v<T, float> ? room : 1];
};

template <class T>
inline constexpr hn::ScalableTag<Extreme<T>> extremes{};

// The lanes of vector i that hold an element.
HWY_INLINE auto valid_lanes(std::int64_t valid, std::int64_t i) {
  const std::int64_t left = valid - i;
  return hn::FirstN(doubles, static_cast<std::size_t>(left < 0 ? 0 : left));
}

// values[first] op values[first + 1] ..., by halves, so that a group of steps lengthens the chain
// of dependent operations from one group to the next by one operation only.
template <int kFirst, int kCount, class V, class Op>
HWY_INLINE V fold_tree(const V* values, Op op) {
  if constexpr (kCount == 1) {
    return values[kFirst];
  } else {
    constexpr int half = kCount / 2;
    return op(fold_tree<kFirst, half>(values, op),
              fold_tree<kFirst + half, kCount - half>(values, op));
  }
}

constexpr auto add = [](auto a, auto b) { return hn::Add(a, b); };
constexpr auto min = [](auto a, auto b) { return hn::Min(a, b); };
constexpr auto max = [](auto a, auto b) { return hn::Max(a, b); };

// Of `kSteps` steps: sum, min, max, and with kNan the count of numbers.
template <class T, bool kMasked, bool kNan, int kSteps>
HWY_INLINE void add_first(const T* from, std::int64_t stride, std::int64_t lanes,
                          std::int64_t valid, LaneSums<T>& a) {
  constexpr auto& extreme = extremes<T>;
  for (std::int64_t i = 0; i < lanes; i += vector_lanes) {
    DoubleVec x[kSteps];
    hn::Vec<hn::ScalableTag<Extreme<T>>> low[kSteps];
    hn::Vec<hn::ScalableTag<Extreme<T>>> high[kSteps];
#pragma GCC unroll 8
    for (int s = 0; s < kSteps; ++s) {
      const T* element = from + s * stride + i;
      x[s] = load_wide(element);
      if constexpr (is_wide_integer<T>)
        low[s] = hn::LoadU(extreme, element);
      else
        low[s] = x[s];
      high[s] = low[s];
      if constexpr (kMasked) {
        auto mask = valid_lanes(valid, i);
        if constexpr (kNan) {
          mask = hn::And(mask, hn::Eq(x[s], x[s]));
          const auto one = hn::IfThenElseZero(mask, hn::Set(doubles, 1.0));
          hn::StoreU(hn::Add(hn::LoadU(doubles, a.count + i), one), doubles, a.count + i);
        }
        x[s] = hn::IfThenElseZero(mask, x[s]);
        const auto extreme_mask = hn::RebindMask(extreme, mask);
        low[s] = hn::IfThenElse(extreme_mask, low[s], hn::Set(extreme, highest<T>));
        high[s] = hn::IfThenElse(extreme_mask, high[s], hn::Set(extreme, lowest<T>));
      }
    }
    hn::StoreU(hn::Add(hn::LoadU(doubles, a.sum + i), fold_tree<0, kSteps>(x, add)), doubles,
               a.sum + i);
    hn::StoreU(hn::Min(hn::LoadU(extreme, a.min + i), fold_tree<0, kSteps>(low, min)), extreme,
               a.min + i);
    hn::StoreU(hn::Max(hn::LoadU(extreme, a.max + i), fold_tree<0, kSteps>(high, max)), extreme,
               a.max + i);
  }
}

// Of `kSteps` steps of f32, for the lanes of one vector from lane i on: extrema and a short sum in
// f32, twice as wide as f64; the short sums are added up in f64. A shift needs no more digits: what
// it lacks to the mean is found by the second pass.
template <int kSteps, class D>
HWY_INLINE void add_floats(D floats, const float* from, std::int64_t stride, std::int64_t i,
                           LaneSums<float>& a) {
  hn::Vec<D> x[kSteps];
#pragma GCC unroll 8
  for (int s = 0; s < kSteps; ++s) x[s] = hn::LoadU(floats, from + s * stride + i);
  hn::StoreU(hn::Min(hn::LoadU(floats, a.low + i), fold_tree<0, kSteps>(x, min)), floats,
             a.low + i);
  hn::StoreU(hn::Max(hn::LoadU(floats, a.high + i), fold_tree<0, kSteps>(x, max)), floats,
             a.high + i);
  constexpr auto width = static_cast<std::int64_t>(hn::MaxLanes(floats));
  alignas(64) float sums[width];
  hn::Store(fold_tree<0, kSteps>(x, add), floats, sums);
  for (std::int64_t l = 0; l < width; l += vector_lanes)
    hn::StoreU(hn::Add(hn::LoadU(doubles, a.sum + i + l), load_wide(sums + l)), doubles,
               a.sum + i + l);
}

template <int kSteps>
HWY_INLINE void add_first_floats(const float* from, std::int64_t stride, std::int64_t lanes,
                                 LaneSums<float>& a) {
  constexpr hn::ScalableTag<float> whole;
  constexpr hn::CappedTag<float, 8> eight;
  constexpr auto width = static_cast<std::int64_t>(hn::MaxLanes(whole));
  std::int64_t i = 0;
  for (; i + width <= (lanes + 7) / 8 * 8; i += width)
    add_floats<kSteps>(whole, from, stride, i, a);
  if (i < lanes) add_floats<kSteps>(eight, from, stride, i, a);
}

inline void merge_float_extrema(LaneSums<float>& a, std::int64_t lanes) {
  for (std::int64_t l = 0; l < lanes; ++l) {
    a.min[l] = std::min(a.min[l], static_cast<double>(a.low[l]));
    a.max[l] = std::max(a.max[l], static_cast<double>(a.high[l]));
  }
}

// x - shift of one vector; 0 where there is no number.
template <class T, bool kMasked, bool kNan>
HWY_INLINE DoubleVec deviation(const T* element, DoubleVec shift, std::int64_t valid,
                               std::int64_t i) {
  auto d = hn::Zero(doubles);
  if constexpr (is_wide_integer<T>) {
    // The halves go to x rounded and what the rounding lost, which is exact (T. J. Dekker's
    // two-sum): halves alone would not do, as -1 is -2^32 + (2^32 - 1).
    const SplitInteger x = load_split(element);
    const auto rounded = hn::Add(x.high, x.low);
    const auto lost = hn::Sub(x.low, hn::Sub(rounded, x.high));
    d = hn::Add(hn::Sub(rounded, shift), lost);
  } else {
    d = hn::Sub(load_wide(element), shift);
  }
  if constexpr (kMasked) {
    auto mask = valid_lanes(valid, i);
    if constexpr (kNan) {
      const auto x = load_wide(element);
      mask = hn::And(mask, hn::Eq(x, x));
    }
    d = hn::IfThenElseZero(mask, d);
  }
  return d;
}

// Of `kSteps` steps: the sums of powers of d = x - shift, first of the group alone.
template <class T, bool kMasked, bool kNan, int kSteps>
HWY_INLINE void add_second(const T* from, std::int64_t stride, std::int64_t lanes,
                           std::int64_t valid, LaneSums<T>& a) {
  const auto add_to = [](double* to, DoubleVec value) HWY_ATTR {
    hn::StoreU(hn::Add(hn::LoadU(doubles, to), value), doubles, to);
  };
  for (std::int64_t i = 0; i < lanes; i += vector_lanes) {
    const auto shift = hn::LoadU(doubles, a.shift + i);
    auto s1 = deviation<T, kMasked, kNan>(from + i, shift, valid, i);
    auto s2 = hn::Mul(s1, s1);
    auto s3 = hn::Mul(s2, s1);
    auto s4 = hn::Mul(s2, s2);
#pragma GCC unroll 8
    for (int s = 1; s < kSteps; ++s) {
      const auto d = deviation<T, kMasked, kNan>(from + s * stride + i, shift, valid, i);
      const auto d2 = hn::Mul(d, d);
      if constexpr (!is_narrow<T>) s1 = hn::Add(s1, d);
      s2 = hn::Add(s2, d2);
      s3 = hn::MulAdd(d2, d, s3);
      s4 = hn::MulAdd(d2, d2, s4);
    }
    if constexpr (!is_narrow<T>) add_to(a.s1 + i, s1);
    add_to(a.s2 + i, s2);
    add_to(a.s3 + i, s3);
    add_to(a.s4 + i, s4);
  }
}

inline constexpr int steps_at_once = 8;

template <class T, bool kNan>
HWY_NOINLINE void first_pass(const Steps<T>& steps, LaneSums<T>& a) {
  constexpr bool is_float = std::is_same_v<T, float> && !kNan;
  for (std::int64_t l = 0; l < steps.lanes + 8; ++l) {
    a.sum[l] = 0;
    a.min[l] = highest<T>;
    a.max[l] = lowest<T>;
    if (kNan) a.count[l] = 0;
    if constexpr (is_float) {
      a.low[l] = std::numeric_limits<float>::infinity();
      a.high[l] = -std::numeric_limits<float>::infinity();
    }
  }
  const T* from = steps.from;
  std::int64_t step = 0;
  for (; step + steps_at_once <= steps.count; step += steps_at_once) {
    if constexpr (is_float)
      add_first_floats<steps_at_once>(from, steps.stride, steps.lanes, a);
    else
      add_first<T, kNan, kNan, steps_at_once>(from, steps.stride, steps.lanes, steps.lanes, a);
    from += steps_at_once * steps.stride;
  }
  for (; step < steps.count; ++step) {
    add_first<T, kNan, kNan, 1>(from, steps.stride, steps.lanes, steps.lanes, a);
    from += steps.stride;
  }
  if (steps.tail_from != nullptr)
    add_first<T, true, kNan, 1>(steps.tail_from, 0, steps.lanes, steps.tail_valid, a);
  if constexpr (is_float) merge_float_extrema(a, steps.lanes);
}

template <class T, bool kNan>
HWY_NOINLINE void second_pass(const Steps<T>& steps, LaneSums<T>& a) {
  for (std::int64_t l = 0; l < steps.lanes + 8; ++l) a.s1[l] = a.s2[l] = a.s3[l] = a.s4[l] = 0;
  const T* from = steps.from;
  std::int64_t step = 0;
  for (; step + steps_at_once <= steps.count; step += steps_at_once) {
    add_second<T, kNan, kNan, steps_at_once>(from, steps.stride, steps.lanes, steps.lanes, a);
    from += steps_at_once * steps.stride;
  }
  for (; step < steps.count; ++step) {
    add_second<T, kNan, kNan, 1>(from, steps.stride, steps.lanes, steps.lanes, a);
    from += steps.stride;
  }
  if (steps.tail_from != nullptr)
    add_second<T, true, kNan, 1>(steps.tail_from, 0, steps.lanes, steps.tail_valid, a);
}

}  // namespace serried::host::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // SERRIED_HOST_MOMENT_PASSES_INL_HPP
