#pragma once

#include "serried/base/api.hpp"
#include "serried/base/dtype.hpp"
#include "serried/expr/expr.hpp"

/// Elementwise functions of expressions, as NumPy's and SciPy's of the same name (the C names of
/// the inverse functions: asin is numpy.arcsin). Functions of real numbers compute integers in the
/// floating dtype that NumPy takes: f16 of 8 bits, f32 of 16 bits, else f64; "(complex)" marks
/// those that take complex numbers too. docs/expressions.md tells their accuracy. All are Local.
/// @throws InvalidArgument where shapes cannot be broadcast, or a function does not take the dtype.
namespace SERRIED_API serried {

[[nodiscard]] Expr sqrt(const Expr& x);  ///< (complex)
[[nodiscard]] Expr cbrt(const Expr& x);
[[nodiscard]] Expr exp(const Expr& x);  ///< (complex)
[[nodiscard]] Expr exp2(const Expr& x);
[[nodiscard]] Expr expm1(const Expr& x);
[[nodiscard]] Expr log(const Expr& x);  ///< (complex)
[[nodiscard]] Expr log2(const Expr& x);
[[nodiscard]] Expr log10(const Expr& x);
[[nodiscard]] Expr log1p(const Expr& x);
[[nodiscard]] Expr sin(const Expr& x);    ///< (complex)
[[nodiscard]] Expr cos(const Expr& x);    ///< (complex)
[[nodiscard]] Expr tan(const Expr& x);    ///< (complex)
[[nodiscard]] Expr asin(const Expr& x);   ///< (complex)
[[nodiscard]] Expr acos(const Expr& x);   ///< (complex)
[[nodiscard]] Expr atan(const Expr& x);   ///< (complex)
[[nodiscard]] Expr sinh(const Expr& x);   ///< (complex)
[[nodiscard]] Expr cosh(const Expr& x);   ///< (complex)
[[nodiscard]] Expr tanh(const Expr& x);   ///< (complex)
[[nodiscard]] Expr asinh(const Expr& x);  ///< (complex)
[[nodiscard]] Expr acosh(const Expr& x);  ///< (complex)
[[nodiscard]] Expr atanh(const Expr& x);  ///< (complex)
[[nodiscard]] Expr erf(const Expr& x);
[[nodiscard]] Expr erfc(const Expr& x);
[[nodiscard]] Expr gamma(const Expr& x);
[[nodiscard]] Expr log_gamma(const Expr& x);  ///< log |gamma(x)|, scipy.special.gammaln
[[nodiscard]] Expr atan2(const Expr& y, const Expr& x);
[[nodiscard]] Expr hypot(const Expr& x, const Expr& y);
[[nodiscard]] Expr copysign(const Expr& x, const Expr& sign);
[[nodiscard]] Expr nextafter(const Expr& x, const Expr& towards);
[[nodiscard]] Expr ldexp(const Expr& x, const Expr& exponent);  ///< x 2^exponent
[[nodiscard]] Expr degrees(const Expr& x);
[[nodiscard]] Expr radians(const Expr& x);

[[nodiscard]] Expr floor(const Expr& x);  ///< integers stay as they are; so for the next four
[[nodiscard]] Expr ceil(const Expr& x);
[[nodiscard]] Expr trunc(const Expr& x);
[[nodiscard]] Expr round(const Expr& x);                ///< half to even
[[nodiscard]] Expr round(const Expr& x, int decimals);  ///< round(x 10^decimals) / 10^decimals
[[nodiscard]] Expr abs(const Expr& x);                  ///< of complex numbers the magnitude
[[nodiscard]] Expr sign(const Expr& x);                 ///< of complex numbers x / |x|, 0 of 0
[[nodiscard]] Expr square(const Expr& x);
[[nodiscard]] Expr reciprocal(const Expr& x);  ///< 1 / x, in floating numbers
/// x^y; integers stay integers, and to a negative power they are an error (docs/expressions.md).
[[nodiscard]] Expr pow(const Expr& x, const Expr& y);
[[nodiscard]] Expr floor_divide(const Expr& x, const Expr& y);
[[nodiscard]] Expr remainder(const Expr& x, const Expr& y);  ///< x % y: the sign of y
[[nodiscard]] Expr fmod(const Expr& x, const Expr& y);       ///< the sign of x
[[nodiscard]] Expr minimum(const Expr& x, const Expr& y);    ///< NaN if one is
[[nodiscard]] Expr maximum(const Expr& x, const Expr& y);
[[nodiscard]] Expr fmin(const Expr& x, const Expr& y);  ///< the other one if one is NaN
[[nodiscard]] Expr fmax(const Expr& x, const Expr& y);
[[nodiscard]] Expr clip(const Expr& x, const Expr& low, const Expr& high);

[[nodiscard]] Expr isnan(const Expr& x);
[[nodiscard]] Expr isinf(const Expr& x);
[[nodiscard]] Expr isfinite(const Expr& x);
[[nodiscard]] Expr signbit(const Expr& x);
/// |x - y| <= atol + rtol |y|, equal infinities too.
[[nodiscard]] Expr isclose(const Expr& x, const Expr& y, double rtol = 1e-5, double atol = 1e-8);
[[nodiscard]] Expr logical_xor(const Expr& x, const Expr& y);
/// a where the condition is not 0, else b. Both are computed for every element.
[[nodiscard]] Expr where(const Expr& condition, const Expr& a, const Expr& b);

[[nodiscard]] Expr real(const Expr& z);
[[nodiscard]] Expr imag(const Expr& z);
[[nodiscard]] Expr conj(const Expr& z);
[[nodiscard]] Expr angle(const Expr& z);  ///< the phase, in (-pi, pi]
[[nodiscard]] Expr make_complex(const Expr& re, const Expr& im);

/// Converts as Array::cast: an element that the dtype has no value for is an error when it is
/// evaluated. From complex to real dtypes there is no conversion.
[[nodiscard]] Expr cast(const Expr& x, DType dtype);
/// The index along one axis of x (i64), with extents of 1 along the others.
[[nodiscard]] Expr index(const Expr& x, int axis);

/// Whether an element has no value (b8).
[[nodiscard]] Expr is_null(const Expr& x);
/// x, and `otherwise` where it has no value.
[[nodiscard]] Expr fill_null(const Expr& x, const Expr& otherwise);

}  // namespace serried
