#include <algorithm>
#include <unordered_set>

#include "array/evaluate/passes.hpp"
#include "serried/base/error.hpp"

namespace serried {

using detail::ExprNode;

const std::shared_ptr<const Operand>& Known::present(
    const std::shared_ptr<const Operand>& operand) const {
  for (const auto& [of, copy] : replicated)
    if (of == operand) return copy;
  return operand;
}

void Known::tell(detail::Lowering& lowering) const {
  for (const FoldValue& fold : folds) lowering.set_value(fold.node, present(fold.operand));
  for (const auto& [of, copy] : replicated) lowering.set_operand(of.get(), copy);
}

std::vector<PlacedFold> place_folds(const std::vector<const ExprNode*>& nodes, const Domain& domain,
                                    detail::Lowering& lowering) {
  std::vector<PlacedFold> placed;
  for (const ExprNode* node : nodes) {
    PlacedFold own;
    own.fold.op = node->fold;
    const std::size_t values = node->fold == FoldOp::comoments ? 2 : 1;
    const std::vector<detail::NodePtr> of(node->in.begin(),
                                          node->in.begin() + static_cast<std::ptrdiff_t>(values));
    own.fold.value = lowering.add_register(of[0]);
    if (values == 2) own.fold.second = lowering.add_register(of[1]);
    own.type = register_type(of[0]->dtype);
    std::vector<detail::NodePtr> valid = of;
    if (node->has_weight) {
      own.fold.weight = lowering.add_register(node->in.back());
      valid.push_back(node->in.back());
    }
    own.fold.mask = lowering.add_mask(node->has_mask ? node->in[values] : nullptr, valid);
    std::int64_t stride = 1;
    for (int axis = node->domain.dimensions() - 1; axis >= 0; --axis) {
      const int domain_axis = lowering.domain_axis(axis);
      if ((node->reduced >> axis & 1u) == 0) {
        own.fold.kept |= 1u << domain_axis;
        if (axis != domain.split_axis) own.slots *= node->domain[axis];
        continue;
      }
      own.fold.index_strides[static_cast<std::size_t>(domain_axis)] = stride;
      stride *= node->domain[axis];
    }
    own.state_bytes = size_of_state(own.fold.op, own.type);
    const auto same = std::find_if(placed.begin(), placed.end(), [&](const PlacedFold& other) {
      return other.fold.op == own.fold.op && other.fold.value == own.fold.value &&
             other.fold.second == own.fold.second && other.fold.mask == own.fold.mask &&
             other.fold.weight == own.fold.weight && other.fold.kept == own.fold.kept;
    });
    if (same != placed.end()) {
      same->nodes.push_back(node);
      continue;
    }
    own.nodes.push_back(node);
    placed.push_back(std::move(own));
  }
  return placed;
}

void agree_on_elements(const Context& ctx, const Domain& domain, std::int64_t failed) {
  if (domain.split_axis >= 0) failed = ctx.comm().allreduce(failed, ReduceOp::min);
  if (failed == no_element) return;
  std::string place;
  const Shape rows_first = domain.of_rows(domain.rows());
  std::vector<std::int64_t> index(static_cast<std::size_t>(rows_first.dimensions()));
  for (int axis = rows_first.dimensions() - 1; axis >= 0; --axis) {
    index[static_cast<std::size_t>(axis)] = failed % rows_first[axis];
    failed /= rows_first[axis];
  }
  if (domain.split_axis > 0)
    std::rotate(index.begin(), index.begin() + 1, index.begin() + domain.split_axis + 1);
  for (const std::int64_t i : index) place += (place.empty() ? "" : ", ") + std::to_string(i);
  throw DataError("the element [" + place +
                  "] has no value: its dtype cannot hold what is converted, or an integer is "
                  "raised to a negative power");
}

std::vector<std::shared_ptr<const Operand>> operands_of(const ExprNode* root, bool is_reduced,
                                                        const Known& known) {
  std::vector<std::shared_ptr<const Operand>> operands;
  const auto add = [&](const std::shared_ptr<const Operand>& operand) {
    if (operand != nullptr &&
        std::find(operands.begin(), operands.end(), operand) == operands.end())
      operands.push_back(operand);
  };
  std::vector<const ExprNode*> stack{root};
  std::unordered_set<const ExprNode*> visited;
  while (!stack.empty()) {
    const ExprNode* node = stack.back();
    stack.pop_back();
    if (!visited.insert(node).second) continue;
    if (node->kind == ExprNode::Kind::operand) {
      add(node->operand);
      add(node->operand->validity);
    } else if (node->is_reduction() && !(is_reduced && node == root)) {
      for (const FoldValue& value : known.folds)
        if (value.node == node) add(value.operand);
    } else {
      for (const detail::NodePtr& in : node->in) stack.push_back(in.get());
    }
  }
  return operands;
}

}  // namespace serried
