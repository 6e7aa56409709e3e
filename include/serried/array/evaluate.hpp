#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "serried/array/array.hpp"
#include "serried/base/api.hpp"
#include "serried/context.hpp"
#include "serried/expr/expr.hpp"

namespace SERRIED_API serried {

/// The array as an operand, so that expressions can be made of it: `sqrt(a * a + b * b)`. It is
/// read when the expression is evaluated. Local.
[[nodiscard]] Operand to_operand(const Array& array);
/// Any other source of rows, which must outlive the expression: its shape is (rows, row shape...),
/// split along axis 0. Local.
[[nodiscard]] Operand to_operand(std::shared_ptr<const TileSource> source, std::string name);

/// Evaluates expressions: one array for each, in their order. An expression that has the extent of
/// a split operand along its split axis gives an array that is split so, with the operand's layout;
/// what is reduced over the split axis, and what has replicated operands alone, is replicated.
///
/// All reductions that need no other one first share one read of their operands, from memory or
/// from files; those of their results share the next. The host works in blocks that stay in its
/// caches: no temporary has the size of an array. Bits are the same at every number of ranks and
/// threads.
///
/// Operands of one expression must be split along the same axis of it, with equal layouts; of those
/// that are not, all but the largest are replicated first (which needs memory for them on each
/// rank), if they are broadcast along its split axis or split along another one. Collective.
/// Communication: partial results of reductions along the tree, and the halos of the arrays' last
/// leaves.
/// @throws InvalidArgument on all ranks for operands whose layouts differ (Array::balance makes
/// them equal), arrays on a device, and expressions that may have nulls (fill_null); DataError on
/// all ranks for an element that has no value: out of the range of a cast, an integer to a
/// negative power, a sum or product of integers beyond its dtype, the place of the lowest of
/// nothing; RankError if reading fails or memory is short on one.
[[nodiscard]] std::vector<Array> evaluate(const Context& ctx, std::span<const Expr> expressions);
[[nodiscard]] Array evaluate(const Context& ctx, const Expr& expression);

/// An expression as rows that are computed when they are read, batch by batch: what a verb takes, a
/// file is written from, or another expression reads, without an array in between. Its reductions
/// are found now. Its rows are the indices of the split axis (all of a result that is replicated is
/// made now, and is an Array). It keeps the operands alive; reading it is as Collective as theirs,
/// and takes the memory of a batch of each beside the result's. One thread uses it at a time.
/// Collective. @throws as evaluate(); what is wrong with elements is thrown while they are read, by
/// the last batch at the latest: what was read counts only then.
[[nodiscard]] std::shared_ptr<const TileSource> to_source(const Context& ctx,
                                                          const Expr& expression);

/// Several expressions as rows, in their order. Those of one shape that are split alike share each
/// read of their operands: their plans are one plan, and whichever is asked for a batch first
/// computes it for all; each is to read it before one of them reads the next one, which takes the
/// memory of a batch of each. Collective. @throws as above.
[[nodiscard]] std::vector<std::shared_ptr<const TileSource>> to_sources(
    const Context& ctx, std::span<const Expr> expressions);

/// What evaluate() allocates on the rank that needs most, besides what reading its operands takes:
/// results, the states of reductions, operands that are replicated. Estimated from shapes, so that
/// too little memory is known before the work. Local; the same on every rank.
[[nodiscard]] std::int64_t memory_of_evaluation(const Context& ctx,
                                                std::span<const Expr> expressions);

/// What to_source() is to make.
struct SourceEstimate {
  int split_axis = -1;  ///< of the expression's shape, whose indices are the rows; -1: replicated
  std::int64_t bytes = 0;  ///< as memory_of_evaluation; batches are not counted
};
/// Local; the same on every rank.
[[nodiscard]] SourceEstimate estimate_source(const Context& ctx, const Expr& expression);

namespace detail {
void read_number(const Array& number, DType dtype, void* to);
}  // namespace detail

/// A single number, on every rank: `evaluate_as<double>(ctx, mean(x))`. Collective.
/// @throws InvalidArgument, besides what evaluate() throws, if the expression is no single number
/// or T is not its dtype.
template <class T>
[[nodiscard]] T evaluate_as(const Context& ctx, const Expr& expression) {
  T value;
  detail::read_number(evaluate(ctx, expression), dtype_of<T>, &value);
  return value;
}

}  // namespace serried
