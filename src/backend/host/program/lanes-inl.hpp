// Loops over a block, a vector at a time. Included once for each instruction level.
#if defined(SERRIED_HOST_PROGRAM_LANES_INL_HPP) == defined(HWY_TARGET_TOGGLE)
#ifdef SERRIED_HOST_PROGRAM_LANES_INL_HPP
#undef SERRIED_HOST_PROGRAM_LANES_INL_HPP
#else
#define SERRIED_HOST_PROGRAM_LANES_INL_HPP
#endif

#include <cstdint>

#include "backend/host/program/block.hpp"
#include "hwy/highway.h"
#include "serried/base/program.hpp"

HWY_BEFORE_NAMESPACE();
namespace serried::host::program::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

template <class T>
using Tag = hn::ScalableTag<T>;
template <class T>
using Vector = hn::Vec<Tag<T>>;
template <class T>
inline constexpr std::int64_t lanes = HWY_MAX_BYTES / sizeof(T);
static_assert(granule % HWY_MAX_BYTES == 0);

template <class T>
HWY_INLINE const T* operand(const Block& block, int k, std::int64_t i) {
  const auto offset = static_cast<std::size_t>(i) * sizeof(T);
  return reinterpret_cast<const T*>(block.in[k] + (offset & block.mask[k]));
}
template <class T>
HWY_INLINE T* result(const Block& block, std::int64_t i) {
  return reinterpret_cast<T*>(block.out) + i;
}
template <class T>
HWY_INLINE Vector<T> load(const Block& block, int k, std::int64_t i) {
  return hn::LoadU(Tag<T>(), operand<T>(block, k, i));
}

// Truth values are bytes, 0 or 1; a mask of wider lanes is made of as many bytes.
template <class T>
using TruthTag = hn::Rebind<std::uint8_t, Tag<T>>;

template <class T>
HWY_INLINE hn::Mask<Tag<T>> load_truth(const std::uint8_t* from) {
  const hn::RebindToUnsigned<Tag<T>> d;
  const auto bytes = hn::LoadU(TruthTag<T>(), from);
  const auto zero = hn::Zero(d);
  if constexpr (sizeof(T) == 1) {
    return hn::Ne(bytes, zero);
  } else if constexpr (sizeof(T) == 4) {
    return hn::RebindMask(Tag<T>(), hn::Ne(hn::PromoteTo(d, bytes), zero));
  } else {
    const hn::Rebind<std::uint32_t, Tag<T>> words;
    return hn::RebindMask(Tag<T>(), hn::Ne(hn::PromoteTo(d, hn::PromoteTo(words, bytes)), zero));
  }
}

template <class T>
HWY_INLINE void store_truth(hn::Mask<Tag<T>> mask, std::uint8_t* to) {
  const hn::RebindToUnsigned<Tag<T>> d;
  const auto ones =
      hn::IfThenElseZero(hn::RebindMask(d, mask), hn::Set(d, hn::TFromD<decltype(d)>{1}));
  if constexpr (sizeof(T) == 1)
    hn::StoreU(ones, d, to);
  else
    hn::StoreU(hn::TruncateTo(TruthTag<T>(), ones), TruthTag<T>(), to);
}

// F is a type with one or more static functions `run(vectors...)`.
template <class T, class F>
void map1(const Block& block) {
  for (std::int64_t i = 0; i < block.count; i += lanes<T>)
    hn::StoreU(F::run(hn::LoadU(Tag<T>(), reinterpret_cast<const T*>(block.in[0]) + i)), Tag<T>(),
               result<T>(block, i));
}
template <class T, class F>
void map2(const Block& block) {
  for (std::int64_t i = 0; i < block.count; i += lanes<T>)
    hn::StoreU(F::run(load<T>(block, 0, i), load<T>(block, 1, i)), Tag<T>(), result<T>(block, i));
}
template <class T, class F>
void test1(const Block& block) {
  for (std::int64_t i = 0; i < block.count; i += lanes<T>)
    store_truth<T>(F::run(hn::LoadU(Tag<T>(), reinterpret_cast<const T*>(block.in[0]) + i)),
                   result<std::uint8_t>(block, i));
}
template <class T, class F>
void test2(const Block& block) {
  for (std::int64_t i = 0; i < block.count; i += lanes<T>)
    store_truth<T>(F::run(load<T>(block, 0, i), load<T>(block, 1, i)),
                   result<std::uint8_t>(block, i));
}

// LOOP_integers<F>(type) and so on: the loop for one of the types; null for the others.
#define SERRIED_PROGRAM_LOOP(LOOP)                                  \
  template <class F>                                                \
  BlockFunction LOOP##_integers(RegisterType type) {                \
    switch (type) {                                                 \
      case RegisterType::i32:                                       \
        return &LOOP<std::int32_t, F>;                              \
      case RegisterType::i64:                                       \
        return &LOOP<std::int64_t, F>;                              \
      case RegisterType::u64:                                       \
        return &LOOP<std::uint64_t, F>;                             \
      default:                                                      \
        return nullptr;                                             \
    }                                                               \
  }                                                                 \
  template <class F>                                                \
  BlockFunction LOOP##_floats(RegisterType type) {                  \
    if (type == RegisterType::f32) return &LOOP<float, F>;          \
    if (type == RegisterType::f64) return &LOOP<double, F>;         \
    return nullptr;                                                 \
  }                                                                 \
  template <class F>                                                \
  BlockFunction LOOP##_reals(RegisterType type) {                   \
    const BlockFunction integers = LOOP##_integers<F>(type);        \
    return integers != nullptr ? integers : LOOP##_floats<F>(type); \
  }
SERRIED_PROGRAM_LOOP(map1)
SERRIED_PROGRAM_LOOP(map2)
SERRIED_PROGRAM_LOOP(test1)
SERRIED_PROGRAM_LOOP(test2)
#undef SERRIED_PROGRAM_LOOP

}  // namespace serried::host::program::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // SERRIED_HOST_PROGRAM_LANES_INL_HPP
