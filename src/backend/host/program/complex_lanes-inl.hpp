// Vectors of complex numbers: c64 is computed with as c128 and rounded. Included once for each
// instruction level.
#if defined(SERRIED_HOST_PROGRAM_COMPLEX_LANES_INL_HPP) == defined(HWY_TARGET_TOGGLE)
#ifdef SERRIED_HOST_PROGRAM_COMPLEX_LANES_INL_HPP
#undef SERRIED_HOST_PROGRAM_COMPLEX_LANES_INL_HPP
#else
#define SERRIED_HOST_PROGRAM_COMPLEX_LANES_INL_HPP
#endif

#include <limits>

#include "backend/host/program/lanes-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace serried::host::program::HWY_NAMESPACE {

using Doubles = Tag<double>;
using DoubleVec = Vector<double>;
inline constexpr Doubles doubles;

struct Complex {
  DoubleVec re;
  DoubleVec im;
};

// T is the type of the parts.
template <class T>
HWY_INLINE DoubleVec load_part(const T* from) {
  if constexpr (sizeof(T) == 8)
    return hn::LoadU(doubles, from);
  else
    return hn::PromoteTo(doubles, hn::LoadU(hn::Rebind<float, Doubles>(), from));
}
template <class T>
HWY_INLINE Complex load_complex(const T* from) {
  if constexpr (sizeof(T) == 8) {
    Complex z;
    hn::LoadInterleaved2(doubles, from, z.re, z.im);
    return z;
  } else {
    const hn::Rebind<float, Doubles> narrow;
    hn::Vec<decltype(narrow)> re;
    hn::Vec<decltype(narrow)> im;
    hn::LoadInterleaved2(narrow, from, re, im);
    return {hn::PromoteTo(doubles, re), hn::PromoteTo(doubles, im)};
  }
}
template <class T>
HWY_INLINE Complex load_complex(const Block& block, int k, std::int64_t i) {
  return load_complex(operand<T>(block, k, 2 * i));
}

// A NaN is the quiet one without a sign.
HWY_INLINE DoubleVec with_plain_nan(DoubleVec value) {
  return hn::IfThenElse(hn::IsNaN(value),
                        hn::Set(doubles, std::numeric_limits<double>::quiet_NaN()), value);
}
template <class T>
HWY_INLINE void store_part(DoubleVec value, T* to) {
  value = with_plain_nan(value);
  if constexpr (sizeof(T) == 8) {
    hn::StoreU(value, doubles, to);
  } else {
    const hn::Rebind<float, Doubles> narrow;
    hn::StoreU(hn::DemoteTo(narrow, value), narrow, to);
  }
}
template <class T>
HWY_INLINE void store_complex(Complex z, T* to) {
  z = {with_plain_nan(z.re), with_plain_nan(z.im)};
  if constexpr (sizeof(T) == 8) {
    hn::StoreInterleaved2(z.re, z.im, doubles, to);
  } else {
    const hn::Rebind<float, Doubles> narrow;
    hn::StoreInterleaved2(hn::DemoteTo(narrow, z.re), hn::DemoteTo(narrow, z.im), narrow, to);
  }
}

struct MultiplyComplex {
  static HWY_INLINE Complex run(Complex a, Complex b) {
    return {hn::Sub(hn::Mul(a.re, b.re), hn::Mul(a.im, b.im)),
            hn::Add(hn::Mul(a.re, b.im), hn::Mul(a.im, b.re))};
  }
};

// Smith's method (Algorithm 116, 1962), and as NumPy for a divisor of 0.
struct DivideComplex {
  static HWY_INLINE Complex run(Complex a, Complex b) {
    const auto sign = hn::SignBit(doubles);
    const DoubleVec size_re = hn::AndNot(sign, b.re);
    const DoubleVec size_im = hn::AndNot(sign, b.im);
    const auto is_re_larger = hn::Ge(size_re, size_im);
    const DoubleVec larger = hn::IfThenElse(is_re_larger, b.re, b.im);
    const DoubleVec smaller = hn::IfThenElse(is_re_larger, b.im, b.re);
    const DoubleVec ratio = hn::Div(smaller, larger);
    const DoubleVec scale =
        hn::Div(hn::Set(doubles, 1.0), hn::Add(larger, hn::Mul(smaller, ratio)));
    const DoubleVec re_re = hn::IfThenElse(is_re_larger, a.re, hn::Mul(a.re, ratio));
    const DoubleVec re_im = hn::IfThenElse(is_re_larger, hn::Mul(a.im, ratio), a.im);
    const DoubleVec im_im = hn::IfThenElse(is_re_larger, a.im, hn::Mul(a.im, ratio));
    const DoubleVec im_re = hn::IfThenElse(is_re_larger, hn::Mul(a.re, ratio), a.re);
    const auto is_zero =
        hn::And(hn::Eq(size_re, hn::Zero(doubles)), hn::Eq(size_im, hn::Zero(doubles)));
    return {hn::IfThenElse(is_zero, hn::Div(a.re, size_re), hn::Mul(hn::Add(re_re, re_im), scale)),
            hn::IfThenElse(is_zero, hn::Div(a.im, size_re), hn::Mul(hn::Sub(im_im, im_re), scale))};
  }
};

}  // namespace serried::host::program::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // SERRIED_HOST_PROGRAM_COMPLEX_LANES_INL_HPP
