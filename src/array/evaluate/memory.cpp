#include <algorithm>
#include <bit>
#include <map>
#include <unordered_set>

#include "array/evaluate/passes.hpp"
#include "serried/array/evaluate.hpp"
#include "serried/base/error.hpp"

namespace serried {
namespace {

using detail::ExprNode;

/// Stands for rows that a reduction is to make: where they lie, but not what they are.
class PromisedRows : public TileSource {
 public:
  PromisedRows(Layout layout, Shape row_shape, DType dtype)
      : layout_(std::move(layout)), row_shape_(row_shape), dtype_(dtype) {}
  [[nodiscard]] const Layout& layout() const override { return layout_; }
  [[nodiscard]] DType dtype() const override { return dtype_; }
  [[nodiscard]] Shape row_shape() const override { return row_shape_; }
  [[nodiscard]] std::string describe() const override { return "a result"; }
  [[nodiscard]] TileView read(const ReadPlan&, std::int64_t, Buffer&) const override {
    throw InvalidArgument("a result that is not there yet");
  }

 private:
  Layout layout_;
  Shape row_shape_;
  DType dtype_;
};

/// Goes through an evaluation as evaluate() does, and counts.
class Estimate {
 public:
  explicit Estimate(const Context& ctx) : ctx_(ctx) {}

  /// @param are_rows results are not made in memory, unless they are replicated.
  std::int64_t of(std::span<const Expr> roots, bool are_rows = false) {
    for (const auto& [level, nodes] : folds_below(roots)) {
      static_cast<void>(level);
      for (const ExprNode* node : nodes) take_fold(*node);
      passing_ = std::max(passing_, pass_);
      pass_ = 0;
      pass_folds_.clear();
    }
    for (const Expr& root : roots) {
      const ExprNode& node = *root.node();
      const Domain domain = settle(node.shape, node, false);
      split_axis_ = domain.split_axis;
      if (are_rows && domain.split_axis >= 0) continue;
      kept_ += largest_rows(domain) * domain.row_elements() * size(node.dtype);
    }
    return kept_ + passing_;
  }
  /// Of the last root.
  [[nodiscard]] int split_axis() const noexcept { return split_axis_; }

 private:
  static std::int64_t size(DType dtype) { return static_cast<std::int64_t>(size_of(dtype)); }

  /// In the order of their levels.
  static std::map<int, std::vector<const ExprNode*>> folds_below(std::span<const Expr> roots) {
    std::map<int, std::vector<const ExprNode*>> folds;
    std::vector<const ExprNode*> stack;
    for (const Expr& root : roots) stack.push_back(root.node().get());
    std::unordered_set<const ExprNode*> seen;
    while (!stack.empty()) {
      const ExprNode* const node = stack.back();
      stack.pop_back();
      if (!seen.insert(node).second) continue;
      if (node->is_reduction()) folds[node->level].push_back(node);
      for (const detail::NodePtr& in : node->in) stack.push_back(in.get());
    }
    return folds;
  }

  /// Rows of the rank that has most.
  [[nodiscard]] std::int64_t largest_rows(const Domain& domain) const {
    if (domain.split_axis < 0) return domain.rows();
    std::int64_t most = 0;
    for (int rank = 0; rank < ctx_.size(); ++rank)
      most = std::max(most, domain.layout->rows_of(rank).size());
    return most;
  }

  /// The domain of a node; operands that are to be replicated are counted.
  Domain settle(const Shape& shape, const ExprNode& node, bool is_reduced) {
    const auto operands = operands_of(&node, is_reduced, known_);
    const Domain domain = domain_of(shape, operands);
    for (const auto& operand : operands) {
      if (operand->split_axis < 0 || is_along(domain, *operand)) continue;
      if (!replicated_.insert(operand.get()).second) continue;
      // each rank's part of it is there too while it is gathered
      kept_ += 2 * operand->shape.elements() * size(operand->dtype);
    }
    return domain;
  }

  void take_fold(const ExprNode& node) {
    const Domain domain = settle(node.domain, node, true);
    auto value = std::make_shared<Operand>();
    value->shape = node.shape;
    value->dtype = node.dtype;
    value->split_axis = -1;
    const bool keeps_rows = domain.split_axis >= 0 && (node.reduced >> domain.split_axis & 1u) == 0;
    if (keeps_rows) {
      value->split_axis = 0;
      for (int axis = 0; axis < domain.split_axis; ++axis)
        value->split_axis += (node.reduced >> axis & 1u) == 0 || node.keeps_axes ? 1 : 0;
      const Shape row = node.shape.without(value->split_axis);
      value->source = std::make_shared<PromisedRows>(*domain.layout, row, node.dtype);
      kept_ += largest_rows(domain) * row.elements() * size(node.dtype);
    } else {
      add_payload(domain, node);
      kept_ += node.shape.elements() * size(node.dtype);
    }
    known_.folds.push_back({&node, std::move(value)});
  }

  /// States of leaves, before and in the tree; parts of one fold share them.
  void add_payload(const Domain& domain, const ExprNode& node) {
    constexpr std::int64_t most_at_once = std::int64_t{16} << 20;
    if (node.kind == ExprNode::Kind::quantile) {
      pass_ += most_at_once;
      return;
    }
    const bool is_known = std::any_of(pass_folds_.begin(), pass_folds_.end(), [&](const auto* of) {
      return of->fold == node.fold && of->in == node.in && of->reduced == node.reduced;
    });
    if (is_known) return;
    pass_folds_.push_back(&node);
    std::int64_t slots = 1;
    for (int axis = 0; axis < node.domain.dimensions(); ++axis)
      if ((node.reduced >> axis & 1u) == 0) slots *= node.domain[axis];
    const std::int64_t payload = slots * static_cast<std::int64_t>(size_of_state(
                                             node.fold, register_type(node.in.front()->dtype)));
    const Layout layout = domain.layout.value_or(
        Layout::uniform(domain.rows(), ctx_.size(), ctx_.options().max_tiles));
    const std::int64_t leaves = Leaves(layout, domain.row_elements() * 8, payload).count();
    const std::int64_t at_once = std::max(payload, std::min(leaves * payload, most_at_once));
    pass_ += at_once + payload * (2 + std::bit_width(static_cast<std::uint64_t>(leaves)));
  }

  const Context& ctx_;
  Known known_;
  std::unordered_set<const Operand*> replicated_;
  std::vector<const ExprNode*> pass_folds_;
  int split_axis_ = -1;
  std::int64_t kept_ = 0;
  std::int64_t pass_ = 0;
  std::int64_t passing_ = 0;
};

}  // namespace

std::int64_t memory_of_evaluation(const Context& ctx, std::span<const Expr> expressions) {
  return Estimate(ctx).of(expressions);
}

SourceEstimate estimate_source(const Context& ctx, const Expr& expression) {
  Estimate estimate(ctx);
  const std::int64_t bytes = estimate.of({&expression, 1}, true);
  return {.split_axis = estimate.split_axis(), .bytes = bytes};
}

}  // namespace serried
