#include <type_traits>

#include "backend/host/highway_targets.hpp"
#include "backend/host/program/functions.hpp"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "backend/host/program/arithmetic.cpp"
#include "hwy/foreach_target.h"
// after foreach_target.h
#include "backend/host/program/lanes-inl.hpp"
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace serried::host::program::HWY_NAMESPACE {

template <class V>
using LaneOf = hn::TFromV<V>;

// Of two NaN the processor returns the first operand, and compilers may swap the operands of a sum
// or product. They have no reason to where the first one is in a register.
template <class V>
HWY_INLINE V kept_first(V a) {
  if constexpr (std::is_floating_point_v<LaneOf<V>>) asm("" : "+x"(a.raw));
  return a;
}

struct Add {
  template <class V>
  static HWY_INLINE V run(V a, V b) {
    return hn::Add(kept_first(a), b);
  }
};
struct Subtract {
  template <class V>
  static HWY_INLINE V run(V a, V b) {
    return hn::Sub(a, b);
  }
};
struct Multiply {
  template <class V>
  static HWY_INLINE V run(V a, V b) {
    if constexpr (std::is_integral_v<LaneOf<V>> && sizeof(LaneOf<V>) == 8) {
      // the product modulo 2^64 of 32-bit halves
      const hn::RebindToUnsigned<hn::DFromV<V>> d;
      const hn::Repartition<std::uint32_t, decltype(d)> halves;
      const auto x = hn::BitCast(d, a);
      const auto y = hn::BitCast(d, b);
      const auto low = hn::MulEven(hn::BitCast(halves, x), hn::BitCast(halves, y));
      const auto high =
          hn::Add(hn::MulEven(hn::BitCast(halves, hn::ShiftRight<32>(x)), hn::BitCast(halves, y)),
                  hn::MulEven(hn::BitCast(halves, x), hn::BitCast(halves, hn::ShiftRight<32>(y))));
      return hn::BitCast(hn::DFromV<V>(), hn::Add(low, hn::ShiftLeft<32>(high)));
    } else {
      return hn::Mul(kept_first(a), b);
    }
  }
};
struct Divide {
  template <class V>
  static HWY_INLINE V run(V a, V b) {
    return hn::Div(a, b);
  }
};
struct Negate {
  template <class V>
  static HWY_INLINE V run(V a) {
    const hn::DFromV<V> d;
    if constexpr (std::is_floating_point_v<LaneOf<V>>)
      return hn::Xor(a, hn::SignBit(d));
    else
      return hn::Sub(hn::Zero(d), a);
  }
};
struct Absolute {
  template <class V>
  static HWY_INLINE V run(V a) {
    const hn::DFromV<V> d;
    if constexpr (std::is_floating_point_v<LaneOf<V>>)
      return hn::AndNot(hn::SignBit(d), a);
    else if constexpr (std::is_unsigned_v<LaneOf<V>>)
      return a;
    else
      return hn::IfThenElse(hn::Lt(a, hn::Zero(d)), hn::Sub(hn::Zero(d), a), a);
  }
};
struct Sign {
  template <class V>
  static HWY_INLINE V run(V a) {
    using T = LaneOf<V>;
    const hn::DFromV<V> d;
    const auto zero = hn::Zero(d);
    if constexpr (std::is_floating_point_v<T>) {
      const auto one = hn::Or(hn::And(a, hn::SignBit(d)), hn::Set(d, T{1}));
      return hn::IfThenElse(hn::Or(hn::Eq(a, zero), hn::IsNaN(a)), a, one);
    } else if constexpr (std::is_unsigned_v<T>) {
      return hn::IfThenElseZero(hn::Ne(a, zero), hn::Set(d, T{1}));
    } else {
      const auto one = hn::IfThenElse(hn::Lt(a, zero), hn::Set(d, T{-1}), hn::Set(d, T{1}));
      return hn::IfThenElseZero(hn::Ne(a, zero), one);
    }
  }
};

// The first operand where they are equal, so that zeros of both signs have a stated place.
struct Minimum {
  template <class V>
  static HWY_INLINE V run(V a, V b) {
    if constexpr (std::is_floating_point_v<LaneOf<V>>)
      return hn::IfThenElse(hn::Or(hn::Le(a, b), hn::IsNaN(a)), a, b);
    else
      return hn::IfThenElse(hn::Lt(b, a), b, a);
  }
};
struct Maximum {
  template <class V>
  static HWY_INLINE V run(V a, V b) {
    if constexpr (std::is_floating_point_v<LaneOf<V>>)
      return hn::IfThenElse(hn::Or(hn::Ge(a, b), hn::IsNaN(a)), a, b);
    else
      return hn::IfThenElse(hn::Lt(a, b), b, a);
  }
};
struct Fmin {
  template <class V>
  static HWY_INLINE V run(V a, V b) {
    return hn::IfThenElse(hn::Or(hn::Le(a, b), hn::IsNaN(b)), a, b);
  }
};
struct Fmax {
  template <class V>
  static HWY_INLINE V run(V a, V b) {
    return hn::IfThenElse(hn::Or(hn::Ge(a, b), hn::IsNaN(b)), a, b);
  }
};

BlockFunction arithmetic_of(Op op, RegisterType type) {
  switch (op) {
    case Op::add:
      return map2_reals<Add>(type);
    case Op::subtract:
      return map2_reals<Subtract>(type);
    case Op::multiply:
      return map2_reals<Multiply>(type);
    case Op::divide:
      return map2_floats<Divide>(type);
    case Op::negate:
      return map1_reals<Negate>(type);
    case Op::absolute:
      return map1_reals<Absolute>(type);
    case Op::sign:
      return map1_reals<Sign>(type);
    case Op::minimum:
      return map2_reals<Minimum>(type);
    case Op::maximum:
      return map2_reals<Maximum>(type);
    case Op::fmin:
      return map2_floats<Fmin>(type);
    case Op::fmax:
      return map2_floats<Fmax>(type);
    default:
      return nullptr;
  }
}

}  // namespace serried::host::program::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace serried::host::program {

HWY_EXPORT(arithmetic_of);

BlockFunction find_arithmetic(Op op, RegisterType type) {
  return HWY_DYNAMIC_DISPATCH(arithmetic_of)(op, type);
}

}  // namespace serried::host::program
#endif  // HWY_ONCE
