#include <algorithm>
#include <cstring>
#include <limits>
#include <string>

#include "array/array_bytes.hpp"
#include "array/evaluate/first_failure.hpp"
#include "array/evaluate/passes.hpp"
#include "array/evaluate/rank_search.hpp"
#include "array/order/order_keys.hpp"
#include "expr/text.hpp"
#include "serried/array/evaluate.hpp"
#include "serried/base/error.hpp"
#include "serried/comm/agree.hpp"

namespace serried {
namespace {

using detail::ExprNode;

/// Keys that are looked at several times while they are in the first cache.
constexpr std::int64_t run_elements = std::int64_t{4} << 10;
/// Slots that are searched in the same reads.
constexpr std::int64_t most_slots = 16384;
constexpr std::uint32_t no_slot = UINT32_MAX;

/// Quantiles of the same values over the same axes: they share their reads.
struct QuantileGroup {
  std::vector<const ExprNode*> nodes;
  std::optional<PlacedProgram> program;
  std::vector<const TileSource*> reads;
  int value = 0;
  int mask = -1;
  RegisterType type = RegisterType::f64;
  std::int64_t slots = 1;  ///< results of each q: of all rows, or of one
  /// The slot of each element of a row (of all elements where the domain is not split); empty: 0.
  std::vector<std::uint32_t> slot_of;

  [[nodiscard]] std::vector<std::byte*> outputs(std::vector<std::byte>& values,
                                                std::vector<std::uint8_t>& is_in,
                                                std::int64_t elements) const {
    values.resize(static_cast<std::size_t>(elements) * size_of(type));
    is_in.resize(static_cast<std::size_t>(elements));
    std::vector<std::byte*> to(mask < 0 ? 1 : 2);
    to[static_cast<std::size_t>(value)] = values.data();
    if (mask >= 0) to[static_cast<std::size_t>(mask)] = reinterpret_cast<std::byte*>(is_in.data());
    return to;
  }
};

/// @param shape the axes that a slot map covers, in the order of memory; `kept` a bit for each.
std::vector<std::uint32_t> make_slot_map(const Shape& shape, std::uint32_t kept) {
  const std::int64_t elements = shape.elements();
  std::vector<std::uint32_t> map(static_cast<std::size_t>(elements));
  std::vector<std::int64_t> strides(static_cast<std::size_t>(shape.dimensions()));
  std::int64_t slots = 1;
  for (int axis = shape.dimensions() - 1; axis >= 0; --axis) {
    if ((kept >> axis & 1u) == 0) continue;
    strides[static_cast<std::size_t>(axis)] = slots;
    slots *= shape[axis];
  }
  std::vector<std::int64_t> index(static_cast<std::size_t>(shape.dimensions()));
  for (std::int64_t e = 0; e < elements; ++e) {
    std::int64_t slot = 0;
    for (std::size_t axis = 0; axis < index.size(); ++axis) slot += index[axis] * strides[axis];
    map[static_cast<std::size_t>(e)] = static_cast<std::uint32_t>(slot);
    for (int axis = shape.dimensions() - 1; axis >= 0; --axis) {
      auto& i = index[static_cast<std::size_t>(axis)];
      if (++i < shape[axis]) break;
      i = 0;
    }
  }
  return map;
}

QuantileGroup make_group(const Context& ctx, const Domain& domain,
                         const std::vector<const ExprNode*>& nodes, const Known& known) {
  QuantileGroup group;
  group.nodes = nodes;
  const ExprNode& first = *nodes.front();
  detail::Lowering lowering(domain.shape, domain.split_axis);
  known.tell(lowering);
  group.value = lowering.add_register(first.in[0]);
  group.mask = lowering.add_mask(first.has_mask ? first.in[1] : nullptr, {first.in[0]});
  group.type = register_type(first.in[0]->dtype);
  std::uint32_t kept = 0;
  for (int axis = 0; axis < domain.shape.dimensions(); ++axis)
    if ((first.reduced >> axis & 1u) == 0) kept |= 1u << lowering.domain_axis(axis);
  const Shape all = domain.of_rows(domain.rows());
  const Shape row = domain.split_axis < 0 ? all : all.without(0);
  if (domain.split_axis >= 0) kept >>= 1;
  for (int axis = 0; axis < row.dimensions(); ++axis)
    if ((kept >> axis & 1u) != 0) group.slots *= row[axis];
  if (group.slots != 1) {
    if (row.elements() >= no_slot)
      throw InvalidArgument("quantiles of rows of more than 2^32 - 2 elements");
    group.slot_of = make_slot_map(row, kept);
  }
  group.program.emplace(ctx, domain, lowering, group.reads);
  return group;
}

/// What a quantile of a node is, of `numbers` numbers whose order statistics `key_at` tells.
/// @return false if there is none.
template <class KeyAt>
bool store_quantiles(const ExprNode& node, RegisterType type, const SlotCount& count, KeyAt key_at,
                     std::byte* to, std::int64_t q_stride) {
  for (std::size_t i = 0; i < node.q.size(); ++i, to += q_stride) {
    if (count.nans > 0 || count.numbers == 0) {
      if (!is_floating(node.dtype)) return false;
      store_number(std::numeric_limits<double>::quiet_NaN(), node.dtype, to);
      continue;
    }
    const QuantilePlace place = quantile_place(node.method, count.numbers, node.q[i]);
    const std::uint64_t low = key_at(place.first);
    const std::uint64_t high = place.second == place.first ? low : key_at(place.second);
    if (low == high || place.share == 0) {
      store_key(type, low, node.dtype, to);
      continue;
    }
    if (place.share == 1) {
      store_key(type, high, node.dtype, to);
      continue;
    }
    store_number(interpolate(value_of_key(type, low), value_of_key(type, high), place.share),
                 node.dtype, to);
  }
  return true;
}

/// The ranks that the quantiles of all nodes of a group need.
std::vector<std::int64_t> needed_ranks(const QuantileGroup& group, const SlotCount& count) {
  std::vector<std::int64_t> ranks;
  if (count.nans > 0 || count.numbers == 0) return ranks;
  for (const ExprNode* node : group.nodes)
    for (const double q : node->q) {
      const QuantilePlace place = quantile_place(node->method, count.numbers, q);
      ranks.push_back(place.first);
      ranks.push_back(place.second);
    }
  std::sort(ranks.begin(), ranks.end());
  ranks.erase(std::unique(ranks.begin(), ranks.end()), ranks.end());
  return ranks;
}

/// Puts the keys of these ranks in their places.
void select(std::vector<std::uint64_t>& keys, const std::vector<std::int64_t>& ranks) {
  auto begin = keys.begin();
  for (const std::int64_t rank : ranks) {
    const auto place = keys.begin() + rank;
    if (place < begin) continue;
    std::nth_element(begin, place, keys.end());
    begin = place + 1;
  }
}

/// The quantiles of the slots of `elements` values that lie in memory: result i of node n goes to
/// to[n] + i * size, quantile by quantile `q_strides[n]` bytes apart. Those without a value go to
/// `without`.
void quantiles_of_values(const QuantileGroup& group, const std::byte* values,
                         const std::uint8_t* is_in, std::int64_t elements,
                         std::span<std::byte* const> to, std::span<const std::int64_t> q_strides,
                         FirstFailure& without) {
  thread_local std::vector<std::uint64_t> all;
  all.resize(static_cast<std::size_t>(elements));
  const DType dtype = dtype_of_register(group.type);
  make_order_keys(dtype, values, elements, all.data());
  const std::uint64_t highest = highest_key(dtype);
  std::vector<std::vector<std::uint64_t>> of_slot(static_cast<std::size_t>(group.slots));
  std::vector<SlotCount> counts(of_slot.size());
  for (std::size_t e = 0; e < all.size(); ++e) {
    if (is_in != nullptr && is_in[e] == 0) continue;
    const std::size_t slot = group.slot_of.empty() ? 0 : group.slot_of[e];
    if (all[e] > highest) {
      ++counts[slot].nans;
    } else {
      of_slot[slot].push_back(all[e]);
      ++counts[slot].numbers;
    }
  }
  for (std::size_t slot = 0; slot < of_slot.size(); ++slot) {
    select(of_slot[slot], needed_ranks(group, counts[slot]));
    for (std::size_t n = 0; n < group.nodes.size(); ++n) {
      const ExprNode& node = *group.nodes[n];
      const bool is_there = store_quantiles(
          node, group.type, counts[slot],
          [&](std::int64_t rank) { return of_slot[slot][static_cast<std::size_t>(rank)]; },
          to[n] + slot * size_of(node.dtype), q_strides[n]);
      if (!is_there) without.take(static_cast<std::int64_t>(n));
    }
  }
}

/// @param without the number of a node, or no_element; the same on all ranks.
/// @throws DataError if there is one.
void refuse_without(const QuantileGroup& group, std::int64_t without) {
  if (without != no_element) refuse_fold(*group.nodes[static_cast<std::size_t>(without)]);
}

std::shared_ptr<Operand> replicated_operand(const ExprNode& node) {
  auto operand = std::make_shared<Operand>();
  operand->name = "a result";
  operand->shape = node.shape;
  operand->dtype = node.dtype;
  operand->split_axis = -1;
  return operand;
}

std::shared_ptr<std::byte[]> memory_for(const ExprNode& node) {
  const std::size_t bytes = static_cast<std::size_t>(node.shape.elements()) * size_of(node.dtype);
  return std::shared_ptr<std::byte[]>(new std::byte[bytes + 16]);
}

/// Every rank has all values.
std::vector<FoldValue> quantiles_here(const Context& ctx, const Domain& domain,
                                      const QuantileGroup& group) {
  std::vector<FoldValue> found;
  std::int64_t failed = no_element;
  FirstFailure without;
  agree(ctx.comm(), [&] {
    const std::int64_t elements = domain.shape.elements();
    std::vector<std::byte> values;
    std::vector<std::uint8_t> is_in;
    const auto outputs = group.outputs(values, is_in, elements);
    failed = group.program->compiled().evaluate(
        {.shape = domain.shape}, group.program->sources({}, 0), 0, elements, outputs);
    std::vector<std::shared_ptr<std::byte[]>> memory;
    std::vector<std::byte*> to;
    std::vector<std::int64_t> q_strides;
    for (const ExprNode* node : group.nodes) {
      memory.push_back(memory_for(*node));
      to.push_back(memory.back().get());
      q_strides.push_back(group.slots * static_cast<std::int64_t>(size_of(node->dtype)));
    }
    if (failed == no_element)
      quantiles_of_values(group, values.data(), group.mask < 0 ? nullptr : is_in.data(), elements,
                          to, q_strides, without);
    for (std::size_t n = 0; n < group.nodes.size(); ++n) {
      auto operand = replicated_operand(*group.nodes[n]);
      operand->elements = std::shared_ptr<const std::byte>(memory[n], memory[n].get());
      found.push_back({group.nodes[n], std::move(operand)});
    }
  });
  agree_on_elements(ctx, domain, failed);
  refuse_without(group, without.element());
  return found;
}

/// The rows are kept: each rank finds those of its own rows.
std::vector<FoldValue> quantiles_in_rows(const Context& ctx, const Domain& domain,
                                         const QuantileGroup& group) {
  const std::int64_t row_elements = domain.row_elements();
  const std::int64_t first_row = domain.layout->rows_of(ctx.rank()).begin;
  std::vector<Array> arrays;
  std::vector<std::byte*> memory;
  for (const ExprNode* node : group.nodes) {
    int axis = node->has_q_axis ? 1 : 0;
    for (int a = 0; a < domain.split_axis; ++a)
      axis += (node->reduced >> a & 1u) == 0 || node->keeps_axes ? 1 : 0;
    arrays.push_back(Array::empty(ctx, node->shape, node->dtype, axis, *domain.layout));
    memory.push_back(memory_of(arrays.back()));
  }
  FirstFailure failure;
  FirstFailure without;
  const std::int64_t run_rows =
      std::max<std::int64_t>(1, run_elements / std::max<std::int64_t>(1, row_elements));
  JointReader(ctx, group.reads, Leaves::single_tiles(*domain.layout))
      .read([&](const JointStep& step) {
        const ProgramDomain part{.shape = domain.of_rows(step.rows.size()),
                                 .first_row = step.rows.begin};
        const auto sources = group.program->sources(step.data, step.rows.begin);
        const std::int64_t runs = (step.rows.size() + run_rows - 1) / run_rows;
        ctx.backend()->threads().parallel_for(runs, [&](std::int64_t run, int) {
          const std::int64_t begin = run * run_rows;
          const std::int64_t end = std::min(step.rows.size(), begin + run_rows);
          std::vector<std::byte> values;
          std::vector<std::uint8_t> is_in;
          const auto outputs = group.outputs(values, is_in, (end - begin) * row_elements);
          const std::int64_t bad = group.program->compiled().evaluate(
              part, sources, begin * row_elements, end * row_elements, outputs);
          if (bad != no_element) return failure.take(bad + step.rows.begin * row_elements);
          std::vector<std::byte*> to(memory.size());
          std::vector<std::int64_t> q_strides(memory.size());
          for (std::int64_t row = begin; row < end; ++row) {
            for (std::size_t n = 0; n < memory.size(); ++n) {
              const ExprNode& node = *group.nodes[n];
              const auto bytes = static_cast<std::int64_t>(size_of(node.dtype));
              q_strides[n] = group.slots * bytes;
              to[n] = memory[n] + (step.rows.begin - first_row + row) * q_strides[n] *
                                      static_cast<std::int64_t>(node.q.size());
            }
            const std::int64_t at = (row - begin) * row_elements;
            quantiles_of_values(
                group, values.data() + at * static_cast<std::int64_t>(size_of(group.type)),
                group.mask < 0 ? nullptr : is_in.data() + at, row_elements, to, q_strides, without);
          }
        });
      });
  agree_on_elements(ctx, domain, failure.element());
  refuse_without(group, ctx.comm().allreduce(without.element(), ReduceOp::min));
  std::vector<FoldValue> found;
  for (std::size_t n = 0; n < arrays.size(); ++n)
    found.push_back({group.nodes[n], std::make_shared<const Operand>(to_operand(arrays[n]))});
  return found;
}

/// The rows are reduced: a search over all ranks.
std::vector<FoldValue> quantiles_over_rows(const Context& ctx, const Domain& domain,
                                           const QuantileGroup& group) {
  const std::int64_t row_elements = domain.row_elements();
  std::vector<std::shared_ptr<std::byte[]>> memory;
  agree(ctx.comm(), [&] {
    for (const ExprNode* node : group.nodes) memory.push_back(memory_for(*node));
  });
  FirstFailure failure;
  const std::int64_t run_rows =
      std::max<std::int64_t>(1, run_elements / std::max<std::int64_t>(1, row_elements));
  for (std::int64_t first = 0; first < group.slots; first += most_slots) {
    const std::int64_t slots = std::min(most_slots, group.slots - first);
    const auto read = [&](const std::function<void(const KeyRun&, int)>& use) {
      JointReader(ctx, group.reads, Leaves::single_tiles(*domain.layout))
          .read([&](const JointStep& step) {
            const ProgramDomain part{.shape = domain.of_rows(step.rows.size()),
                                     .first_row = step.rows.begin};
            const auto sources = group.program->sources(step.data, step.rows.begin);
            // long rows in pieces
            const std::int64_t piece =
                std::min(run_rows * row_elements, std::max(run_elements, std::int64_t{1}));
            const std::int64_t elements = step.rows.size() * row_elements;
            const std::int64_t runs = (elements + piece - 1) / std::max<std::int64_t>(1, piece);
            const std::byte* const stored =
                group.mask < 0 ? group.program->compiled().find_stored(part, sources, group.value)
                               : nullptr;
            ctx.backend()->threads().parallel_for(runs, [&](std::int64_t run, int worker) {
              const std::int64_t begin = run * piece;
              const std::int64_t end = std::min(elements, begin + piece);
              thread_local std::vector<std::byte> values;
              thread_local std::vector<std::uint8_t> is_in;
              thread_local std::vector<std::uint64_t> keys;
              thread_local std::vector<std::uint32_t> slot_of;
              const DType dtype = dtype_of_register(group.type);
              const std::byte* from = stored;
              if (stored != nullptr) {
                from += begin * static_cast<std::int64_t>(size_of(dtype));
              } else {
                const auto outputs = group.outputs(values, is_in, end - begin);
                const std::int64_t bad =
                    group.program->compiled().evaluate(part, sources, begin, end, outputs);
                if (bad != no_element) failure.take(bad + step.rows.begin * row_elements);
                from = values.data();
              }
              const auto count = static_cast<std::size_t>(end - begin);
              keys.resize(count);
              make_order_keys(dtype, from, end - begin, keys.data());
              KeyRun taken{.keys = keys, .first = step.rows.begin * row_elements + begin};
              const bool has_slots = !group.slot_of.empty() || group.mask >= 0;
              if (has_slots) {
                slot_of.resize(count);
                auto column = static_cast<std::size_t>(begin % row_elements);
                const auto columns = static_cast<std::size_t>(row_elements);
                for (std::size_t i = 0; i < count; ++i) {
                  const std::int64_t slot = group.slot_of.empty() ? 0 : group.slot_of[column];
                  const bool is_taken =
                      (group.mask < 0 || is_in[i] != 0) && slot >= first && slot < first + slots;
                  slot_of[i] = is_taken ? static_cast<std::uint32_t>(slot - first) : no_slot;
                  if (++column == columns) column = 0;
                }
                taken.slots = slot_of;
              }
              use(taken, worker);
            });
          });
    };
    RankSearch search(ctx, domain.rows() * row_elements, group.slots, slots,
                      highest_key(dtype_of_register(group.type)), read);
    const std::vector<SlotCount>& counts = search.count();
    agree_on_elements(ctx, domain, failure.element());
    std::vector<std::vector<std::int64_t>> ranks;
    for (const SlotCount& count : counts) ranks.push_back(needed_ranks(group, count));
    const auto keys = search.find(ranks);
    FirstFailure without;
    agree(ctx.comm(), [&] {
      for (std::int64_t slot = 0; slot < slots; ++slot) {
        const auto s = static_cast<std::size_t>(slot);
        for (std::size_t n = 0; n < group.nodes.size(); ++n) {
          const ExprNode& node = *group.nodes[n];
          const auto bytes = static_cast<std::int64_t>(size_of(node.dtype));
          const bool is_there = store_quantiles(
              node, group.type, counts[s],
              [&](std::int64_t rank) {
                const auto at = std::lower_bound(ranks[s].begin(), ranks[s].end(), rank);
                return keys[s][static_cast<std::size_t>(at - ranks[s].begin())];
              },
              memory[n].get() + (first + slot) * bytes, group.slots * bytes);
          if (!is_there) without.take(static_cast<std::int64_t>(n));
        }
      }
    });
    refuse_without(group, without.element());
  }
  std::vector<FoldValue> found;
  for (std::size_t n = 0; n < group.nodes.size(); ++n) {
    auto operand = replicated_operand(*group.nodes[n]);
    operand->elements = std::shared_ptr<const std::byte>(memory[n], memory[n].get());
    found.push_back({group.nodes[n], std::move(operand)});
  }
  return found;
}

}  // namespace

std::vector<FoldValue> find_quantiles(const Context& ctx, const Domain& domain,
                                      const std::vector<const ExprNode*>& nodes,
                                      const Known& known) {
  // the same values over the same axes
  std::vector<std::vector<const ExprNode*>> groups;
  for (const ExprNode* node : nodes) {
    const auto same = std::find_if(groups.begin(), groups.end(), [&](const auto& group) {
      return group.front()->in == node->in && group.front()->has_mask == node->has_mask &&
             group.front()->reduced == node->reduced;
    });
    if (same == groups.end())
      groups.push_back({node});
    else
      same->push_back(node);
  }
  std::vector<FoldValue> found;
  for (const auto& members : groups) {
    const QuantileGroup group = make_group(ctx, domain, members, known);
    const bool keeps_rows =
        domain.split_axis >= 0 && (members.front()->reduced >> domain.split_axis & 1u) == 0;
    std::vector<FoldValue> own = domain.split_axis < 0 ? quantiles_here(ctx, domain, group)
                                 : keeps_rows          ? quantiles_in_rows(ctx, domain, group)
                                                       : quantiles_over_rows(ctx, domain, group);
    for (FoldValue& value : own) found.push_back(std::move(value));
  }
  return found;
}

}  // namespace serried
