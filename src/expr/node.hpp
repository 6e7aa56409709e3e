#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "serried/base/fold.hpp"
#include "serried/base/program.hpp"
#include "serried/base/quantile_method.hpp"
#include "serried/expr/expr.hpp"

namespace serried::detail {

using NodePtr = std::shared_ptr<const ExprNode>;

/// Which of the numbers that a fold has come to is meant.
enum class FoldPart : std::uint8_t {
  value,      ///< of sum, product, count, minimum, maximum
  index,      ///< of minimum, maximum: where it stands
  weight,     ///< of moments and comoments: their weight, or how many
  m2,         ///< sum of squares about the mean, of the first values
  m2_second,  ///< of the second values
  m_joint,    ///< sum of products about the means
};

/// A node of an expression. Its inputs have the dtypes that its instruction takes: promotion has
/// put conversions between them.
struct ExprNode {
  ExprNode() = default;
  ExprNode(const ExprNode&) = default;
  ExprNode& operator=(const ExprNode&) = delete;
  /// Lets go of what it alone has without a call within a call: graphs may be deeper than a stack.
  ~ExprNode();

  enum class Kind : std::uint8_t {
    operand,
    constant,
    position,
    apply,
    convert,
    is_null,
    fill_null,  ///< the first input, or the second where the first has no value
    fold,
    quantile
  };
  /// Whether it is read as a value that an earlier pass has found.
  [[nodiscard]] bool is_reduction() const noexcept {
    return kind == Kind::fold || kind == Kind::quantile;
  }

  Kind kind = Kind::constant;
  DType dtype = DType::f64;
  bool is_weak = false;
  bool is_nullable = false;
  Shape shape;
  std::vector<NodePtr> in;

  std::shared_ptr<const Operand> operand;
  ProgramConstant value;  ///< of a constant
  int axis = 0;           ///< of a position: the axis of its shape that has an extent
  Op op = Op::add;        ///< of apply
  // of a fold; in: the values, then what the fold has besides
  FoldOp fold = FoldOp::sum;
  FoldPart part = FoldPart::value;
  bool has_mask = false;      ///< the last but one input, or the last: a b8, 0 is left out
  bool has_weight = false;    ///< the last input
  Shape domain;               ///< what values, mask and weight are broadcast to
  std::uint32_t reduced = 0;  ///< a bit for each axis of the domain
  bool keeps_axes = false;
  // of a quantile; in: the values, and the mask, if there is one
  std::vector<double> q;
  bool has_q_axis = false;  ///< in front of the result's axes
  QuantileMethod method = QuantileMethod::linear;
  /// Reductions below this node, one within the other; those of a fold's own values plus one.
  int level = 0;
};

}  // namespace serried::detail
