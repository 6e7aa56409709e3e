// Loads of any real dtype, widened to f64 in registers. Included once for each instruction level.
#if defined(SERRIED_HOST_WIDEN_INL_HPP) == defined(HWY_TARGET_TOGGLE)
#ifdef SERRIED_HOST_WIDEN_INL_HPP
#undef SERRIED_HOST_WIDEN_INL_HPP
#else
#define SERRIED_HOST_WIDEN_INL_HPP
#endif

#include <cstdint>
#include <type_traits>

#include "hwy/highway.h"
#include "serried/base/half.hpp"

HWY_BEFORE_NAMESPACE();
namespace serried::host::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

using Doubles = hn::ScalableTag<double>;
using DoubleVec = hn::Vec<Doubles>;
inline constexpr Doubles doubles;
inline constexpr std::int64_t vector_lanes = HWY_MAX_BYTES / 8;

// The two 32-bit halves of a 64-bit integer as doubles: the value is high + low, both parts are
// exact.
struct SplitInteger {
  DoubleVec high;  // a multiple of 2^32
  DoubleVec low;   // 0 .. 2^32 - 1
};

// 2^52 in the exponent makes a double of the low 32 bits without a conversion (AVX2 has none for 64
// bits).
template <class T>
HWY_INLINE SplitInteger load_split(const T* from) {
  static_assert(sizeof(T) == 8 && std::is_integral_v<T>);
  const hn::RebindToUnsigned<Doubles> words;
  auto value = hn::LoadU(words, reinterpret_cast<const std::uint64_t*>(from));
  if constexpr (std::is_signed_v<T>) value = hn::Xor(value, hn::Set(words, 0x8000000000000000ull));
  const auto magic = hn::Set(words, 0x4330000000000000ull);
  const auto low = hn::Or(hn::And(value, hn::Set(words, 0xffffffffull)), magic);
  const auto high = hn::Or(hn::ShiftRight<32>(value), magic);
  constexpr double two52 = 4503599627370496.0;
  constexpr double bias = std::is_signed_v<T> ? two52 + 2147483648.0 : two52;
  return {hn::Mul(hn::Sub(hn::BitCast(doubles, high), hn::Set(doubles, bias)),
                  hn::Set(doubles, 4294967296.0)),
          hn::Sub(hn::BitCast(doubles, low), hn::Set(doubles, two52))};
}

// One vector of elements as f64: exact but for 64-bit integers, which are rounded to nearest.
template <class T>
HWY_INLINE DoubleVec load_wide(const T* from) {
  if constexpr (std::is_same_v<T, double>) {
    return hn::LoadU(doubles, from);
  } else if constexpr (std::is_same_v<T, float>) {
    return hn::PromoteTo(doubles, hn::LoadU(hn::Rebind<float, Doubles>(), from));
  } else if constexpr (std::is_same_v<T, Half>) {
    const auto half = hn::LoadU(hn::Rebind<hwy::float16_t, Doubles>(),
                                reinterpret_cast<const hwy::float16_t*>(from));
    return hn::PromoteTo(doubles, hn::PromoteTo(hn::Rebind<float, Doubles>(), half));
  } else if constexpr (std::is_same_v<T, std::int32_t>) {
    return hn::PromoteTo(doubles, hn::LoadU(hn::Rebind<std::int32_t, Doubles>(), from));
  } else if constexpr (std::is_same_v<T, std::uint32_t>) {
    const hn::Rebind<std::uint32_t, Doubles> words;
    const hn::Rebind<std::int32_t, Doubles> integers;
    const auto shifted = hn::Xor(hn::LoadU(words, from), hn::Set(words, 0x80000000u));
    return hn::Add(hn::PromoteTo(doubles, hn::BitCast(integers, shifted)),
                   hn::Set(doubles, 2147483648.0));
  } else if constexpr (sizeof(T) == 8) {
    const SplitInteger parts = load_split(from);
    return hn::Add(parts.high, parts.low);
  } else {
    using Stored = std::conditional_t<std::is_same_v<T, bool>, std::uint8_t, T>;
    const auto narrow =
        hn::LoadU(hn::Rebind<Stored, Doubles>(), reinterpret_cast<const Stored*>(from));
    return hn::PromoteTo(doubles, hn::PromoteTo(hn::Rebind<std::int32_t, Doubles>(), narrow));
  }
}

// The upper half of the lanes is added to the lower half, until one is left.
template <class D>
HWY_INLINE double fold_vector(D, hn::Vec<D> sums) {
  if constexpr (hn::MaxLanes(D()) == 1) {
    return hn::GetLane(sums);
  } else {
    const hn::Half<D> half;
    return fold_vector(half, hn::Add(hn::LowerHalf(half, sums), hn::UpperHalf(half, sums)));
  }
}

// Combines the upper half of the lanes with the lower half until `columns` are left. The array has
// one vector of room behind its lanes. The last few go one by one: a vector that spans two stores
// waits for both.
template <class Combine>
HWY_INLINE void fold_lanes(double* lanes, std::int64_t count, std::int64_t columns,
                           Combine combine) {
  constexpr hn::CappedTag<double, 1> one;
  while (count > columns) {
    count /= 2;
    if (count < vector_lanes) {
      for (std::int64_t i = 0; i < count; ++i)
        hn::StoreU(combine(hn::LoadU(one, lanes + i), hn::LoadU(one, lanes + i + count)), one,
                   lanes + i);
      continue;
    }
    for (std::int64_t i = 0; i < count; i += vector_lanes)
      hn::StoreU(combine(hn::LoadU(doubles, lanes + i), hn::LoadU(doubles, lanes + i + count)),
                 doubles, lanes + i);
  }
}

}  // namespace serried::host::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // SERRIED_HOST_WIDEN_INL_HPP
