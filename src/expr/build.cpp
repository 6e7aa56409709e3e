#include "expr/build.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

#include "expr/fold_constants.hpp"
#include "expr/reduced_axes.hpp"
#include "serried/base/error.hpp"

namespace serried::detail {

ExprNode::~ExprNode() {
  std::vector<NodePtr> left = std::move(in);
  while (!left.empty()) {
    const NodePtr node = std::move(left.back());
    left.pop_back();
    if (node.use_count() != 1) continue;
    // nobody else sees it any more
    auto& inputs = const_cast<ExprNode&>(*node).in;
    left.insert(left.end(), std::make_move_iterator(inputs.begin()),
                std::make_move_iterator(inputs.end()));
    inputs.clear();
  }
}

Shape broadcast(const Shape& a, const Shape& b) {
  const int dimensions = std::max(a.dimensions(), b.dimensions());
  std::vector<std::int64_t> extents(static_cast<std::size_t>(dimensions));
  for (int i = 1; i <= dimensions; ++i) {
    const std::int64_t x = i <= a.dimensions() ? a[a.dimensions() - i] : 1;
    const std::int64_t y = i <= b.dimensions() ? b[b.dimensions() - i] : 1;
    if (x != y && x != 1 && y != 1)
      throw InvalidArgument("operands could not be broadcast together with shapes " +
                            a.to_string() + " " + b.to_string());
    extents[static_cast<std::size_t>(dimensions - i)] = x == 1 ? y : x;
  }
  return Shape(extents);
}

std::string describe(const Expr& x) {
  return std::string(name(x.dtype())) + " " + x.shape().to_string();
}

Expr make_constant(DType dtype, const ProgramConstant& value, bool is_weak) {
  auto node = std::make_shared<ExprNode>();
  node->kind = ExprNode::Kind::constant;
  node->dtype = dtype;
  node->is_weak = is_weak;
  node->value = value;
  return Expr(std::move(node));
}

namespace {

void take_inputs(ExprNode& node, const std::vector<Expr>& in) {
  bool is_weak = true;
  for (const Expr& x : in) {
    node.in.push_back(x.node());
    node.level = std::max(node.level, x.node()->level);
    node.is_nullable = node.is_nullable || x.is_nullable();
    is_weak = is_weak && x.is_weak();
    node.shape = broadcast(node.shape, x.shape());
  }
  node.is_weak = is_weak;
}

Expr finished(std::shared_ptr<ExprNode> node) {
  const bool is_constant = std::all_of(node->in.begin(), node->in.end(), [](const NodePtr& x) {
    return x->kind == ExprNode::Kind::constant;
  });
  if (is_constant) return fold_constants(*node);
  return Expr(std::move(node));
}

}  // namespace

Expr make_apply(Op op, DType result, const std::vector<Expr>& in) {
  auto node = std::make_shared<ExprNode>();
  node->kind = ExprNode::Kind::apply;
  node->op = op;
  node->dtype = result;
  take_inputs(*node, in);
  if (result == DType::b8) node->is_weak = false;
  return finished(std::move(node));
}

Expr make_convert(const Expr& x, DType dtype, bool keeps_weakness) {
  if (x.dtype() == dtype && (keeps_weakness || !x.is_weak())) return x;
  auto node = std::make_shared<ExprNode>();
  node->kind = ExprNode::Kind::convert;
  node->dtype = dtype;
  take_inputs(*node, {x});
  node->is_weak = node->is_weak && keeps_weakness;
  return finished(std::move(node));
}

Expr make_fill_null(const Expr& x, const Expr& otherwise) {
  auto node = std::make_shared<ExprNode>();
  node->kind = ExprNode::Kind::fill_null;
  node->dtype = x.dtype();
  take_inputs(*node, {x, otherwise});
  node->is_weak = false;
  node->is_nullable = otherwise.is_nullable();
  return Expr(std::move(node));
}

Expr make_fold(const FoldWish& wish) {
  auto node = std::make_shared<ExprNode>();
  node->kind = ExprNode::Kind::fold;
  node->fold = wish.op;
  node->part = wish.part;
  node->dtype = wish.result;
  std::vector<Expr> in = wish.values;
  if (wish.mask) in.push_back(*wish.mask);
  if (wish.weight) in.push_back(*wish.weight);
  take_inputs(*node, in);
  // nulls are left out; what a fold makes of no elements says its op
  node->is_weak = false;
  node->is_nullable = false;
  node->has_mask = wish.mask.has_value();
  node->has_weight = wish.weight.has_value();
  node->domain = wish.shape;
  node->reduced = wish.reduced;
  node->keeps_axes = wish.keeps_axes;
  ++node->level;
  node->shape = reduced_shape(wish.shape, wish.reduced, wish.keeps_axes);
  return Expr(std::move(node));
}

Expr make_quantile(const QuantileWish& wish) {
  auto node = std::make_shared<ExprNode>();
  node->kind = ExprNode::Kind::quantile;
  node->dtype = wish.result;
  std::vector<Expr> in{wish.values};
  if (wish.mask) in.push_back(*wish.mask);
  take_inputs(*node, in);
  node->is_weak = false;
  node->is_nullable = false;
  node->has_mask = wish.mask.has_value();
  node->domain = wish.values.shape();
  node->reduced = wish.reduced;
  node->keeps_axes = wish.keeps_axes;
  node->q = wish.q;
  node->has_q_axis = wish.has_q_axis;
  node->method = wish.method;
  ++node->level;
  const Shape one = reduced_shape(node->domain, wish.reduced, wish.keeps_axes);
  node->shape =
      wish.has_q_axis ? one.with_inserted(0, static_cast<std::int64_t>(wish.q.size())) : one;
  return Expr(std::move(node));
}

}  // namespace serried::detail
