#include "serried/expr/functions.hpp"

#include <cmath>
#include <limits>
#include <numbers>
#include <string>

#include "base/checked_axis.hpp"
#include "expr/build.hpp"
#include "expr/node.hpp"
#include "expr/promotion.hpp"
#include "serried/base/error.hpp"

namespace serried {
namespace {

using detail::make_apply;

[[noreturn]] void refuse(const std::string& what, const Expr& x) {
  throw InvalidArgument(what + " is not defined for dtype " + std::string(name(x.dtype())));
}

/// A function of floating numbers; of complex ones too where its instruction takes them.
Expr of_floating(Op op, const Expr& x) {
  const DType dtype = floating_type(x.dtype());
  const bool takes_complex = (info(op).types >> static_cast<int>(RegisterType::c128) & 1) != 0;
  if (is_complex(dtype) && !takes_complex) refuse(std::string(info(op).name), x);
  return make_apply(op, dtype, {in_type(x, dtype)});
}

/// The floating dtype of both; integers are taken for numbers of their own floating dtypes.
DType floating_type(const Expr& a, const Expr& b) {
  if (a.is_weak() != b.is_weak()) return floating_type(promote(a, b));
  return promote(floating_type(a.dtype()), floating_type(b.dtype()));
}

Expr of_two_floating(Op op, const Expr& a, const Expr& b) {
  const DType dtype = floating_type(a, b);
  if (is_complex(dtype)) refuse(std::string(info(op).name), is_complex(a.dtype()) ? a : b);
  return make_apply(op, dtype, {in_type(a, dtype), in_type(b, dtype)});
}

/// x times a factor, which f16 would round too much.
Expr scaled(const Expr& x, double factor) {
  const DType dtype = floating_type(x.dtype());
  if (dtype != DType::f16) return in_type(x, dtype) * Expr(factor);
  return in_type(in_type(x, DType::f32) * Expr(factor), dtype);
}

bool is_whole(const Expr& x) {
  return is_integer(x.dtype()) || x.dtype() == DType::b8;
}

/// Rounding, which leaves whole numbers alone.
Expr rounded(Op op, const Expr& x) {
  if (is_complex(x.dtype())) refuse(std::string(info(op).name), x);
  return is_whole(x) ? x : make_apply(op, x.dtype(), {x});
}

Expr extremum(Op op, const Expr& a, const Expr& b) {
  const DType dtype = promote(a, b);
  if (is_complex(dtype)) refuse(std::string(info(op).name), is_complex(a.dtype()) ? a : b);
  if (dtype == DType::b8) return op == Op::minimum ? a & b : a | b;
  return make_apply(op, dtype, {in_type(a, dtype), in_type(b, dtype)});
}

/// Whether each number is of a kind; whole numbers are never NaN or infinite.
Expr test(Op op, const Expr& x, bool of_whole) {
  if (is_whole(x)) return of_whole ? x == x : x != x;
  return make_apply(op, DType::b8, {x});
}

/// In arithmetic that NumPy does not do in truth values they are i8.
Expr number_of_truth(const Expr& x) {
  return x.dtype() == DType::b8 ? cast(x, DType::i8) : x;
}

}  // namespace

Expr sqrt(const Expr& x) {
  return of_floating(Op::square_root, x);
}
Expr cbrt(const Expr& x) {
  return of_floating(Op::cube_root, x);
}
Expr exp(const Expr& x) {
  return of_floating(Op::exp, x);
}
Expr exp2(const Expr& x) {
  return of_floating(Op::exp2, x);
}
Expr expm1(const Expr& x) {
  return of_floating(Op::expm1, x);
}
Expr log(const Expr& x) {
  return of_floating(Op::log, x);
}
Expr log2(const Expr& x) {
  return of_floating(Op::log2, x);
}
Expr log10(const Expr& x) {
  return of_floating(Op::log10, x);
}
Expr log1p(const Expr& x) {
  return of_floating(Op::log1p, x);
}
Expr sin(const Expr& x) {
  return of_floating(Op::sin, x);
}
Expr cos(const Expr& x) {
  return of_floating(Op::cos, x);
}
Expr tan(const Expr& x) {
  return of_floating(Op::tan, x);
}
Expr asin(const Expr& x) {
  return of_floating(Op::asin, x);
}
Expr acos(const Expr& x) {
  return of_floating(Op::acos, x);
}
Expr atan(const Expr& x) {
  return of_floating(Op::atan, x);
}
Expr sinh(const Expr& x) {
  return of_floating(Op::sinh, x);
}
Expr cosh(const Expr& x) {
  return of_floating(Op::cosh, x);
}
Expr tanh(const Expr& x) {
  return of_floating(Op::tanh, x);
}
Expr asinh(const Expr& x) {
  return of_floating(Op::asinh, x);
}
Expr acosh(const Expr& x) {
  return of_floating(Op::acosh, x);
}
Expr atanh(const Expr& x) {
  return of_floating(Op::atanh, x);
}
Expr erf(const Expr& x) {
  return of_floating(Op::erf, x);
}
Expr erfc(const Expr& x) {
  return of_floating(Op::erfc, x);
}
Expr gamma(const Expr& x) {
  return of_floating(Op::gamma, x);
}
Expr log_gamma(const Expr& x) {
  return of_floating(Op::log_gamma, x);
}
Expr atan2(const Expr& y, const Expr& x) {
  return of_two_floating(Op::atan2, y, x);
}
Expr hypot(const Expr& x, const Expr& y) {
  return of_two_floating(Op::hypot, x, y);
}
Expr copysign(const Expr& x, const Expr& sign) {
  return of_two_floating(Op::copy_sign, x, sign);
}
Expr nextafter(const Expr& x, const Expr& towards) {
  const DType dtype = floating_type(x, towards);
  if (dtype == DType::f16) throw InvalidArgument("nextafter is not defined for dtype f16");
  return of_two_floating(Op::next_after, x, towards);
}
Expr ldexp(const Expr& x, const Expr& exponent) {
  if (!is_whole(exponent)) refuse("ldexp with an exponent", exponent);
  const DType dtype = floating_type(x.dtype());
  if (is_complex(dtype)) refuse("ldexp", x);
  // beyond these no number is another one; narrow dtypes hold none that is beyond
  Expr by = exponent;
  if (by.dtype() == DType::u32 || by.dtype() == DType::u64)
    by = minimum(by, 5000);
  else if (by.dtype() == DType::i32 || by.dtype() == DType::i64)
    by = clip(by, -5000, 5000);
  return make_apply(Op::load_exponent, dtype, {in_type(x, dtype), in_type(by, DType::i32)});
}
Expr degrees(const Expr& x) {
  if (is_complex(x.dtype())) refuse("degrees", x);
  return scaled(x, 180 / std::numbers::pi);
}
Expr radians(const Expr& x) {
  if (is_complex(x.dtype())) refuse("radians", x);
  return scaled(x, std::numbers::pi / 180);
}

Expr floor(const Expr& x) {
  return rounded(Op::floor, x);
}
Expr ceil(const Expr& x) {
  return rounded(Op::ceil, x);
}
Expr trunc(const Expr& x) {
  return rounded(Op::truncate, x);
}
Expr round(const Expr& x) {
  return rounded(Op::round, x);
}

Expr round(const Expr& x, int decimals) {
  if (decimals == 0 || (is_whole(x) && decimals > 0)) return round(x);
  if (is_whole(x)) throw InvalidArgument("round of integers to negative decimals is not supported");
  if (decimals < -300 || decimals > 300)
    throw InvalidArgument("round to " + std::to_string(decimals) + " decimals");
  const Expr scale(std::pow(10.0, std::abs(decimals)));
  return decimals > 0 ? round(x * scale) / scale : round(x / scale) * scale;
}

Expr abs(const Expr& x) {
  if (is_complex(x.dtype())) return make_apply(Op::magnitude, part_type(x.dtype()), {x});
  if (x.dtype() == DType::b8) return x;
  return make_apply(Op::absolute, x.dtype(), {x});
}

Expr sign(const Expr& x) {
  if (x.dtype() == DType::b8) refuse("sign", x);
  if (is_complex(x.dtype())) return where(x == Expr(0), Expr(0), x / abs(x));
  return make_apply(Op::sign, x.dtype(), {x});
}

Expr square(const Expr& x) {
  const Expr number = number_of_truth(x);
  return number * number;
}

Expr reciprocal(const Expr& x) {
  return Expr(1) / x;
}

Expr minimum(const Expr& a, const Expr& b) {
  return extremum(Op::minimum, a, b);
}
Expr maximum(const Expr& a, const Expr& b) {
  return extremum(Op::maximum, a, b);
}
Expr fmin(const Expr& a, const Expr& b) {
  return extremum(is_floating(promote(a, b)) ? Op::fmin : Op::minimum, a, b);
}
Expr fmax(const Expr& a, const Expr& b) {
  return extremum(is_floating(promote(a, b)) ? Op::fmax : Op::maximum, a, b);
}
Expr clip(const Expr& x, const Expr& low, const Expr& high) {
  return minimum(maximum(x, low), high);
}

Expr isnan(const Expr& x) {
  return test(Op::is_nan, x, false);
}
Expr isinf(const Expr& x) {
  return test(Op::is_infinite, x, false);
}
Expr isfinite(const Expr& x) {
  return test(Op::is_finite, x, true);
}
Expr signbit(const Expr& x) {
  if (is_complex(x.dtype())) refuse("signbit", x);
  return is_whole(x) ? x < Expr(0) : make_apply(Op::sign_bit, DType::b8, {x});
}

Expr isclose(const Expr& x, const Expr& y, double rtol, double atol) {
  const DType dtype = floating_type(promote(x, y));
  const Expr a = in_type(x, dtype);
  const Expr b = in_type(y, dtype);
  return (isfinite(b) && abs(a - b) <= Expr(atol) + Expr(rtol) * abs(b)) || a == b;
}

Expr where(const Expr& condition, const Expr& a, const Expr& b) {
  const DType dtype = promote(a, b);
  return make_apply(Op::select, dtype,
                    {in_type(condition, DType::b8), in_type(a, dtype), in_type(b, dtype)});
}

Expr real(const Expr& z) {
  return is_complex(z.dtype()) ? make_apply(Op::real, part_type(z.dtype()), {z}) : z;
}
Expr imag(const Expr& z) {
  if (is_complex(z.dtype())) return make_apply(Op::imaginary, part_type(z.dtype()), {z});
  const Expr zero = in_type(Expr(0), z.dtype());
  return make_apply(Op::select, z.dtype(), {isnan(z) && Expr(false), z, zero});
}
Expr conj(const Expr& z) {
  return is_complex(z.dtype()) ? make_apply(Op::conjugate, z.dtype(), {z}) : number_of_truth(z);
}
Expr angle(const Expr& z) {
  if (is_complex(z.dtype())) return make_apply(Op::phase, part_type(z.dtype()), {z});
  const DType dtype = floating_type(z.dtype());
  return atan2(in_type(Expr(0), dtype), in_type(z, dtype));
}
Expr make_complex(const Expr& re, const Expr& im) {
  const DType both = floating_type(re, im);
  if (is_complex(both)) refuse("complex", is_complex(re.dtype()) ? re : im);
  const DType part = both == DType::f64 ? DType::f64 : DType::f32;
  return make_apply(Op::make_complex, complex_type_of(part),
                    {in_type(re, part), in_type(im, part)});
}

Expr cast(const Expr& x, DType dtype) {
  if (dtype > DType::c128)
    throw InvalidArgument("an expression has no elements of dtype " + std::string(name(dtype)));
  if (is_complex(x.dtype()) && !is_complex(dtype) && dtype != DType::b8)
    throw InvalidArgument("complex numbers cannot be converted to " + std::string(name(dtype)) +
                          "; take real(z), imag(z) or abs(z)");
  return detail::make_convert(x, dtype, false);
}

Expr index(const Expr& x, int axis) {
  auto node = std::make_shared<detail::ExprNode>();
  node->kind = detail::ExprNode::Kind::position;
  node->dtype = DType::i64;
  node->axis = checked_axis(x.shape(), axis);
  Shape shape = x.shape();
  for (int i = 0; i < shape.dimensions(); ++i)
    if (i != node->axis) shape = shape.with_extent(i, 1);
  node->shape = shape;
  return Expr(std::move(node));
}

Expr is_null(const Expr& x) {
  if (!x.is_nullable()) return isnan(x) && Expr(false);
  auto node = std::make_shared<detail::ExprNode>();
  node->kind = detail::ExprNode::Kind::is_null;
  node->dtype = DType::b8;
  node->shape = x.shape();
  node->in = {x.node()};
  node->level = x.node()->level;
  return Expr(std::move(node));
}

Expr fill_null(const Expr& x, const Expr& otherwise) {
  if (!x.is_nullable()) return where(Expr(true), x, otherwise);
  const DType dtype = promote(x, otherwise);
  return detail::make_fill_null(in_type(x, dtype), in_type(otherwise, dtype));
}

}  // namespace serried
