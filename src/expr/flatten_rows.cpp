#include "serried/expr/flatten_rows.hpp"

#include <algorithm>
#include <map>
#include <optional>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "expr/node.hpp"
#include "serried/base/row_axes.hpp"
#include "serried/comm/tile_source.hpp"

namespace serried {
namespace {

using detail::ExprNode;
using detail::NodePtr;

/// What a node has of the leading axes: nothing, each with an extent of 1, or all of them.
enum class Rows : std::uint8_t { none, one, all };

struct Flat {
  NodePtr node;
  Rows rows = Rows::none;
};

/// Flattens nodes over leading axes of certain extents, each once.
class Flattening {
 public:
  /// @param shape of the largest operand.
  Flattening(const Shape& shape, int axes)
      : dimensions_(shape.dimensions()), axes_(axes), lead_(shape.slice(0, axes)) {}

  /// Nothing where a node tells the axes apart.
  std::optional<Flat> of(const NodePtr& root) {
    // by a stack of its own: an expression may be deeper than the thread's
    std::vector<std::pair<NodePtr, std::size_t>> stack{{root, 0}};
    while (!stack.empty()) {
      auto& [node, next] = stack.back();
      if (!known_.contains(node.get()) && next < node->in.size()) {
        const NodePtr in = node->in[next++];
        stack.emplace_back(in, 0);
        continue;
      }
      if (!known_.contains(node.get())) {
        kept_.push_back(node);
        known_[node.get()] = flatten(*node, node);
      }
      stack.pop_back();
    }
    return known_.at(root.get());
  }

 private:
  std::optional<Flat> flatten(const ExprNode& node, const NodePtr& same) {
    if (node.is_nullable) return std::nullopt;
    switch (node.kind) {
      case ExprNode::Kind::constant:
        return Flat{same, Rows::none};
      case ExprNode::Kind::operand:
      case ExprNode::Kind::position:
        return flatten_leaf(node, same);
      default:
        return flatten_inner(node, same);
    }
  }

  std::optional<Flat> flatten_leaf(const ExprNode& node, const NodePtr& same) {
    const int dimensions = node.shape.dimensions();
    if (dimensions <= dimensions_ - axes_) return Flat{same, Rows::none};
    const Shape lead = node.shape.slice(0, std::min(axes_, dimensions));
    const Rows rows = lead == lead_ ? Rows::all : Rows::one;
    if (dimensions != dimensions_ || (rows == Rows::one && lead.elements() != 1))
      return std::nullopt;
    auto flat = std::make_shared<ExprNode>(node);
    flat->shape = flattened(node.shape, rows);
    if (node.kind == ExprNode::Kind::position) {
      if (node.axis < axes_ && rows == Rows::all) return std::nullopt;
      flat->axis = std::max(0, node.axis - axes_ + 1);
      return Flat{std::move(flat), rows};
    }
    auto operand = std::make_shared<Operand>(*node.operand);
    operand->shape = flat->shape;
    if (operand->split_axis >= 0) {
      operand->source = operand->flattened ? operand->flattened(axes_) : nullptr;
      if (operand->source == nullptr || operand->source->rows() != flat->shape[0])
        return std::nullopt;
      operand->split_axis = 0;
      operand->flattened = nullptr;
    }
    flat->operand = std::move(operand);
    return Flat{std::move(flat), rows};
  }

  std::optional<Flat> flatten_inner(const ExprNode& node, const NodePtr& same) {
    const Shape& domain = node.is_reduction() ? node.domain : node.shape;
    auto flat = std::make_shared<ExprNode>(node);
    Rows rows = Rows::none;
    int most_without = 0;
    bool is_same = true;
    for (NodePtr& in : flat->in) {
      const std::optional<Flat>& below = known_.at(in.get());
      if (!below) return std::nullopt;
      if (below->rows == Rows::none)
        most_without = std::max(most_without, in->shape.dimensions());
      else if (in->shape.dimensions() != domain.dimensions())
        return std::nullopt;
      rows = std::max(rows, below->rows);
      is_same = is_same && in == below->node;
      in = below->node;
    }
    if (rows == Rows::none) return Flat{is_same ? same : std::move(flat), rows};
    if (most_without > domain.dimensions() - axes_ ||
        domain.slice(0, axes_).elements() != (rows == Rows::all ? lead_.elements() : 1))
      return std::nullopt;
    if (!node.is_reduction()) {
      flat->shape = flattened(node.shape, rows);
      return Flat{std::move(flat), rows};
    }
    const std::uint32_t leading = (1u << axes_) - 1;
    const std::uint32_t reduced = node.reduced & leading;
    if ((reduced != 0 && reduced != leading) || (node.has_q_axis && reduced == 0) ||
        (node.has_q_axis && node.keeps_axes))
      return std::nullopt;
    flat->domain = flattened(domain, rows);
    flat->reduced = (node.reduced >> axes_) << 1 | (reduced != 0 ? 1u : 0u);
    // what is left of the leading axes
    if (reduced != 0) rows = node.keeps_axes ? Rows::one : Rows::none;
    if (rows != Rows::none) flat->shape = flattened(node.shape, rows);
    return Flat{std::move(flat), rows};
  }

  [[nodiscard]] Shape flattened(const Shape& shape, Rows rows) const {
    return shape.slice(axes_, shape.dimensions())
        .with_inserted(0, rows == Rows::all ? lead_.elements() : 1);
  }

  int dimensions_;
  int axes_;
  Shape lead_;
  std::unordered_map<const ExprNode*, std::optional<Flat>> known_;
  std::vector<NodePtr> kept_;  ///< so that no other node gets the address of one that is known
};

/// The largest operand that can be flattened; null where there is none.
const Operand* largest_operand(const NodePtr& root) {
  const Operand* largest = nullptr;
  std::vector<const ExprNode*> stack{root.get()};
  std::unordered_set<const ExprNode*> seen;
  while (!stack.empty()) {
    const ExprNode* const node = stack.back();
    stack.pop_back();
    if (!seen.insert(node).second) continue;
    const Operand* const operand = node->operand.get();
    if (operand != nullptr && operand->flattened &&
        (largest == nullptr || operand->shape.elements() >= largest->shape.elements()))
      largest = operand;
    for (const NodePtr& in : node->in) stack.push_back(in.get());
  }
  return largest;
}

}  // namespace

std::vector<Expr> flatten_rows(std::span<const Expr> expressions) {
  std::map<std::vector<std::int64_t>, Flattening> by_axes;
  std::vector<Expr> results;
  for (const Expr& expression : expressions) {
    results.push_back(expression);
    const Operand* const largest = largest_operand(expression.node());
    if (largest == nullptr || largest->shape.elements() == 0) continue;
    const Shape& shape = largest->shape;
    const int axes = flattened_row_axes(shape, static_cast<std::int64_t>(size_of(largest->dtype)));
    if (axes < 2) continue;
    std::vector<std::int64_t> key{shape.dimensions()};
    key.insert(key.end(), shape.extents().begin(), shape.extents().begin() + axes);
    const auto flat =
        by_axes.try_emplace(std::move(key), shape, axes).first->second.of(expression.node());
    if (flat) results.back() = Expr(flat->node);
  }
  return results;
}

}  // namespace serried
