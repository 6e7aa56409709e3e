#include "backend/host/highway_targets.hpp"
#include "backend/host/program/functions.hpp"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "backend/host/program/complex.cpp"
#include "hwy/foreach_target.h"
// after foreach_target.h
#include "backend/host/program/complex_lanes-inl.hpp"
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace serried::host::program::HWY_NAMESPACE {

constexpr std::int64_t step = lanes<double>;

struct AddComplex {
  static HWY_INLINE Complex run(Complex a, Complex b) {
    return {hn::Add(a.re, b.re), hn::Add(a.im, b.im)};
  }
};
struct SubtractComplex {
  static HWY_INLINE Complex run(Complex a, Complex b) {
    return {hn::Sub(a.re, b.re), hn::Sub(a.im, b.im)};
  }
};
struct NegateComplex {
  static HWY_INLINE Complex run(Complex a) { return {hn::Neg(a.re), hn::Neg(a.im)}; }
};
struct Conjugate {
  static HWY_INLINE Complex run(Complex a) { return {a.re, hn::Neg(a.im)}; }
};

template <class T, class F>
void complex1(const Block& block) {
  for (std::int64_t i = 0; i < block.count; i += step)
    store_complex(F::run(load_complex<T>(block, 0, i)), result<T>(block, 2 * i));
}
template <class T, class F>
void complex2(const Block& block) {
  for (std::int64_t i = 0; i < block.count; i += step)
    store_complex(F::run(load_complex<T>(block, 0, i), load_complex<T>(block, 1, i)),
                  result<T>(block, 2 * i));
}
template <class T, class F>
void complex_test1(const Block& block) {
  for (std::int64_t i = 0; i < block.count; i += step)
    store_truth<double>(F::run(load_complex<T>(block, 0, i)), result<std::uint8_t>(block, i));
}
template <class T, class F>
void complex_test2(const Block& block) {
  for (std::int64_t i = 0; i < block.count; i += step)
    store_truth<double>(F::run(load_complex<T>(block, 0, i), load_complex<T>(block, 1, i)),
                        result<std::uint8_t>(block, i));
}

struct EqualComplex {
  static HWY_INLINE auto run(Complex a, Complex b) {
    return hn::And(hn::Eq(a.re, b.re), hn::Eq(a.im, b.im));
  }
};
struct NotEqualComplex {
  static HWY_INLINE auto run(Complex a, Complex b) { return hn::Not(EqualComplex::run(a, b)); }
};
HWY_INLINE DoubleVec size_of_part(DoubleVec part) {
  return hn::AndNot(hn::SignBit(doubles), part);
}
struct IsNanComplex {
  static HWY_INLINE auto run(Complex a) { return hn::Or(hn::IsNaN(a.re), hn::IsNaN(a.im)); }
};
struct IsInfiniteComplex {
  static HWY_INLINE auto run(Complex a) {
    const DoubleVec infinity = hn::Set(doubles, std::numeric_limits<double>::infinity());
    return hn::Or(hn::Eq(size_of_part(a.re), infinity), hn::Eq(size_of_part(a.im), infinity));
  }
};
struct IsFiniteComplex {
  static HWY_INLINE auto run(Complex a) {
    const DoubleVec infinity = hn::Set(doubles, std::numeric_limits<double>::infinity());
    return hn::And(hn::Lt(size_of_part(a.re), infinity), hn::Lt(size_of_part(a.im), infinity));
  }
};

// Parts are taken and put together as they are.
template <class T, int kPart>
void take_part(const Block& block) {
  const auto* from = reinterpret_cast<const T*>(block.in[0]);
  for (std::int64_t i = 0; i < block.count; ++i) *result<T>(block, i) = from[2 * i + kPart];
}
template <class T>
void make_complex(const Block& block) {
  for (std::int64_t i = 0; i < block.count; ++i) {
    const T re = *operand<T>(block, 0, i);
    const T im = *operand<T>(block, 1, i);
    *result<T>(block, 2 * i) = re;
    *result<T>(block, 2 * i + 1) = im;
  }
}

// A real function of both parts, a granule at a time: hypot(re, im) and atan2(im, re).
template <class T, Op kOp>
void of_parts(const Block& block) {
  const BlockFunction function = find_elementary(kOp, RegisterType::f64);
  for (std::int64_t i = 0; i < block.count; i += granule) {
    alignas(64) double re[granule];
    alignas(64) double im[granule];
    for (std::int64_t j = 0; j < granule; j += step) {
      const Complex z = load_complex(operand<T>(block, 0, 2 * (i + j)));
      hn::Store(z.re, doubles, re + j);
      hn::Store(z.im, doubles, im + j);
    }
    function({.out = reinterpret_cast<std::byte*>(re),
              .in = {reinterpret_cast<const std::byte*>(im), reinterpret_cast<std::byte*>(re)},
              .count = granule});
    for (std::int64_t j = 0; j < granule; j += step)
      store_part(hn::Load(doubles, re + j), result<T>(block, i + j));
  }
}

template <class T>
BlockFunction complex_functions_of(Op op) {
  switch (op) {
    case Op::add:
      return &complex2<T, AddComplex>;
    case Op::subtract:
      return &complex2<T, SubtractComplex>;
    case Op::multiply:
      return &complex2<T, MultiplyComplex>;
    case Op::divide:
      return &complex2<T, DivideComplex>;
    case Op::negate:
      return &complex1<T, NegateComplex>;
    case Op::conjugate:
      return &complex1<T, Conjugate>;
    case Op::equal:
      return &complex_test2<T, EqualComplex>;
    case Op::not_equal:
      return &complex_test2<T, NotEqualComplex>;
    case Op::is_nan:
      return &complex_test1<T, IsNanComplex>;
    case Op::is_infinite:
      return &complex_test1<T, IsInfiniteComplex>;
    case Op::is_finite:
      return &complex_test1<T, IsFiniteComplex>;
    case Op::real:
      return &take_part<T, 0>;
    case Op::imaginary:
      return &take_part<T, 1>;
    case Op::magnitude:
      return &of_parts<T, Op::hypot>;
    case Op::phase:
      return &of_parts<T, Op::atan2>;
    default:
      return nullptr;
  }
}

BlockFunction complex_of(Op op, RegisterType type) {
  if (op == Op::make_complex)
    return type == RegisterType::f32 ? &make_complex<float> : &make_complex<double>;
  if (type == RegisterType::c64) return complex_functions_of<float>(op);
  if (type == RegisterType::c128) return complex_functions_of<double>(op);
  return nullptr;
}

}  // namespace serried::host::program::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace serried::host::program {

HWY_EXPORT(complex_of);

BlockFunction find_complex(Op op, RegisterType type) {
  return HWY_DYNAMIC_DISPATCH(complex_of)(op, type);
}

}  // namespace serried::host::program
#endif  // HWY_ONCE
