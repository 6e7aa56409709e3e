#pragma once

#include <optional>
#include <string>
#include <vector>

#include "expr/node.hpp"
#include "serried/expr/expr.hpp"

/// How nodes are made. What can be computed at once, because all inputs are constants, is.
namespace serried::detail {

/// A constant of a dtype. Local.
[[nodiscard]] Expr make_constant(DType dtype, const ProgramConstant& value, bool is_weak);

/// An instruction on inputs that have the right dtypes already; shapes are broadcast. Local.
/// @throws InvalidArgument where they cannot be.
[[nodiscard]] Expr make_apply(Op op, DType result, const std::vector<Expr>& in);

/// A conversion, unless the dtype is the same. Local.
/// @param keeps_weakness whether a weak scalar stays one; then it is for an instruction whose other
/// inputs decide.
[[nodiscard]] Expr make_convert(const Expr& x, DType dtype, bool keeps_weakness = true);

/// x, or `otherwise` of the same dtype where x has no value. Local.
[[nodiscard]] Expr make_fill_null(const Expr& x, const Expr& otherwise);

/// What a fold is made of. Values, mask and weight are broadcast to the shape.
struct FoldWish {
  FoldOp op = FoldOp::sum;
  FoldPart part = FoldPart::value;
  DType result = DType::f64;
  std::vector<Expr> values;  ///< one, of comoments two
  std::optional<Expr> mask;
  std::optional<Expr> weight;
  Shape shape;
  std::uint32_t reduced = 0;  ///< a bit for each axis
  bool keeps_axes = false;
};
/// Local.
[[nodiscard]] Expr make_fold(const FoldWish& wish);

/// What a quantile is made of; the mask is broadcast to the shape of the values.
struct QuantileWish {
  Expr values;
  std::optional<Expr> mask = std::nullopt;
  std::vector<double> q;
  bool has_q_axis = false;
  QuantileMethod method = QuantileMethod::linear;
  DType result = DType::f64;
  std::uint32_t reduced = 0;
  bool keeps_axes = false;
};
/// Local.
[[nodiscard]] Expr make_quantile(const QuantileWish& wish);

/// The shape of elementwise results. Local. @throws InvalidArgument as NumPy.
[[nodiscard]] Shape broadcast(const Shape& a, const Shape& b);

/// "f64 (3, 4)". Local.
[[nodiscard]] std::string describe(const Expr& x);

}  // namespace serried::detail
