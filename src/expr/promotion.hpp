#pragma once

#include <string_view>

#include "serried/base/dtype.hpp"
#include "serried/expr/expr.hpp"

namespace serried {

/// The dtype that two arrays meet in, as numpy.result_type. Local.
///
/// Examples: i8 and u8: i16; u32 and i32: i64; u64 and i64: f64; f32 and i16: f32; f32 and i32:
/// f64; f16 and i16: f32; c64 and f64: c128.
[[nodiscard]] DType promote(DType a, DType b) noexcept;

/// The same of expressions, of which weak ones take the dtype of the others if their kind (b8,
/// integer, floating, complex) is not above it; as NEP 50. Local.
[[nodiscard]] DType promote(const Expr& a, const Expr& b);

/// The floating dtype in which NumPy computes functions of an integer: f16 of 8 bits, f32 of 16
/// bits, else f64; floating and complex dtypes themselves. Local.
[[nodiscard]] DType floating_type(DType dtype) noexcept;

/// The dtype of the parts of a complex dtype; others themselves. Local.
[[nodiscard]] DType part_type(DType dtype) noexcept;
[[nodiscard]] DType complex_type_of(DType part) noexcept;

/// The expression in another dtype, by a conversion that promotion asks for; a weak scalar takes it
/// directly. Local. @throws InvalidArgument if an integer dtype cannot hold the weak scalar.
[[nodiscard]] Expr in_type(const Expr& x, DType dtype);

}  // namespace serried
