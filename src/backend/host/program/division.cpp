#include <algorithm>
#include <cmath>
#include <limits>
#include <type_traits>

#include "backend/host/highway_targets.hpp"
#include "backend/host/program/functions.hpp"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "backend/host/program/division.cpp"
#include "hwy/foreach_target.h"
// after foreach_target.h
#include "backend/host/program/lanes-inl.hpp"
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace serried::host::program::HWY_NAMESPACE {

// Processors have no vectors of integer division.
template <class T, class F>
void each2(const Block& block) {
  for (std::int64_t i = 0; i < block.count; ++i)
    *result<T>(block, i) = F::run(*operand<T>(block, 0, i), *operand<T>(block, 1, i));
}

template <class T>
bool is_minus_one(T value) {
  if constexpr (std::is_signed_v<T>) return value == -1;
  return false;
}
template <class T>
T negated(T value) {
  using U = std::make_unsigned_t<T>;
  return static_cast<T>(U{0} - static_cast<U>(value));
}

struct FloorDivideInteger {
  template <class T>
  static HWY_INLINE T run(T a, T b) {
    if (b == 0) return 0;
    if (is_minus_one(b)) return negated(a);
    const T quotient = static_cast<T>(a / b);
    return static_cast<T>(quotient - ((a % b != 0 && (a < 0) != (b < 0)) ? 1 : 0));
  }
};
struct RemainderInteger {
  template <class T>
  static HWY_INLINE T run(T a, T b) {
    if (b == 0 || is_minus_one(b)) return 0;
    const T rest = static_cast<T>(a % b);
    return rest != 0 && (a < 0) != (b < 0) ? static_cast<T>(rest + b) : rest;
  }
};
struct FmodInteger {
  template <class T>
  static HWY_INLINE T run(T a, T b) {
    return b == 0 || is_minus_one(b) ? T{0} : static_cast<T>(a % b);
  }
};

// By squaring, modulo 2^32 or 2^64.
template <class T>
void power_integer(const Block& block) {
  using U = std::make_unsigned_t<T>;
  for (std::int64_t i = 0; i < block.count; ++i) {
    auto base = static_cast<U>(*operand<T>(block, 0, i));
    T exponent = *operand<T>(block, 1, i);
    if constexpr (std::is_signed_v<T>) {
      if (exponent < 0) {
        *block.failed = std::min(*block.failed, i);
        exponent = 0;
      }
    }
    U power = 1;
    for (auto rest = static_cast<U>(exponent); rest != 0; rest >>= 1) {
      if ((rest & 1) != 0) power *= base;
      base *= base;
    }
    *result<T>(block, i) = static_cast<T>(power);
  }
}

template <class V>
HWY_INLINE V with_sign_of(V magnitude, V sign) {
  const auto bit = hn::SignBit(hn::DFromV<V>());
  return hn::Or(hn::AndNot(bit, magnitude), hn::And(bit, sign));
}
template <class V>
HWY_INLINE V no_number() {
  const hn::DFromV<V> d;
  return hn::Set(d, std::numeric_limits<hn::TFromV<V>>::quiet_NaN());
}

// What the vector code leaves over: quotients of 2^52 and more, infinities, NaN.
template <class T>
HWY_NOINLINE void fmod_large(const T* a, const T* b, std::int64_t count, T* rest) {
  for (std::int64_t i = 0; i < count; ++i) rest[i] = std::fmod(a[i], b[i]);
}

// The remainder of a division is a floating-point number, and there is but one right one. With x =
// |a| and y = |b|, and the rounded quotient below 2^52 (2^22 of f32), its whole part q is that of
// x/y or one more, since no whole number lies between x/y and what it is rounded to. x - q y is
// then exact, also with y added.
template <class V>
HWY_INLINE V fmod_lanes(V a, V b) {
  using T = hn::TFromV<V>;
  const hn::DFromV<V> d;
  const auto sign = hn::SignBit(d);
  const V x = hn::AndNot(sign, a);
  const V y = hn::AndNot(sign, b);
  const V rounded = hn::Div(x, y);
  const auto is_small =
      hn::Lt(rounded, hn::Set(d, sizeof(T) == 8 ? T(4503599627370496) : T(4194304)));
  V rest = hn::NegMulAdd(hn::Trunc(rounded), y, x);
  rest = hn::IfThenElse(hn::Lt(rest, hn::Zero(d)), hn::Add(rest, y), rest);
  // an infinite divisor leaves the dividend, not 0 times infinity
  rest = hn::IfThenElse(hn::Lt(x, y), x, rest);
  rest = with_sign_of(rest, a);
  if (HWY_LIKELY(hn::AllTrue(d, is_small))) return rest;
  alignas(64) T from[static_cast<std::size_t>(lanes<T>)];
  alignas(64) T by[static_cast<std::size_t>(lanes<T>)];
  alignas(64) T to[static_cast<std::size_t>(lanes<T>)];
  hn::Store(a, d, from);
  hn::Store(b, d, by);
  fmod_large(from, by, lanes<T>, to);
  const V large = hn::Load(d, to);
  return hn::IfThenElse(is_small, rest, hn::IfThenElse(hn::IsNaN(large), no_number<V>(), large));
}

struct Fmod {
  template <class V>
  static HWY_INLINE V run(V a, V b) {
    return fmod_lanes(a, b);
  }
};

// As NumPy's npy_divmod.
struct Remainder {
  template <class V>
  static HWY_INLINE V run(V a, V b) {
    const hn::DFromV<V> d;
    const V zero = hn::Zero(d);
    const V rest = fmod_lanes(a, b);
    const auto is_other_sign =
        hn::Xor(hn::VecFromMask(d, hn::Lt(b, zero)), hn::VecFromMask(d, hn::Lt(rest, zero)));
    const V shifted = hn::IfThenElse(hn::MaskFromVec(is_other_sign), hn::Add(rest, b), rest);
    return hn::IfThenElse(hn::Eq(rest, zero), with_sign_of(zero, b), shifted);
  }
};
struct FloorDivide {
  template <class V>
  static HWY_INLINE V run(V a, V b) {
    using T = hn::TFromV<V>;
    const hn::DFromV<V> d;
    const V zero = hn::Zero(d);
    const V one = hn::Set(d, T{1});
    const V rest = fmod_lanes(a, b);
    const V ratio = hn::Div(a, b);
    V quotient = hn::Div(hn::Sub(a, rest), b);
    const auto is_other_sign =
        hn::Xor(hn::VecFromMask(d, hn::Lt(b, zero)), hn::VecFromMask(d, hn::Lt(rest, zero)));
    const auto is_lower = hn::And(hn::MaskFromVec(is_other_sign), hn::Not(hn::Eq(rest, zero)));
    quotient = hn::IfThenElse(is_lower, hn::Sub(quotient, one), quotient);
    const V whole = hn::Floor(quotient);
    const auto is_above = hn::Gt(hn::Sub(quotient, whole), hn::Set(d, T(0.5)));
    V result = hn::IfThenElse(is_above, hn::Add(whole, one), whole);
    result = hn::IfThenElse(hn::Eq(quotient, zero), with_sign_of(zero, ratio), result);
    result = hn::IfThenElse(hn::IsNaN(result), no_number<V>(), result);
    // 0 / 0 is NaN, the rest infinite
    const auto divides_by_zero = hn::And(hn::Eq(b, zero), hn::Eq(ratio, ratio));
    return hn::IfThenElse(divides_by_zero, ratio, result);
  }
};

template <class Integer>
BlockFunction each2_integers(RegisterType type) {
  switch (type) {
    case RegisterType::i32:
      return &each2<std::int32_t, Integer>;
    case RegisterType::i64:
      return &each2<std::int64_t, Integer>;
    case RegisterType::u64:
      return &each2<std::uint64_t, Integer>;
    default:
      return nullptr;
  }
}
template <class Integer, class Float>
BlockFunction integers_or_floats(RegisterType type) {
  const BlockFunction integers = each2_integers<Integer>(type);
  return integers != nullptr ? integers : map2_floats<Float>(type);
}

BlockFunction division_of(Op op, RegisterType type) {
  switch (op) {
    case Op::floor_divide:
      return integers_or_floats<FloorDivideInteger, FloorDivide>(type);
    case Op::remainder:
      return integers_or_floats<RemainderInteger, Remainder>(type);
    case Op::fmod:
      return integers_or_floats<FmodInteger, Fmod>(type);
    case Op::power:
      if (type == RegisterType::i32) return &power_integer<std::int32_t>;
      if (type == RegisterType::i64) return &power_integer<std::int64_t>;
      if (type == RegisterType::u64) return &power_integer<std::uint64_t>;
      return nullptr;
    default:
      return nullptr;
  }
}

}  // namespace serried::host::program::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace serried::host::program {

HWY_EXPORT(division_of);

BlockFunction find_division(Op op, RegisterType type) {
  return HWY_DYNAMIC_DISPATCH(division_of)(op, type);
}

}  // namespace serried::host::program
#endif  // HWY_ONCE
