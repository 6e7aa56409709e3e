#pragma once

#include <memory>
#include <vector>

#include "array/evaluate/domain.hpp"
#include "array/evaluate/first_failure.hpp"
#include "expr/node.hpp"
#include "serried/context.hpp"

namespace serried {

/// What the folds of a level have come to, by node. Values of split folds lie in arrays.
struct FoldValue {
  const detail::ExprNode* node = nullptr;
  std::shared_ptr<const Operand> operand;
};

/// Operands and fold results that stand for others: a fold's value, a replicated operand.
struct Known {
  std::vector<FoldValue> folds;
  std::vector<std::pair<std::shared_ptr<const Operand>, std::shared_ptr<const Operand>>> replicated;

  [[nodiscard]] const std::shared_ptr<const Operand>& present(
      const std::shared_ptr<const Operand>& operand) const;
  void tell(detail::Lowering& lowering) const;
};

/// A fold with the places of its values in a program.
struct PlacedFold {
  std::vector<const detail::ExprNode*> nodes;  ///< that ask for its parts
  ProgramFold fold;
  RegisterType type = RegisterType::f64;
  std::int64_t slots = 1;  ///< states; of folds that keep the rows: in a row
  std::size_t state_bytes = 0;

  [[nodiscard]] std::int64_t bytes() const {
    return slots * static_cast<std::int64_t>(state_bytes);
  }
};

/// Lowers folds that lie over one domain. Local.
[[nodiscard]] std::vector<PlacedFold> place_folds(const std::vector<const detail::ExprNode*>& nodes,
                                                  const Domain& domain, detail::Lowering& lowering);

/// Folds over the rows: one read for all of them. The values are replicated. Collective.
/// @throws RankError; DataError for elements without a value.
[[nodiscard]] std::vector<FoldValue> fold_over_rows(
    const Context& ctx, const Domain& domain, const std::vector<const detail::ExprNode*>& nodes,
    const Known& known);

/// Folds within rows: the values are split as the rows are. Collective. @throws as above.
[[nodiscard]] std::vector<FoldValue> fold_in_rows(const Context& ctx, const Domain& domain,
                                                  const std::vector<const detail::ExprNode*>& nodes,
                                                  const Known& known);

/// Quantiles, over rows or within them. Collective. @throws as above.
[[nodiscard]] std::vector<FoldValue> find_quantiles(
    const Context& ctx, const Domain& domain, const std::vector<const detail::ExprNode*>& nodes,
    const Known& known);

/// The elements of expressions, as arrays with the domain's layout, or replicated. Collective.
/// @throws as above.
[[nodiscard]] std::vector<Array> map_elements(const Context& ctx, const Domain& domain,
                                              const std::vector<detail::NodePtr>& nodes,
                                              const Known& known);

/// The elements of some rows of a program's outputs: output i, of dtype i, from `to[i]` on. Local;
/// works on the backend's threads.
void evaluate_rows(const Context& ctx, const Domain& domain, const PlacedProgram& program,
                   const JointStep& step, std::span<const DType> dtypes,
                   std::span<std::byte* const> to, FirstFailure& failure);

/// The elements of expressions as rows that are computed when they are read, a batch of all of them
/// when the first one is asked for it; the domain is split. Local. @throws as PlacedProgram.
[[nodiscard]] std::vector<std::shared_ptr<const TileSource>> make_rows(
    const Context& ctx, const Domain& domain, const std::vector<detail::NodePtr>& nodes,
    const Known& known);

/// Values of a part of `count` states, as elements of the node's dtype. Local.
/// @return false if there is a value that the dtype cannot hold, or an extremum of nothing.
[[nodiscard]] bool finish_states(const detail::ExprNode& node, RegisterType values,
                                 const std::byte* states, std::int64_t count, std::byte* out);

/// What to say of it. Local. @throws DataError.
[[noreturn]] void refuse_fold(const detail::ExprNode& node);

/// Agrees on the first element that has failed on any rank. Collective.
/// @param failed the number in the domain, rows first, or no_element.
/// @throws DataError on all ranks, if there is one.
void agree_on_elements(const Context& ctx, const Domain& domain, std::int64_t failed);

/// The operands that a node reads; of reductions that are known their values. Local.
/// @param is_reduced whether the node is a reduction that is to be made now, of what it has below.
[[nodiscard]] std::vector<std::shared_ptr<const Operand>> operands_of(const detail::ExprNode* root,
                                                                      bool is_reduced,
                                                                      const Known& known);

}  // namespace serried
