#include "backend/host/program/elementary.hpp"

#include "backend/host/highway_targets.hpp"
#include "backend/host/program/functions.hpp"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "backend/host/program/elementary.cpp"
#include "hwy/foreach_target.h"
// after foreach_target.h
#include "backend/host/program/lanes-inl.hpp"
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace serried::host::program::HWY_NAMESPACE {

struct SquareRoot {
  template <class V>
  static HWY_INLINE V run(V a) {
    return hn::Sqrt(a);
  }
};

const ElementaryPair* sleef_functions() {
#if HWY_TARGET == HWY_AVX3
  return elementary_avx512;
#else
  return elementary_avx2;
#endif
}

BlockFunction elementary_of(Op op, RegisterType type) {
  if (op == Op::square_root) return map1_floats<SquareRoot>(type);
  constexpr Op listed[] = {
#define SERRIED_ELEMENTARY_1(OP, NAME, ULP) Op::OP,
#define SERRIED_ELEMENTARY_2(OP, NAME, ULP) Op::OP,
#include "backend/host/program/elementary_list.hpp"
#undef SERRIED_ELEMENTARY_1
#undef SERRIED_ELEMENTARY_2
  };
  for (std::size_t i = 0; i < std::size(listed); ++i) {
    if (listed[i] != op) continue;
    if (type == RegisterType::f32) return sleef_functions()[i].f32;
    if (type == RegisterType::f64) return sleef_functions()[i].f64;
  }
  return nullptr;
}

}  // namespace serried::host::program::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace serried::host::program {

HWY_EXPORT(elementary_of);

BlockFunction find_elementary(Op op, RegisterType type) {
  return HWY_DYNAMIC_DISPATCH(elementary_of)(op, type);
}

}  // namespace serried::host::program
#endif  // HWY_ONCE
