#include <type_traits>

#include "backend/host/highway_targets.hpp"
#include "backend/host/program/functions.hpp"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "backend/host/program/rounding.cpp"
#include "hwy/foreach_target.h"
// after foreach_target.h
#include "backend/host/program/lanes-inl.hpp"
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace serried::host::program::HWY_NAMESPACE {

struct Floor {
  template <class V>
  static HWY_INLINE V run(V a) {
    return hn::Floor(a);
  }
};
struct Ceil {
  template <class V>
  static HWY_INLINE V run(V a) {
    return hn::Ceil(a);
  }
};
struct Round {
  template <class V>
  static HWY_INLINE V run(V a) {
    return hn::Round(a);
  }
};
struct Truncate {
  template <class V>
  static HWY_INLINE V run(V a) {
    return hn::Trunc(a);
  }
};
struct CopySign {
  template <class V>
  static HWY_INLINE V run(V a, V b) {
    const auto sign = hn::SignBit(hn::DFromV<V>());
    return hn::Or(hn::AndNot(sign, a), hn::And(sign, b));
  }
};

// The bits of floating-point numbers of one sign are ordered as they are.
struct NextAfter {
  template <class V>
  static HWY_INLINE V run(V a, V b) {
    const hn::DFromV<V> d;
    const hn::RebindToSigned<decltype(d)> words;
    using Word = hn::TFromD<decltype(words)>;
    const auto zero = hn::Zero(d);
    // away from zero where b lies beyond a, as seen from zero
    const auto is_away =
        hn::Xor(hn::VecFromMask(d, hn::Lt(a, b)), hn::VecFromMask(d, hn::Lt(a, zero)));
    const auto step = hn::IfThenElse(hn::MaskFromVec(hn::BitCast(words, is_away)),
                                     hn::Set(words, Word{1}), hn::Set(words, Word{-1}));
    const auto next = hn::BitCast(d, hn::Add(hn::BitCast(words, a), step));
    const auto least = hn::Or(hn::And(hn::SignBit(d), b), hn::BitCast(d, hn::Set(words, Word{1})));
    const auto moved = hn::IfThenElse(hn::Eq(a, zero), least, next);
    const auto other = hn::IfThenElse(hn::IsNaN(a), a, b);
    const auto is_other = hn::Or(hn::Eq(a, b), hn::Or(hn::IsNaN(a), hn::IsNaN(b)));
    return hn::IfThenElse(is_other, other, moved);
  }
};

// 2^n for n in the range of normal numbers.
template <class D, class V>
HWY_INLINE hn::Vec<D> power_of_two(D d, V n) {
  const hn::RebindToSigned<D> words;
  constexpr bool is_f64 = sizeof(hn::TFromD<D>) == 8;
  constexpr int mantissa_bits = is_f64 ? 52 : 23;
  const auto bias = hn::Set(words, hn::TFromD<decltype(words)>{is_f64 ? 1023 : 127});
  return hn::BitCast(d, hn::ShiftLeft<mantissa_bits>(hn::Add(n, bias)));
}

// Three factors, of which the first two are exact: where the result is small they leave room for
// all its bits, so that it is rounded once. Exponents beyond the third factor's have no more
// effect.
template <class T>
void load_exponent(const Block& block) {
  constexpr bool is_f64 = sizeof(T) == 8;
  using Word = std::conditional_t<is_f64, std::int64_t, std::int32_t>;
  constexpr Word most = is_f64 ? 1023 : 127;
  constexpr Word least = is_f64 ? -1022 : -126;
  constexpr Word down = is_f64 ? -969 : -102;
  const Tag<T> d;
  const Tag<Word> words;
  const hn::Rebind<std::int32_t, Tag<T>> narrow;
  const auto zero = hn::Zero(words);
  for (std::int64_t i = 0; i < block.count; i += lanes<T>) {
    const auto exponent = hn::LoadU(narrow, operand<std::int32_t>(block, 1, i));
    hn::Vec<Tag<Word>> n;
    if constexpr (is_f64)
      n = hn::PromoteTo(words, exponent);
    else
      n = exponent;
    auto value = load<T>(block, 0, i);
    for (int step = 0; step < 2; ++step) {
      const auto part = hn::IfThenElse(
          hn::Gt(n, hn::Set(words, most)), hn::Set(words, most),
          hn::IfThenElse(hn::Lt(n, hn::Set(words, least)), hn::Set(words, down), zero));
      value = hn::Mul(value, power_of_two(d, part));
      n = hn::Sub(n, part);
    }
    n = hn::IfThenElse(hn::Gt(n, hn::Set(words, most)), hn::Set(words, most), n);
    n = hn::IfThenElse(hn::Lt(n, hn::Set(words, least)), hn::Set(words, least), n);
    hn::StoreU(hn::Mul(value, power_of_two(d, n)), d, result<T>(block, i));
  }
}

BlockFunction rounding_of(Op op, RegisterType type) {
  switch (op) {
    case Op::floor:
      return map1_floats<Floor>(type);
    case Op::ceil:
      return map1_floats<Ceil>(type);
    case Op::round:
      return map1_floats<Round>(type);
    case Op::truncate:
      return map1_floats<Truncate>(type);
    case Op::copy_sign:
      return map2_floats<CopySign>(type);
    case Op::next_after:
      return map2_floats<NextAfter>(type);
    case Op::load_exponent:
      return type == RegisterType::f32 ? &load_exponent<float> : &load_exponent<double>;
    default:
      return nullptr;
  }
}

}  // namespace serried::host::program::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace serried::host::program {

HWY_EXPORT(rounding_of);

BlockFunction find_rounding(Op op, RegisterType type) {
  return HWY_DYNAMIC_DISPATCH(rounding_of)(op, type);
}

}  // namespace serried::host::program
#endif  // HWY_ONCE
