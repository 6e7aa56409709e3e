#include <algorithm>

#include "array/array_bytes.hpp"
#include "array/evaluate/first_failure.hpp"
#include "array/evaluate/passes.hpp"
#include "serried/array/evaluate.hpp"
#include "serried/base/error.hpp"
#include "serried/comm/agree.hpp"

namespace serried {
namespace {

using detail::ExprNode;

/// What a thread takes at a time.
constexpr std::int64_t run_elements = std::int64_t{32} << 10;

/// Calls `use(step)` for this rank's rows of the domain, which are all rows where it is not split.
/// Collective.
void read_domain(const Context& ctx, const Domain& domain, std::vector<const TileSource*> reads,
                 const std::function<void(const JointStep&)>& use) {
  if (domain.split_axis < 0) {
    const JointStep whole{.rows = {0, domain.rows()}, .first_leaf = 0, .last_leaf = 1};
    return agree(ctx.comm(), [&] { use(whole); });
  }
  JointReader(ctx, std::move(reads), Leaves::single_tiles(*domain.layout)).read(use);
}

std::int64_t first_row_of(const Context& ctx, const Domain& domain) {
  return domain.split_axis < 0 ? 0 : domain.layout->rows_of(ctx.rank()).begin;
}

}  // namespace

void evaluate_rows(const Context& ctx, const Domain& domain, const PlacedProgram& program,
                   const JointStep& step, std::span<const DType> dtypes,
                   std::span<std::byte* const> to, FirstFailure& failure) {
  const std::int64_t elements = step.rows.size() * domain.row_elements();
  const ProgramDomain part{.shape = domain.of_rows(step.rows.size()), .first_row = step.rows.begin};
  const auto sources = program.sources(step.data, step.rows.begin);
  const std::int64_t runs = (elements + run_elements - 1) / run_elements;
  ctx.backend()->threads().parallel_for(runs, [&](std::int64_t run, int) {
    const std::int64_t begin = run * run_elements;
    const std::int64_t end = std::min(elements, begin + run_elements);
    std::vector<std::byte*> outputs;
    for (std::size_t i = 0; i < to.size(); ++i)
      outputs.push_back(to[i] + begin * static_cast<std::int64_t>(size_of(dtypes[i])));
    const std::int64_t failed = program.compiled().evaluate(part, sources, begin, end, outputs);
    if (failed != no_element) failure.take(failed + step.rows.begin * domain.row_elements());
  });
}

std::vector<Array> map_elements(const Context& ctx, const Domain& domain,
                                const std::vector<detail::NodePtr>& nodes, const Known& known) {
  detail::Lowering lowering(domain.shape, domain.split_axis);
  known.tell(lowering);
  std::vector<int> output_of;
  std::vector<DType> dtypes;
  for (const detail::NodePtr& node : nodes) {
    const detail::LoweredOutput output = lowering.add_output(node);
    output_of.push_back(output.value);
    if (output.value == static_cast<int>(dtypes.size())) dtypes.push_back(node->dtype);
  }
  std::vector<const TileSource*> reads;
  const PlacedProgram program(ctx, domain, lowering, reads);

  std::vector<Array> results;
  std::vector<std::byte*> memory;
  for (const DType dtype : dtypes) {
    results.push_back(domain.split_axis < 0 ? Array::empty_replicated(ctx, domain.shape, dtype)
                                            : Array::empty(ctx, domain.shape, dtype,
                                                           domain.split_axis, *domain.layout));
    memory.push_back(memory_of(results.back()));
  }
  const std::int64_t row_elements = domain.row_elements();
  const std::int64_t first_row = first_row_of(ctx, domain);
  FirstFailure failure;
  read_domain(ctx, domain, reads, [&](const JointStep& step) {
    std::vector<std::byte*> to;
    for (std::size_t i = 0; i < memory.size(); ++i)
      to.push_back(memory[i] + (step.rows.begin - first_row) * row_elements *
                                   static_cast<std::int64_t>(size_of(dtypes[i])));
    evaluate_rows(ctx, domain, program, step, dtypes, to, failure);
  });
  agree_on_elements(ctx, domain, failure.element());
  std::vector<Array> arrays;
  for (const int output : output_of) arrays.push_back(results[static_cast<std::size_t>(output)]);
  return arrays;
}

std::vector<FoldValue> fold_in_rows(const Context& ctx, const Domain& domain,
                                    const std::vector<const ExprNode*>& nodes, const Known& known) {
  detail::Lowering lowering(domain.shape, domain.split_axis);
  known.tell(lowering);
  const std::vector<PlacedFold> folds = place_folds(nodes, domain, lowering);
  std::vector<const TileSource*> reads;
  const PlacedProgram program(ctx, domain, lowering, reads);
  std::vector<ProgramFold> specs;
  for (const PlacedFold& fold : folds) specs.push_back(fold.fold);

  struct Result {
    const PlacedFold* fold;
    const ExprNode* node;
    Array array;
    std::byte* memory;
  };
  std::vector<Result> results;
  for (const PlacedFold& fold : folds)
    for (const ExprNode* node : fold.nodes) {
      // the kept axes before the split one say where it is in the result
      int axis = 0;
      for (int a = 0; a < domain.split_axis; ++a)
        axis += (node->reduced >> a & 1u) == 0 || node->keeps_axes ? 1 : 0;
      Array array = Array::empty(ctx, node->shape, node->dtype, axis, *domain.layout);
      std::byte* const memory = memory_of(array);
      results.push_back({&fold, node, std::move(array), memory});
    }
  const std::int64_t first_row = first_row_of(ctx, domain);
  const std::int64_t run_rows =
      std::max<std::int64_t>(1, run_elements / std::max<std::int64_t>(1, domain.row_elements()));
  FirstFailure failure;
  FirstFailure without_value;  // the number of a result
  read_domain(ctx, domain, reads, [&](const JointStep& step) {
    const ProgramDomain part{.shape = domain.of_rows(step.rows.size()),
                             .first_row = step.rows.begin};
    const auto sources = program.sources(step.data, step.rows.begin);
    const std::int64_t runs = (step.rows.size() + run_rows - 1) / run_rows;
    ctx.backend()->threads().parallel_for(runs, [&](std::int64_t run, int) {
      const std::int64_t begin = run * run_rows;
      const std::int64_t end = std::min(step.rows.size(), begin + run_rows);
      std::vector<std::vector<std::byte>> states;
      std::vector<std::byte*> pointers;
      for (const PlacedFold& fold : folds) {
        states.emplace_back(static_cast<std::size_t>((end - begin) * fold.bytes()));
        pointers.push_back(states.back().data());
        clear_states(fold.fold.op, fold.type, pointers.back(), (end - begin) * fold.slots);
      }
      const std::int64_t failed =
          program.compiled().fold(part, sources, begin, end, specs, pointers);
      if (failed != no_element) failure.take(failed + step.rows.begin * domain.row_elements());
      for (std::size_t i = 0; i < results.size(); ++i) {
        const Result& result = results[i];
        const auto which = static_cast<std::size_t>(result.fold - folds.data());
        const std::int64_t slots = result.fold->slots;
        const std::int64_t shift = (step.rows.begin - first_row + begin) * slots *
                                   static_cast<std::int64_t>(size_of(result.node->dtype));
        if (!finish_states(*result.node, result.fold->type, states[which].data(),
                           (end - begin) * slots, result.memory + shift))
          without_value.take(static_cast<std::int64_t>(i));
      }
    });
  });
  agree_on_elements(ctx, domain, failure.element());
  const std::int64_t refused = ctx.comm().allreduce(without_value.element(), ReduceOp::min);
  if (refused != no_element) refuse_fold(*results[static_cast<std::size_t>(refused)].node);
  std::vector<FoldValue> values;
  for (const Result& result : results)
    values.push_back({result.node, std::make_shared<const Operand>(to_operand(result.array))});
  return values;
}

}  // namespace serried
