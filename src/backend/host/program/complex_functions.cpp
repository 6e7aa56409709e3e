#include <algorithm>
#include <cmath>
#include <complex>
#include <numbers>

#include "backend/host/highway_targets.hpp"
#include "backend/host/program/functions.hpp"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "backend/host/program/complex_functions.cpp"
#include "hwy/foreach_target.h"
// after foreach_target.h
#include "backend/host/program/complex_lanes-inl.hpp"
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace serried::host::program::HWY_NAMESPACE {

// A granule of numbers, and of complex ones by their parts. What loops do to them is exact to the
// last bit in every instruction set; their functions are those of real numbers.
struct alignas(64) Numbers {
  double at[granule];
  double& operator[](std::int64_t i) { return at[i]; }
  double operator[](std::int64_t i) const { return at[i]; }
};
struct Parts {
  Numbers re;
  Numbers im;
};

template <Op kOp>
void apply(const Numbers& x, Numbers& y) {
  static const BlockFunction function = find_elementary(kOp, RegisterType::f64);
  function({.out = reinterpret_cast<std::byte*>(y.at),
            .in = {reinterpret_cast<const std::byte*>(x.at)},
            .count = granule});
}
template <Op kOp>
void apply(const Numbers& a, const Numbers& b, Numbers& y) {
  static const BlockFunction function = find_elementary(kOp, RegisterType::f64);
  function(
      {.out = reinterpret_cast<std::byte*>(y.at),
       .in = {reinterpret_cast<const std::byte*>(a.at), reinterpret_cast<const std::byte*>(b.at)},
       .count = granule});
}
template <class F>
HWY_INLINE void each(F f) {
  for (std::int64_t i = 0; i < granule; ++i) f(i);
}

// sqrt z = t + i y / 2t with t = sqrt((|x| + |z|) / 2), or the parts exchanged on the left. Scaled
// by an even power of two where the modulus would leave the range.
void square_root(const Parts& z, Parts& w) {
  Numbers scale;
  Numbers x;
  Numbers y;
  Numbers t;
  each([&](std::int64_t i) {
    const double size = std::max(std::fabs(z.re[i]), std::fabs(z.im[i]));
    scale[i] = size > 0x1p1000 ? 0x1p-2 : size < 0x1p-900 ? 0x1p+54 : 1;
    x[i] = z.re[i] * scale[i] * scale[i];
    y[i] = z.im[i] * scale[i] * scale[i];
  });
  apply<Op::hypot>(x, y, t);
  each([&](std::int64_t i) {
    const double root = std::sqrt((std::fabs(x[i]) + t[i]) * 0.5);
    const double other = root == 0 ? 0 : std::fabs(y[i]) / (2 * root);
    const double sign = z.im[i];
    const bool is_right = !std::signbit(x[i]) || x[i] == 0;
    w.re[i] = (is_right ? root : other) / scale[i];
    w.im[i] = std::copysign((is_right ? other : root) / scale[i], sign);
  });
}

// e^x (cos y + i sin y), in two steps where e^x alone leaves the range.
void exponential(const Parts& z, Parts& w) {
  Numbers x;
  Numbers e;
  Numbers c;
  Numbers s;
  each([&](std::int64_t i) { x[i] = std::fabs(z.re[i]) > 700 ? z.re[i] * 0.5 : z.re[i]; });
  apply<Op::exp>(x, e);
  apply<Op::cos>(z.im, c);
  apply<Op::sin>(z.im, s);
  each([&](std::int64_t i) {
    const double second = std::fabs(z.re[i]) > 700 ? e[i] : 1;
    w.re[i] = e[i] * c[i] * second;
    w.im[i] = z.im[i] == 0 ? z.im[i] : e[i] * s[i] * second;
  });
}

// x^2 + y^2 - 1 for 1/2 <= x <= 2 and 0 <= y <= x, with what the roundings of its terms leave over.
double square_minus_one(double x, double y) {
  const double p = x * x;
  const double p_rest = std::fma(x, x, -p);
  const double q = y * y;
  const double q_rest = std::fma(y, y, -q);
  const double a = p - 1;
  const double a_rest = p > 2 || p < 0.5 ? (p - (a + 1)) : 0;
  const double sum = a + q;
  const double part = sum - a;
  const double sum_rest = (a - (sum - part)) + (q - part);
  return sum + (sum_rest + a_rest + p_rest + q_rest);
}

// log |z| + i atan2(y, x); near |z| = 1 as log(1 + (|z|^2 - 1)) / 2.
void logarithm(const Parts& z, Parts& w) {
  Numbers scale;
  Numbers x;
  Numbers y;
  Numbers near;
  Numbers far;
  each([&](std::int64_t i) {
    const double a = std::fabs(z.re[i]);
    const double b = std::fabs(z.im[i]);
    const double large = std::max(a, b);
    const double small = std::min(a, b);
    scale[i] = large > 0x1p1000 ? 0x1p-60 : large < 0x1p-900 ? 0x1p+160 : 1;
    x[i] = large * scale[i];
    y[i] = small * scale[i];
    near[i] = large > 0.5 && large < 1.5 ? square_minus_one(large, small) : 0;
  });
  apply<Op::log1p>(near, near);
  apply<Op::hypot>(x, y, far);
  apply<Op::log>(far, far);
  apply<Op::atan2>(z.im, z.re, y);
  each([&](std::int64_t i) {
    const double large = std::max(std::fabs(z.re[i]), std::fabs(z.im[i]));
    const double back = scale[i] == 1  ? 0
                        : scale[i] < 1 ? 60 * std::numbers::ln2
                                       : -160 * std::numbers::ln2;
    w.re[i] = large > 0.5 && large < 1.5 ? 0.5 * near[i] : far[i] + back;
    w.im[i] = y[i];
  });
}

// sinh z = sinh x cos y + i cosh x sin y, cosh z = cosh x cos y + i sinh x sin y; e^|x| / 2 in two
// steps where it is large.
template <bool kIsSinh>
void hyperbolic(const Parts& z, Parts& w) {
  Numbers x;
  Numbers sinh;
  Numbers cosh;
  Numbers e;
  Numbers c;
  Numbers s;
  each([&](std::int64_t i) {
    x[i] = std::fabs(z.re[i]) > 700 ? std::copysign(1.0, z.re[i]) : z.re[i];
    e[i] = std::fabs(z.re[i]) > 700 ? std::fabs(z.re[i]) * 0.5 : 1;
  });
  apply<Op::sinh>(x, sinh);
  apply<Op::cosh>(x, cosh);
  apply<Op::exp>(e, e);
  apply<Op::cos>(z.im, c);
  apply<Op::sin>(z.im, s);
  each([&](std::int64_t i) {
    const bool is_large = std::fabs(z.re[i]) > 700;
    const double first = kIsSinh ? sinh[i] : cosh[i];
    const double second = kIsSinh ? cosh[i] : sinh[i];
    const double half = 0.5 * e[i];
    w.re[i] = is_large ? std::copysign(half, first) * c[i] * e[i] : first * c[i];
    w.im[i] = is_large ? std::copysign(half, second) * s[i] * e[i] : second * s[i];
    if (z.im[i] == 0) w.im[i] = kIsSinh ? z.im[i] : std::copysign(1.0, z.re[i]) * z.im[i];
  });
}

// Kahan, "Branch cuts for complex elementary functions", 1987.
void hyperbolic_tangent(const Parts& z, Parts& w) {
  Numbers t;
  Numbers s;
  Numbers e;
  Numbers sin;
  Numbers cos;
  Numbers x;
  each([&](std::int64_t i) {
    x[i] = std::fabs(z.re[i]) > 20 ? 20.0 : z.re[i];
    e[i] = std::fabs(z.re[i]) * -2;
  });
  apply<Op::tan>(z.im, t);
  apply<Op::sin>(z.im, sin);
  apply<Op::cos>(z.im, cos);
  apply<Op::sinh>(x, s);
  apply<Op::exp>(e, e);
  each([&](std::int64_t i) {
    if (std::fabs(z.re[i]) > 20) {
      w.re[i] = std::copysign(1.0, z.re[i]);
      w.im[i] = z.im[i] == 0 ? z.im[i] : 4 * sin[i] * cos[i] * e[i];
      return;
    }
    const double beta = 1 + t[i] * t[i];
    const double rho = std::sqrt(1 + s[i] * s[i]);
    const double under = 1 + beta * s[i] * s[i];
    w.re[i] = beta * rho * s[i] / under;
    w.im[i] = t[i] / under;
  });
}

// Near the end of the range a quarter of z is taken, beside which 1 is nothing either; the
// logarithm that asinh then is lacks log 4.
double scale_of_roots(const Parts& z, std::int64_t i) {
  return std::max(std::fabs(z.re[i]), std::fabs(z.im[i])) > 0x1p1000 ? 0.25 : 1.0;
}
struct Roots {
  Parts minus;  // sqrt(1 - z)
  Parts plus;   // sqrt(1 + z)
};
void roots_of(const Parts& z, Roots& roots) {
  Parts one;
  each([&](std::int64_t i) {
    const double scale = scale_of_roots(z, i);
    one.re[i] = 1 - z.re[i] * scale;
    one.im[i] = -z.im[i] * scale;
  });
  square_root(one, roots.minus);
  each([&](std::int64_t i) {
    const double scale = scale_of_roots(z, i);
    one.re[i] = 1 + z.re[i] * scale;
    one.im[i] = z.im[i] * scale;
  });
  square_root(one, roots.plus);
}
void arc_height(const Parts& z, const Numbers& height, Numbers& y) {
  Numbers back;
  each([&](std::int64_t i) {
    const double missing = scale_of_roots(z, i) == 1 ? 0 : 2 * std::numbers::ln2;
    back[i] = std::copysign(missing, height[i]);
  });
  apply<Op::asinh>(height, y);
  each([&](std::int64_t i) {
    if (back[i] != 0) y[i] += back[i];
  });
}

void arc_sine(const Parts& z, Parts& w) {
  Roots r;
  roots_of(z, r);
  Numbers under;
  Numbers height;
  each([&](std::int64_t i) {
    under[i] = r.minus.re[i] * r.plus.re[i] - r.minus.im[i] * r.plus.im[i];
    height[i] = r.minus.re[i] * r.plus.im[i] - r.minus.im[i] * r.plus.re[i];
  });
  each([&](std::int64_t i) { w.re[i] = z.re[i] * scale_of_roots(z, i); });
  apply<Op::atan2>(w.re, under, w.re);
  arc_height(z, height, w.im);
}

void arc_cosine(const Parts& z, Parts& w) {
  Roots r;
  roots_of(z, r);
  Numbers height;
  each([&](std::int64_t i) {
    height[i] = r.plus.re[i] * r.minus.im[i] - r.plus.im[i] * r.minus.re[i];
  });
  apply<Op::atan2>(r.minus.re, r.plus.re, w.re);
  each([&](std::int64_t i) { w.re[i] *= 2; });
  arc_height(z, height, w.im);
}

void arc_hyperbolic_cosine(const Parts& z, Parts& w) {
  Parts one;
  Roots r;
  each([&](std::int64_t i) {
    const double scale = scale_of_roots(z, i);
    one.re[i] = z.re[i] * scale - 1;
    one.im[i] = z.im[i] * scale;
  });
  square_root(one, r.minus);
  each([&](std::int64_t i) { one.re[i] = z.re[i] * scale_of_roots(z, i) + 1; });
  square_root(one, r.plus);
  Numbers width;
  each([&](std::int64_t i) {
    width[i] = r.minus.re[i] * r.plus.re[i] + r.minus.im[i] * r.plus.im[i];
  });
  arc_height(z, width, w.re);
  apply<Op::atan2>(r.minus.im, r.plus.re, w.im);
  each([&](std::int64_t i) { w.im[i] *= 2; });
}

// log1p(4 x / ((1 - x)^2 + y^2)) / 4 + i atan2(2 y, (1 - x)(1 + x) - y^2) / 2 for x >= 0; far away
// 1/z + i pi / 2, and at x = 1 with a y whose square vanishes log(2 / y) / 2.
void arc_hyperbolic_tangent(const Parts& z, Parts& w) {
  Numbers ratio;
  Numbers above;
  Numbers under;
  Numbers angle;
  constexpr double far = 0x1p+60;
  constexpr double near = 0x1p-500;
  const auto is_far = [&](std::int64_t i) {
    return std::max(std::fabs(z.re[i]), std::fabs(z.im[i])) > far;
  };
  each([&](std::int64_t i) {
    const double x = std::fabs(z.re[i]);
    const double y = z.im[i];
    ratio[i] = 4 * x / ((1 - x) * (1 - x) + y * y);
    above[i] = 2 * y;
    under[i] = (1 - x) * (1 + x) - y * y;
    angle[i] = x == 1 && std::fabs(y) < near ? std::fabs(y) : 1;
  });
  apply<Op::log1p>(ratio, ratio);
  apply<Op::atan2>(above, under, above);
  apply<Op::log>(angle, angle);
  each([&](std::int64_t i) {
    const double x = std::fabs(z.re[i]);
    const double y = z.im[i];
    double re = ratio[i] * 0.25;
    double im = above[i] * 0.5;
    if (is_far(i)) {
      // x / (x^2 + y^2), with a quotient below 1
      const double large = std::max(x, std::fabs(y));
      const double small = std::min(x, std::fabs(y)) / large;
      re = x / large / large / (1 + small * small);
      im = std::copysign(std::numbers::pi / 2, y);
    } else if (x == 1 && std::fabs(y) < near) {
      re = 0.5 * (std::numbers::ln2 - angle[i]);
    }
    w.re[i] = std::copysign(re, z.re[i]);
    w.im[i] = im;
  });
}

// f(z) = -i g(i z): sin of sinh, tan of tanh, atan of atanh; and asinh of asin by f(z) = i g(-i z).
template <auto kFunction, bool kIsInverse = false>
void turned(const Parts& z, Parts& w) {
  Parts iz;
  each([&](std::int64_t i) {
    iz.re[i] = kIsInverse ? z.im[i] : -z.im[i];
    iz.im[i] = kIsInverse ? -z.re[i] : z.re[i];
  });
  Parts v;
  kFunction(iz, v);
  each([&](std::int64_t i) {
    w.re[i] = kIsInverse ? -v.im[i] : v.im[i];
    w.im[i] = kIsInverse ? v.re[i] : -v.re[i];
  });
}
void cosine(const Parts& z, Parts& w) {
  Parts iz;
  each([&](std::int64_t i) {
    iz.re[i] = -z.im[i];
    iz.im[i] = z.re[i];
  });
  hyperbolic<false>(iz, w);
}

using PartsFunction = void (*)(const Parts& z, Parts& w);
using Whole = std::complex<double>;
using WholeFunction = Whole (*)(const Whole& z);

template <class T>
HWY_INLINE void read_parts(const Block& block, int k, std::int64_t at, Parts& z) {
  for (std::int64_t j = 0; j < granule; j += lanes<double>) {
    const Complex value = load_complex<T>(block, k, at + j);
    hn::Store(value.re, doubles, z.re.at + j);
    hn::Store(value.im, doubles, z.im.at + j);
  }
}
template <class T>
HWY_INLINE void write_parts(const Parts& w, std::int64_t at, const Block& block) {
  for (std::int64_t j = 0; j < granule; j += lanes<double>)
    store_complex<T>({hn::Load(doubles, w.re.at + j), hn::Load(doubles, w.im.at + j)},
                     result<T>(block, 2 * (at + j)));
}

// The values for infinite and NaN parts are those of C (Annex G), from its library: constants.
template <class T, PartsFunction kFunction, WholeFunction kSpecial>
void of_complex(const Block& block) {
  Parts z;
  Parts w;
  for (std::int64_t at = 0; at < block.count; at += granule) {
    read_parts<T>(block, 0, at, z);
    kFunction(z, w);
    each([&](std::int64_t i) {
      if (std::isfinite(z.re[i]) && std::isfinite(z.im[i])) return;
      const Whole special = kSpecial({z.re[i], z.im[i]});
      w.re[i] = special.real();
      w.im[i] = special.imag();
    });
    write_parts<T>(w, at, block);
  }
}

// As NumPy: by multiplications for small whole exponents, else e^(b log a).
Whole multiplied(Whole a, Whole b) {
  return {a.real() * b.real() - a.imag() * b.imag(), a.real() * b.imag() + a.imag() * b.real()};
}
Whole whole_power(Whole base, int exponent) {
  Whole power{1, 0};
  for (int rest = std::abs(exponent); rest != 0; rest >>= 1) {
    if ((rest & 1) != 0) power = multiplied(power, base);
    base = multiplied(base, base);
  }
  return power;
}

template <class T>
void power(const Block& block) {
  Parts a;
  Parts b;
  Parts w;
  Parts reciprocal;
  constexpr double not_a_number = std::numeric_limits<double>::quiet_NaN();
  for (std::int64_t at = 0; at < block.count; at += granule) {
    read_parts<T>(block, 0, at, a);
    read_parts<T>(block, 1, at, b);
    logarithm(a, w);
    each([&](std::int64_t i) {
      const Whole product = multiplied({b.re[i], b.im[i]}, {w.re[i], w.im[i]});
      w.re[i] = product.real();
      w.im[i] = product.imag();
    });
    Parts e;
    exponential(w, e);
    each([&](std::int64_t i) {
      const Whole base(a.re[i], a.im[i]);
      const double n = b.re[i];
      reciprocal.re[i] = 1;
      reciprocal.im[i] = 0;
      if (n == 0 && b.im[i] == 0) {
        e.re[i] = 1;
        e.im[i] = 0;
      } else if (base.real() == 0 && base.imag() == 0) {
        const bool is_zero = n > 0 && b.im[i] == 0;
        e.re[i] = e.im[i] = is_zero ? 0 : not_a_number;
      } else if (b.im[i] == 0 && n == std::trunc(n) && std::fabs(n) < 100) {
        const Whole value = whole_power(base, static_cast<int>(n));
        (n > 0 ? e.re[i] : reciprocal.re[i]) = value.real();
        (n > 0 ? e.im[i] : reciprocal.im[i]) = value.imag();
        if (n < 0) {
          e.re[i] = 1;
          e.im[i] = 0;
        }
      }
    });
    for (std::int64_t j = 0; j < granule; j += lanes<double>) {
      const Complex value{hn::Load(doubles, e.re.at + j), hn::Load(doubles, e.im.at + j)};
      const Complex under{hn::Load(doubles, reciprocal.re.at + j),
                          hn::Load(doubles, reciprocal.im.at + j)};
      const auto is_one = hn::Eq(under.re, hn::Set(doubles, 1.0));
      const auto is_real = hn::Eq(under.im, hn::Zero(doubles));
      const auto stays = hn::And(is_one, is_real);
      const Complex quotient = DivideComplex::run(value, under);
      store_complex<T>({hn::IfThenElse(stays, value.re, quotient.re),
                        hn::IfThenElse(stays, value.im, quotient.im)},
                       result<T>(block, 2 * (at + j)));
    }
  }
}

template <class T>
BlockFunction functions_of_complex(Op op) {
  switch (op) {
    case Op::square_root:
      return &of_complex<T, square_root, std::sqrt<double>>;
    case Op::exp:
      return &of_complex<T, exponential, std::exp<double>>;
    case Op::log:
      return &of_complex<T, logarithm, std::log<double>>;
    case Op::sin:
      return &of_complex<T, turned<hyperbolic<true>>, std::sin<double>>;
    case Op::cos:
      return &of_complex<T, cosine, std::cos<double>>;
    case Op::tan:
      return &of_complex<T, turned<hyperbolic_tangent>, std::tan<double>>;
    case Op::asin:
      return &of_complex<T, arc_sine, std::asin<double>>;
    case Op::acos:
      return &of_complex<T, arc_cosine, std::acos<double>>;
    case Op::atan:
      return &of_complex<T, turned<arc_hyperbolic_tangent>, std::atan<double>>;
    case Op::sinh:
      return &of_complex<T, hyperbolic<true>, std::sinh<double>>;
    case Op::cosh:
      return &of_complex<T, hyperbolic<false>, std::cosh<double>>;
    case Op::tanh:
      return &of_complex<T, hyperbolic_tangent, std::tanh<double>>;
    case Op::asinh:
      return &of_complex<T, turned<arc_sine, true>, std::asinh<double>>;
    case Op::acosh:
      return &of_complex<T, arc_hyperbolic_cosine, std::acosh<double>>;
    case Op::atanh:
      return &of_complex<T, arc_hyperbolic_tangent, std::atanh<double>>;
    case Op::power:
      return &power<T>;
    default:
      return nullptr;
  }
}

BlockFunction complex_function_of(Op op, RegisterType type) {
  if (type == RegisterType::c64) return functions_of_complex<float>(op);
  if (type == RegisterType::c128) return functions_of_complex<double>(op);
  return nullptr;
}

}  // namespace serried::host::program::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace serried::host::program {

HWY_EXPORT(complex_function_of);

BlockFunction find_complex_function(Op op, RegisterType type) {
  return HWY_DYNAMIC_DISPATCH(complex_function_of)(op, type);
}

}  // namespace serried::host::program
#endif  // HWY_ONCE
