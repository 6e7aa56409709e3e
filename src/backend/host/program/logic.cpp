#include <type_traits>

#include <algorithm>

#include "backend/host/highway_targets.hpp"
#include "backend/host/program/functions.hpp"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "backend/host/program/logic.cpp"
#include "hwy/foreach_target.h"
// after foreach_target.h
#include "backend/host/program/lanes-inl.hpp"
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace serried::host::program::HWY_NAMESPACE {

template <class V>
using LaneOf = hn::TFromV<V>;

struct Equal {
  template <class V>
  static HWY_INLINE auto run(V a, V b) {
    return hn::Eq(a, b);
  }
};
struct NotEqual {
  template <class V>
  static HWY_INLINE auto run(V a, V b) {
    return hn::Not(hn::Eq(a, b));
  }
};
struct Less {
  template <class V>
  static HWY_INLINE auto run(V a, V b) {
    return hn::Lt(a, b);
  }
};
struct LessEqual {
  template <class V>
  static HWY_INLINE auto run(V a, V b) {
    if constexpr (std::is_floating_point_v<LaneOf<V>>)
      return hn::Le(a, b);
    else
      return hn::Not(hn::Lt(b, a));
  }
};

struct BitAnd {
  template <class V>
  static HWY_INLINE V run(V a, V b) {
    return hn::And(a, b);
  }
};
struct BitOr {
  template <class V>
  static HWY_INLINE V run(V a, V b) {
    return hn::Or(a, b);
  }
};
struct BitXor {
  template <class V>
  static HWY_INLINE V run(V a, V b) {
    return hn::Xor(a, b);
  }
};
struct BitNot {
  template <class V>
  static HWY_INLINE V run(V a) {
    const hn::DFromV<V> d;
    if constexpr (sizeof(LaneOf<V>) == 1)
      return hn::Xor(a, hn::Set(d, std::uint8_t{1}));
    else
      return hn::Not(a);
  }
};

// Numbers of bits out of range, negative ones among them, are large as unsigned numbers.
template <class V>
HWY_INLINE auto is_in_word(V bits) {
  const hn::RebindToUnsigned<hn::DFromV<V>> d;
  using U = hn::TFromD<decltype(d)>;
  return hn::Lt(hn::BitCast(d, bits), hn::Set(d, static_cast<U>(sizeof(U) * 8)));
}
struct ShiftLeft {
  template <class V>
  static HWY_INLINE V run(V a, V b) {
    const hn::DFromV<V> d;
    const auto is_in = hn::RebindMask(d, is_in_word(b));
    return hn::IfThenElseZero(is_in, hn::Shl(a, hn::IfThenElseZero(is_in, b)));
  }
};
struct ShiftRight {
  template <class V>
  static HWY_INLINE V run(V a, V b) {
    using T = LaneOf<V>;
    const hn::DFromV<V> d;
    const auto is_in = hn::RebindMask(d, is_in_word(b));
    if constexpr (std::is_signed_v<T>) {
      // filled with the sign: ~(~a >> n) of a negative number
      const hn::RebindToUnsigned<decltype(d)> words;
      const auto sign = hn::BitCast(words, hn::VecFromMask(d, hn::Lt(a, hn::Zero(d))));
      const auto shifted = hn::Shr(hn::Xor(hn::BitCast(words, a), sign),
                                   hn::BitCast(words, hn::IfThenElseZero(is_in, b)));
      return hn::BitCast(d,
                         hn::Xor(hn::IfThenElseZero(hn::RebindMask(words, is_in), shifted), sign));
    } else {
      return hn::IfThenElseZero(is_in, hn::Shr(a, hn::IfThenElseZero(is_in, b)));
    }
  }
};

template <class V>
HWY_INLINE auto magnitude_bits(V a) {
  const hn::RebindToUnsigned<hn::DFromV<V>> d;
  return hn::BitCast(d, hn::AndNot(hn::SignBit(hn::DFromV<V>()), a));
}
template <class D>
HWY_INLINE auto infinity_bits(D) {
  const hn::RebindToUnsigned<D> d;
  using U = hn::TFromD<decltype(d)>;
  return hn::Set(
      d, sizeof(U) == 8 ? static_cast<U>(0x7ff0000000000000ull) : static_cast<U>(0x7f800000u));
}
struct IsNan {
  template <class V>
  static HWY_INLINE auto run(V a) {
    return hn::IsNaN(a);
  }
};
struct IsInfinite {
  template <class V>
  static HWY_INLINE auto run(V a) {
    const hn::DFromV<V> d;
    return hn::RebindMask(d, hn::Eq(magnitude_bits(a), infinity_bits(d)));
  }
};
struct IsFinite {
  template <class V>
  static HWY_INLINE auto run(V a) {
    const hn::DFromV<V> d;
    return hn::RebindMask(d, hn::Lt(magnitude_bits(a), infinity_bits(d)));
  }
};
struct SignBit {
  template <class V>
  static HWY_INLINE auto run(V a) {
    const hn::RebindToSigned<hn::DFromV<V>> d;
    return hn::RebindMask(hn::DFromV<V>(), hn::Lt(hn::BitCast(d, a), hn::Zero(d)));
  }
};

template <class T>
void select_lanes(const Block& block) {
  for (std::int64_t i = 0; i < block.count; i += lanes<T>) {
    const auto mask = load_truth<T>(operand<std::uint8_t>(block, 0, i));
    hn::StoreU(hn::IfThenElse(mask, load<T>(block, 1, i), load<T>(block, 2, i)), Tag<T>(),
               result<T>(block, i));
  }
}
// c128: two lanes for each byte, which is doubled by a multiplication.
void select_pairs(const Block& block) {
  using T = std::uint64_t;
  const TruthTag<T> bytes;
  const hn::Repartition<std::uint16_t, TruthTag<T>> pairs;
  const hn::Rebind<std::uint8_t, decltype(pairs)> half;
  const hn::Rebind<std::uint32_t, Tag<T>> words;
  for (std::int64_t i = 0; i < block.count; i += lanes<T> / 2) {
    const auto truth = hn::PromoteTo(pairs, hn::LoadU(half, operand<std::uint8_t>(block, 0, i)));
    const auto doubled = hn::BitCast(bytes, hn::Mul(truth, hn::Set(pairs, std::uint16_t{257})));
    const auto mask =
        hn::Ne(hn::PromoteTo(Tag<T>(), hn::PromoteTo(words, doubled)), hn::Zero(Tag<T>()));
    hn::StoreU(hn::IfThenElse(mask, load<T>(block, 1, 2 * i), load<T>(block, 2, 2 * i)), Tag<T>(),
               result<T>(block, 2 * i));
  }
}

BlockFunction select_of(RegisterType type) {
  switch (type) {
    case RegisterType::b8:
      return &select_lanes<std::uint8_t>;
    case RegisterType::i32:
    case RegisterType::f32:
      return &select_lanes<std::uint32_t>;
    case RegisterType::c128:
      return &select_pairs;
    default:
      return &select_lanes<std::uint64_t>;
  }
}

void require_truth(const Block& block) {
  const Tag<std::uint8_t> d;
  for (std::int64_t i = 0; i < block.count; i += lanes<std::uint8_t>) {
    const auto truth = load<std::uint8_t>(block, 0, i);
    hn::StoreU(truth, d, result<std::uint8_t>(block, i));
    const auto is_missing = hn::Eq(truth, hn::Zero(d));
    if (HWY_UNLIKELY(!hn::AllFalse(d, is_missing)))
      *block.failed = std::min(*block.failed, i + hn::FindFirstTrue(d, is_missing));
  }
}

template <class F>
BlockFunction bits_of(RegisterType type) {
  if (type == RegisterType::b8) return &map2<std::uint8_t, F>;
  return map2_integers<F>(type);
}
template <class F>
BlockFunction compare_of(RegisterType type) {
  if (type == RegisterType::b8) return &test2<std::uint8_t, F>;
  return test2_reals<F>(type);
}

BlockFunction logic_of(Op op, RegisterType type) {
  switch (op) {
    case Op::bit_and:
      return bits_of<BitAnd>(type);
    case Op::bit_or:
      return bits_of<BitOr>(type);
    case Op::bit_xor:
      return bits_of<BitXor>(type);
    case Op::bit_not:
      if (type == RegisterType::b8) return &map1<std::uint8_t, BitNot>;
      return map1_integers<BitNot>(type);
    case Op::shift_left:
      return map2_integers<ShiftLeft>(type);
    case Op::shift_right:
      return map2_integers<ShiftRight>(type);
    case Op::equal:
      return compare_of<Equal>(type);
    case Op::not_equal:
      return compare_of<NotEqual>(type);
    case Op::less:
      return compare_of<Less>(type);
    case Op::less_equal:
      return compare_of<LessEqual>(type);
    case Op::select:
      return select_of(type);
    case Op::require:
      return type == RegisterType::b8 ? &require_truth : nullptr;
    case Op::is_nan:
      return test1_floats<IsNan>(type);
    case Op::is_infinite:
      return test1_floats<IsInfinite>(type);
    case Op::is_finite:
      return test1_floats<IsFinite>(type);
    case Op::sign_bit:
      return test1_floats<SignBit>(type);
    default:
      return nullptr;
  }
}

}  // namespace serried::host::program::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace serried::host::program {

HWY_EXPORT(logic_of);

BlockFunction find_logic(Op op, RegisterType type) {
  return HWY_DYNAMIC_DISPATCH(logic_of)(op, type);
}

}  // namespace serried::host::program
#endif  // HWY_ONCE
