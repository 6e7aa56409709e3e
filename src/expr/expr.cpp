#include "serried/expr/expr.hpp"

#include <utility>

#include "expr/build.hpp"
#include "expr/node.hpp"
#include "expr/text.hpp"
#include "serried/base/error.hpp"
#include "serried/comm/tile_source.hpp"

namespace serried {
namespace {

ProgramConstant integer(RegisterType type, std::int64_t value) {
  ProgramConstant constant;
  constant.type = type;
  constant.integer = value;
  return constant;
}

ProgramConstant number(RegisterType type, double real, double imaginary = 0) {
  ProgramConstant constant;
  constant.type = type;
  constant.real = real;
  constant.imaginary = imaginary;
  return constant;
}

}  // namespace

// NumPy takes a Python bool for a b8 of its own, which is what promotion makes of a weak one too.
Expr::Expr(bool value)
    : Expr(detail::make_constant(DType::b8, integer(RegisterType::b8, value ? 1 : 0), false)) {}
Expr::Expr(int value) : Expr(std::int64_t{value}) {}
Expr::Expr(std::int64_t value)
    : Expr(detail::make_constant(DType::i64, integer(RegisterType::i64, value), true)) {}
Expr::Expr(double value)
    : Expr(detail::make_constant(DType::f64, number(RegisterType::f64, value), true)) {}
Expr::Expr(const std::complex<double>& value)
    : Expr(detail::make_constant(DType::c128,
                                 number(RegisterType::c128, value.real(), value.imag()), true)) {}

Expr::Expr(Operand operand) {
  if (operand.dtype > DType::c128)
    throw InvalidArgument(operand.name + ": an expression reads numbers, not " +
                          std::string(name(operand.dtype)));
  if (operand.split_axis < -1 || operand.split_axis >= operand.shape.dimensions())
    throw InvalidArgument(operand.name + ": there is no axis " +
                          std::to_string(operand.split_axis) + " in shape " +
                          operand.shape.to_string());
  const bool is_split = operand.split_axis >= 0;
  if (is_split ? operand.source == nullptr
               : operand.elements == nullptr && operand.shape.elements() > 0)
    throw InvalidArgument(operand.name + ": an operand needs a source, or elements");
  if (is_split && (operand.source->dtype() != operand.dtype ||
                   operand.source->rows() != operand.shape[operand.split_axis] ||
                   operand.source->row_shape() != operand.shape.without(operand.split_axis)))
    throw InvalidArgument(operand.name + ": its source does not have its dtype and shape");
  if (operand.validity != nullptr &&
      (operand.validity->dtype != DType::b8 || operand.validity->shape != operand.shape ||
       operand.validity->split_axis != operand.split_axis))
    throw InvalidArgument(operand.name + ": its validity is no b8 of its shape and split axis");
  auto node = std::make_shared<detail::ExprNode>();
  node->kind = detail::ExprNode::Kind::operand;
  node->dtype = operand.dtype;
  node->shape = operand.shape;
  node->is_nullable = operand.validity != nullptr;
  node->operand = std::make_shared<const Operand>(std::move(operand));
  node_ = std::move(node);
}

DType Expr::dtype() const noexcept {
  return node_->dtype;
}
const Shape& Expr::shape() const noexcept {
  return node_->shape;
}
bool Expr::is_nullable() const noexcept {
  return node_->is_nullable;
}
bool Expr::is_weak() const noexcept {
  return node_->is_weak;
}
std::string Expr::to_text() const {
  return detail::text_of(*node_);
}

}  // namespace serried
