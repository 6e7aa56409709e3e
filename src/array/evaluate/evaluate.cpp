#include "serried/array/evaluate.hpp"

#include <algorithm>
#include <cstring>
#include <map>
#include <optional>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "array/evaluate/passes.hpp"
#include "serried/array/map_rows.hpp"
#include "serried/base/error.hpp"

namespace serried {
namespace {

using detail::ExprNode;
using detail::NodePtr;

/// Goes through a graph once, by a stack of its own.
template <class Visit>
void visit_nodes(std::span<const Expr> roots, Visit visit) {
  std::vector<NodePtr> stack;
  for (const Expr& root : roots) stack.push_back(root.node());
  std::unordered_set<const ExprNode*> seen;
  while (!stack.empty()) {
    const NodePtr node = std::move(stack.back());
    stack.pop_back();
    if (!seen.insert(node.get()).second) continue;
    visit(node);
    for (const NodePtr& in : node->in) stack.push_back(in);
  }
}

/// All of a source on every rank, in the operand's order of axes. Collective.
Array replicate(const Context& ctx, const Operand& operand) {
  if (const auto* array = dynamic_cast<const Array*>(operand.source.get()))
    return array->replicate();
  const std::int64_t bytes = operand.source->row_bytes();
  return map_rows(ctx, *operand.source, operand.source->row_shape(), operand.dtype,
                  [&](const TileView& rows, std::byte* result) {
                    // rows may have no elements, and then no memory
                    const auto size = static_cast<std::size_t>(rows.rows.size() * bytes);
                    if (size > 0) std::memcpy(result, rows.data, size);
                  })
      .replicate();
}

/// One evaluation of several expressions.
class Evaluation {
 public:
  Evaluation(const Context& ctx, std::span<const Expr> roots) : ctx_(ctx), roots_(roots) {
    for (const Expr& root : roots) {
      if (root.is_nullable())
        throw InvalidArgument(root.to_text() +
                              " may have nulls; fill_null() says what they become");
    }
    visit_nodes(roots, [&](const NodePtr& node) {
      if (!node->is_reduction()) return;
      folds_[node->level].push_back(node.get());
    });
    for (auto& [level, nodes] : folds_) {
      // the order of a graph walk is that of the expressions: the same on every rank
      static_cast<void>(level);
      std::reverse(nodes.begin(), nodes.end());
    }
  }

  std::vector<Array> run() {
    fold();
    return elements();
  }

  /// The rows of all roots. Those of one domain are computed together.
  std::vector<std::shared_ptr<const TileSource>> rows() {
    fold();
    std::vector<std::shared_ptr<const TileSource>> results(roots_.size());
    for (const auto& [domain, members] : domains()) {
      const NodePtr& first = roots_[members.front()].node();
      std::vector<std::shared_ptr<const TileSource>> rows;
      if (members.size() == 1 && first->kind == ExprNode::Kind::operand &&
          first->operand->source != nullptr) {
        rows.push_back(first->operand->source);
      } else if (domain.split_axis >= 0) {
        rows = make_rows(ctx_, domain, nodes_of(members), known_);
      } else {
        for (Array& array : map_elements(ctx_, domain, nodes_of(members), known_))
          rows.push_back(std::make_shared<const Array>(std::move(array)));
      }
      for (std::size_t k = 0; k < members.size(); ++k) results[members[k]] = std::move(rows[k]);
    }
    return results;
  }

 private:
  void fold() {
    for (const auto& [level, nodes] : folds_) fold_level(nodes);
    if (!folds_.empty()) ctx_.recorder().set_fact("reads by expressions", std::to_string(reads_));
  }

  void fold_level(const std::vector<const ExprNode*>& nodes) {
    struct Pass {
      Domain domain;
      std::vector<const ExprNode*> over_rows;
      std::vector<const ExprNode*> in_rows;
      std::vector<const ExprNode*> quantiles;
    };
    std::vector<Pass> passes;
    for (const ExprNode* node : nodes) {
      const Domain domain = settle(node->domain, node, true);
      auto found = std::find_if(passes.begin(), passes.end(),
                                [&](const Pass& pass) { return pass.domain == domain; });
      if (found == passes.end()) found = passes.insert(found, {domain, {}, {}, {}});
      if (node->kind == ExprNode::Kind::quantile) {
        found->quantiles.push_back(node);
        continue;
      }
      const bool keeps_rows =
          domain.split_axis >= 0 && (node->reduced >> domain.split_axis & 1u) == 0;
      (keeps_rows ? found->in_rows : found->over_rows).push_back(node);
    }
    for (const Pass& pass : passes) {
      if (!pass.over_rows.empty()) add(fold_over_rows(ctx_, pass.domain, pass.over_rows, known_));
      if (!pass.quantiles.empty()) add(find_quantiles(ctx_, pass.domain, pass.quantiles, known_));
      if (!pass.in_rows.empty()) add(fold_in_rows(ctx_, pass.domain, pass.in_rows, known_));
      if (pass.domain.split_axis >= 0)
        reads_ += (pass.over_rows.empty() ? 0 : 1) + (pass.in_rows.empty() ? 0 : 1);
    }
  }

  void add(std::vector<FoldValue> values) {
    for (FoldValue& value : values) known_.folds.push_back(std::move(value));
  }

  /// The domains of the roots, and which roots each of them has.
  std::vector<std::pair<Domain, std::vector<std::size_t>>> domains() {
    std::vector<std::pair<Domain, std::vector<std::size_t>>> passes;
    for (std::size_t i = 0; i < roots_.size(); ++i) {
      const ExprNode* node = roots_[i].node().get();
      const Domain domain = settle(node->shape, node, false);
      auto found = std::find_if(passes.begin(), passes.end(),
                                [&](const auto& pass) { return pass.first == domain; });
      if (found == passes.end()) found = passes.insert(found, {domain, {}});
      found->second.push_back(i);
    }
    return passes;
  }

  [[nodiscard]] std::vector<NodePtr> nodes_of(const std::vector<std::size_t>& members) const {
    std::vector<NodePtr> nodes;
    for (const std::size_t i : members) nodes.push_back(roots_[i].node());
    return nodes;
  }

  std::vector<Array> elements() {
    std::vector<Array> results;
    std::vector<std::optional<Array>> by_root(roots_.size());
    for (const auto& [domain, members] : domains()) {
      const std::vector<Array> arrays = map_elements(ctx_, domain, nodes_of(members), known_);
      for (std::size_t k = 0; k < members.size(); ++k) by_root[members[k]] = arrays[k];
    }
    for (std::optional<Array>& array : by_root) results.push_back(std::move(*array));
    return results;
  }

  /// The domain of a node; operands that do not lie along it are replicated. Collective.
  Domain settle(const Shape& shape, const ExprNode* node, bool is_reduced) {
    std::vector<std::shared_ptr<const Operand>> operands = operands_of(node, is_reduced, known_);
    for (auto& operand : operands) operand = known_.present(operand);
    const Domain domain = domain_of(shape, operands);
    for (const auto& operand : operands) {
      if (operand->split_axis < 0 || is_along(domain, *operand)) continue;
      auto copy = std::make_shared<Operand>(*operand);
      copy->split_axis = -1;
      copy->source = nullptr;
      const Array all = replicate(ctx_, *operand);
      const auto kept = std::make_shared<const Array>(all);
      copy->elements = std::shared_ptr<const std::byte>(kept, kept->local_data());
      known_.replicated.emplace_back(operand, std::move(copy));
    }
    return domain;
  }

  const Context& ctx_;
  std::span<const Expr> roots_;
  std::map<int, std::vector<const ExprNode*>> folds_;
  Known known_;
  int reads_ = 0;
};

}  // namespace

Operand to_operand(const Array& array) {
  Operand operand{.name = array.describe(), .shape = array.shape(), .dtype = array.dtype()};
  if (!array.is_replicated()) {
    operand.split_axis = array.split_axis();
    operand.source = std::make_shared<const Array>(array);
    return operand;
  }
  operand.split_axis = -1;
  const auto kept = std::make_shared<const Array>(array);
  // elements() may be asked for where there are none
  operand.elements = std::shared_ptr<const std::byte>(kept, kept->local_data());
  return operand;
}

Operand to_operand(std::shared_ptr<const TileSource> source, std::string name) {
  Operand operand{.name = std::move(name),
                  .shape = source->row_shape().with_inserted(0, source->rows()),
                  .dtype = source->dtype(),
                  .split_axis = 0};
  operand.source = std::move(source);
  return operand;
}

std::vector<Array> evaluate(const Context& ctx, std::span<const Expr> expressions) {
  return Evaluation(ctx, expressions).run();
}

Array evaluate(const Context& ctx, const Expr& expression) {
  return evaluate(ctx, std::span<const Expr>(&expression, 1)).front();
}

std::vector<std::shared_ptr<const TileSource>> to_sources(const Context& ctx,
                                                          std::span<const Expr> expressions) {
  return Evaluation(ctx, expressions).rows();
}

std::shared_ptr<const TileSource> to_source(const Context& ctx, const Expr& expression) {
  return to_sources(ctx, std::span<const Expr>(&expression, 1)).front();
}

void detail::read_number(const Array& number, DType dtype, void* to) {
  if (number.shape().elements() != 1)
    throw InvalidArgument("an array of shape " + number.shape().to_string() +
                          " is no single number");
  if (number.dtype() != dtype)
    throw InvalidArgument("the number is of dtype " + std::string(name(number.dtype())) + ", not " +
                          std::string(name(dtype)));
  const Array all = number.replicate();
  std::memcpy(to, all.local_data(), size_of(dtype));
}

}  // namespace serried
