// The two passes over a block of rows, for each lane. Included once for each instruction level.
#if defined(SERRIED_HOST_MOMENT_PASSES_INL_HPP) == defined(HWY_TARGET_TOGGLE)
#ifdef SERRIED_HOST_MOMENT_PASSES_INL_HPP
#undef SERRIED_HOST_MOMENT_PASSES_INL_HPP
#else
#define SERRIED_HOST_MOMENT_PASSES_INL_HPP
#endif

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
/// Sums of a block are exact in f64 for these (or as good as), so the remainder of the mean needs
/// no sum.
template <class T>
inline constexpr bool is_narrow = sizeof(T) <= 4;

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
};

template <class T>
inline constexpr hn::ScalableTag<Extreme<T>> extremes{};

// The lanes of vector i that hold an element.
HWY_INLINE auto valid_lanes(std::int64_t valid, std::int64_t i) {
  const std::int64_t left = valid - i;
  return hn::FirstN(doubles, static_cast<std::size_t>(left < 0 ? 0 : left));
}

// Of `kSteps` steps: sum, min, max, and with kNan the count of numbers.
template <class T, bool kMasked, bool kNan, int kSteps>
HWY_INLINE void add_first(const T* from, std::int64_t stride, std::int64_t lanes,
                          std::int64_t valid, LaneSums<T>& a) {
  constexpr auto& extreme = extremes<T>;
  for (std::int64_t i = 0; i < lanes; i += vector_lanes) {
    auto sum = hn::LoadU(doubles, a.sum + i);
    auto low = hn::LoadU(extreme, a.min + i);
    auto high = hn::LoadU(extreme, a.max + i);
    [[maybe_unused]] auto count = hn::Zero(doubles);
    if constexpr (kNan) count = hn::LoadU(doubles, a.count + i);
#pragma GCC unroll 8
    for (int s = 0; s < kSteps; ++s) {
      const T* element = from + s * stride + i;
      auto x = load_wide(element);
      auto smaller = hn::Zero(extreme);
      if constexpr (is_wide_integer<T>)
        smaller = hn::LoadU(extreme, element);
      else
        smaller = x;
      auto larger = smaller;
      if constexpr (kMasked) {
        auto mask = valid_lanes(valid, i);
        if constexpr (kNan) {
          mask = hn::And(mask, hn::Eq(x, x));
          count = hn::Add(count, hn::IfThenElseZero(mask, hn::Set(doubles, 1.0)));
        }
        x = hn::IfThenElseZero(mask, x);
        const auto extreme_mask = hn::RebindMask(extreme, mask);
        smaller = hn::IfThenElse(extreme_mask, smaller, hn::Set(extreme, highest<T>));
        larger = hn::IfThenElse(extreme_mask, larger, hn::Set(extreme, lowest<T>));
      }
      sum = hn::Add(sum, x);
      low = hn::Min(low, smaller);
      high = hn::Max(high, larger);
    }
    hn::StoreU(sum, doubles, a.sum + i);
    hn::StoreU(low, extreme, a.min + i);
    hn::StoreU(high, extreme, a.max + i);
    if constexpr (kNan) hn::StoreU(count, doubles, a.count + i);
  }
}

// Of `kSteps` steps: the sums of powers of d = x - shift.
template <class T, bool kMasked, bool kNan, int kSteps>
HWY_INLINE void add_second(const T* from, std::int64_t stride, std::int64_t lanes,
                           std::int64_t valid, LaneSums<T>& a) {
  for (std::int64_t i = 0; i < lanes; i += vector_lanes) {
    const auto shift = hn::LoadU(doubles, a.shift + i);
    [[maybe_unused]] auto s1 = hn::Zero(doubles);
    if constexpr (!is_narrow<T>) s1 = hn::LoadU(doubles, a.s1 + i);
    auto s2 = hn::LoadU(doubles, a.s2 + i);
    auto s3 = hn::LoadU(doubles, a.s3 + i);
    auto s4 = hn::LoadU(doubles, a.s4 + i);
#pragma GCC unroll 8
    for (int s = 0; s < kSteps; ++s) {
      const T* element = from + s * stride + i;
      auto d = hn::Zero(doubles);
      if constexpr (is_wide_integer<T>) {
        const SplitInteger x = load_split(element);
        d = hn::Add(hn::Sub(x.high, shift), x.low);
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
      const auto d2 = hn::Mul(d, d);
      if constexpr (!is_narrow<T>) s1 = hn::Add(s1, d);
      s2 = hn::Add(s2, d2);
      s3 = hn::MulAdd(d2, d, s3);
      s4 = hn::MulAdd(d2, d2, s4);
    }
    if constexpr (!is_narrow<T>) hn::StoreU(s1, doubles, a.s1 + i);
    hn::StoreU(s2, doubles, a.s2 + i);
    hn::StoreU(s3, doubles, a.s3 + i);
    hn::StoreU(s4, doubles, a.s4 + i);
  }
}

inline constexpr int steps_at_once = 8;

template <class T, bool kNan>
HWY_NOINLINE void first_pass(const Steps<T>& steps, LaneSums<T>& a) {
  for (std::int64_t l = 0; l < steps.lanes + 8; ++l) {
    a.sum[l] = 0;
    a.min[l] = highest<T>;
    a.max[l] = lowest<T>;
    if (kNan) a.count[l] = 0;
  }
  const T* from = steps.from;
  std::int64_t step = 0;
  for (; step + steps_at_once <= steps.count; step += steps_at_once) {
    add_first<T, kNan, kNan, steps_at_once>(from, steps.stride, steps.lanes, steps.lanes, a);
    from += steps_at_once * steps.stride;
  }
  for (; step < steps.count; ++step) {
    add_first<T, kNan, kNan, 1>(from, steps.stride, steps.lanes, steps.lanes, a);
    from += steps.stride;
  }
  if (steps.tail_from != nullptr)
    add_first<T, true, kNan, 1>(steps.tail_from, 0, steps.lanes, steps.tail_valid, a);
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
