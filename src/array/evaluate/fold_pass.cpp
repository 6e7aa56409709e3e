#include <algorithm>
#include <cstring>
#include <mutex>

#include "array/evaluate/first_failure.hpp"
#include "array/evaluate/passes.hpp"
#include "serried/comm/agree.hpp"
#include "serried/comm/reduction_tree.hpp"

namespace serried {
namespace {

using detail::ExprNode;

/// Bytes of a value as a leaf counts them: the same for every expression over a domain, so that a
/// reduction has the same bits beside any other.
constexpr std::int64_t bytes_of_value = 8;
/// Payloads are folded after so many leaves, or so many bytes of them.
constexpr std::int64_t most_leaves_at_once = 4096;
constexpr std::int64_t most_payload_bytes = std::int64_t{16} << 20;

/// Folds with leaves of one size. Their states lie one behind the other in a payload.
struct FoldGroup {
  std::int64_t tiles_per_leaf = 1;
  std::vector<PlacedFold> folds;
  std::optional<PlacedProgram> program;
  std::vector<ProgramFold> specs;
  std::int64_t payload_bytes = 0;

  void clear(std::byte* payload) const {
    for (const PlacedFold& fold : folds) {
      clear_states(fold.fold.op, fold.type, payload, fold.slots);
      payload += padded(fold.bytes());
    }
  }
  void combine(std::byte* left, const std::byte* right) const {
    for (const PlacedFold& fold : folds) {
      combine_states(fold.fold.op, fold.type, left, right, fold.slots);
      left += padded(fold.bytes());
      right += padded(fold.bytes());
    }
  }
  static std::int64_t padded(std::int64_t bytes) { return (bytes + 15) / 16 * 16; }
};

std::int64_t smallest_leaf(const Domain& domain, const PlacedFold& fold) {
  return Leaves(*domain.layout, domain.row_elements() * bytes_of_value, fold.bytes())
      .tiles_per_leaf();
}

class FoldPass {
 public:
  FoldPass(const Context& ctx, const Domain& domain, std::vector<FoldGroup>& groups,
           const Leaves& leaves)
      : ctx_(ctx), domain_(domain), groups_(groups), leaves_(leaves) {
    for (const FoldGroup& group : groups) payload_bytes_ += group.payload_bytes;
    const auto combine = [this](std::byte* left, const std::byte* right) {
      for (const FoldGroup& group : groups_) {
        group.combine(left, right);
        left += group.payload_bytes;
        right += group.payload_bytes;
      }
    };
    combine_ = combine;
    fold_.emplace(payload_bytes_, combine_);
  }

  void take(const JointStep& step) {
    const ThreadPool& pool = ctx_.backend()->threads();
    const std::int64_t at_once = std::clamp<std::int64_t>(
        most_payload_bytes / std::max<std::int64_t>(1, payload_bytes_), 1, most_leaves_at_once);
    for (std::int64_t first = step.first_leaf; first < step.last_leaf; first += at_once) {
      const std::int64_t count = std::min(at_once, step.last_leaf - first);
      payloads_.reserve(ctx_.backend(), static_cast<std::size_t>(count * payload_bytes_));
      const std::int64_t run = std::max<std::int64_t>(1, count / (8 * pool.threads()));
      pool.parallel_for((count + run - 1) / run, [&](std::int64_t index, int) {
        for (std::int64_t i = index * run; i < std::min(count, (index + 1) * run); ++i)
          fold_leaf(step, first + i, payloads_.data() + i * payload_bytes_);
      });
      for (std::int64_t i = 0; i < count; ++i)
        fold_->push(first + i, payloads_.data() + i * payload_bytes_);
    }
  }

  /// Of all ranks' leaves. Collective.
  std::vector<std::byte> result() {
    return tree_reduce(ctx_.comm(), leaves_, fold_->release(), nothing(), combine_);
  }
  /// Where this rank has taken all leaves. Local.
  std::vector<std::byte> own_result() {
    std::vector<TreeFold::Node> nodes = fold_->release();
    if (nodes.empty()) return nothing();
    return join_from_right(std::move(nodes), combine_);
  }
  [[nodiscard]] std::int64_t failed() const { return failure_.element(); }

 private:
  /// The root of a tree whose last leaves are the last of these nodes.
  static std::vector<std::byte> join_from_right(std::vector<TreeFold::Node> nodes,
                                                const CombineFunction& combine) {
    while (nodes.size() > 1) {
      combine(nodes[nodes.size() - 2].payload.data(), nodes.back().payload.data());
      nodes.pop_back();
    }
    return std::move(nodes.front().payload);
  }
  [[nodiscard]] std::vector<std::byte> nothing() const {
    std::vector<std::byte> empty(static_cast<std::size_t>(payload_bytes_));
    std::byte* at = empty.data();
    for (const FoldGroup& group : groups_) {
      group.clear(at);
      at += group.payload_bytes;
    }
    return empty;
  }

  void fold_leaf(const JointStep& step, std::int64_t leaf, std::byte* payload) {
    for (FoldGroup& group : groups_) {
      const std::int64_t parts = leaves_.tiles_per_leaf() / group.tiles_per_leaf;
      if (parts == 1) {
        fold_rows(step, group, {leaves_.row_begin(leaf), leaves_.row_begin(leaf + 1)}, payload);
      } else {
        // the node of the smaller leaves' own tree that this leaf is
        const Leaves small = Leaves::of_tiles(*domain_.layout, group.tiles_per_leaf);
        const CombineFunction combine = [&](std::byte* left, const std::byte* right) {
          group.combine(left, right);
        };
        TreeFold fold(group.payload_bytes, combine);
        std::vector<std::byte> own(static_cast<std::size_t>(group.payload_bytes));
        const std::int64_t end = std::min(small.count(), (leaf + 1) * parts);
        for (std::int64_t part = leaf * parts; part < end; ++part) {
          fold_rows(step, group, {small.row_begin(part), small.row_begin(part + 1)}, own.data());
          fold.push(part, own.data());
        }
        // at the end of the rows several nodes are left
        const std::vector<std::byte> joined = join_from_right(fold.release(), combine);
        std::memcpy(payload, joined.data(), joined.size());
      }
      payload += group.payload_bytes;
    }
  }

  void fold_rows(const JointStep& step, const FoldGroup& group, RowRange rows, std::byte* payload) {
    group.clear(payload);
    if (rows.is_empty()) return;
    std::vector<std::byte*> states;
    for (const PlacedFold& fold : group.folds) {
      // of folds that keep the rows (of a domain that is not split) each has its own states
      const bool keeps_rows = (fold.fold.kept & 1u) != 0;
      states.push_back(payload + (keeps_rows ? rows.begin * (fold.bytes() / domain_.rows()) : 0));
      payload += FoldGroup::padded(fold.bytes());
    }
    const auto sources = group.program->sources(step.data, step.rows.begin);
    const std::int64_t failed = group.program->compiled().fold(
        {.shape = domain_.of_rows(step.rows.size()), .first_row = step.rows.begin}, sources,
        rows.begin - step.rows.begin, rows.end - step.rows.begin, group.specs, states);
    if (failed != no_element) failure_.take(failed + step.rows.begin * domain_.row_elements());
  }

  const Context& ctx_;
  const Domain& domain_;
  std::vector<FoldGroup>& groups_;
  const Leaves& leaves_;
  std::int64_t payload_bytes_ = 0;
  CombineFunction combine_;
  std::optional<TreeFold> fold_;
  Buffer payloads_;
  FirstFailure failure_;
};

/// An operand that every rank has, whose elements the part of a payload is; none if an element has
/// no value.
std::shared_ptr<const Operand> value_of(const ExprNode& node, const PlacedFold& fold,
                                        const std::byte* states) {
  auto operand = std::make_shared<Operand>();
  operand->name = "a result";
  operand->shape = node.shape;
  operand->dtype = node.dtype;
  operand->split_axis = -1;
  const std::size_t bytes = static_cast<std::size_t>(node.shape.elements()) * size_of(node.dtype);
  auto elements = std::shared_ptr<std::byte[]>(new std::byte[bytes + 16]);
  if (!finish_states(node, fold.type, states, node.shape.elements(), elements.get()))
    return nullptr;
  operand->elements = std::shared_ptr<const std::byte>(elements, elements.get());
  return operand;
}

}  // namespace

std::vector<FoldValue> fold_over_rows(const Context& ctx, const Domain& domain,
                                      const std::vector<const ExprNode*>& nodes,
                                      const Known& known) {
  // Which folds have leaves of which size, by shapes alone.
  Domain whole = domain;
  if (!whole.layout)
    whole.layout = Layout::uniform(domain.rows(), ctx.size(), ctx.options().max_tiles);
  std::vector<FoldGroup> groups;
  std::vector<const TileSource*> reads;
  std::vector<std::pair<std::int64_t, std::vector<const ExprNode*>>> by_leaf;
  for (const ExprNode* node : nodes) {
    detail::Lowering lowering(domain.shape, domain.split_axis);
    known.tell(lowering);
    const std::int64_t tiles = smallest_leaf(whole, place_folds({node}, domain, lowering).front());
    auto found = std::find_if(by_leaf.begin(), by_leaf.end(),
                              [&](const auto& entry) { return entry.first == tiles; });
    if (found == by_leaf.end()) found = by_leaf.insert(found, {tiles, {}});
    found->second.push_back(node);
  }
  std::int64_t largest = 1;
  for (const auto& [tiles, members] : by_leaf) {
    FoldGroup& group = groups.emplace_back();
    group.tiles_per_leaf = tiles;
    largest = std::max(largest, tiles);
    detail::Lowering lowering(domain.shape, domain.split_axis);
    known.tell(lowering);
    group.folds = place_folds(members, domain, lowering);
    group.program.emplace(ctx, domain, lowering, reads);
    for (const PlacedFold& fold : group.folds) {
      group.specs.push_back(fold.fold);
      group.payload_bytes += FoldGroup::padded(fold.bytes());
    }
  }

  std::vector<std::byte> payload;
  std::int64_t failed = no_element;
  if (domain.split_axis >= 0) {
    const Leaves leaves = Leaves::of_tiles(*domain.layout, largest);
    FoldPass pass(ctx, domain, groups, leaves);
    JointReader(ctx, reads, leaves).read([&](const JointStep& step) { pass.take(step); });
    failed = pass.failed();
    agree_on_elements(ctx, domain, failed);
    payload = pass.result();
  } else {
    // every rank has all of it, and folds it as one rank would
    whole.layout = Layout::uniform(domain.rows(), 1, ctx.options().max_tiles);
    const Leaves leaves = Leaves::of_tiles(*whole.layout, largest);
    FoldPass pass(ctx, whole, groups, leaves);
    agree(ctx.comm(), [&] {
      if (leaves.count() > 0) pass.take({{0, domain.rows()}, 0, leaves.count(), {}});
    });
    failed = pass.failed();
    agree_on_elements(ctx, domain, failed);
    payload = pass.own_result();
  }

  std::vector<FoldValue> values;
  const std::byte* states = payload.data();
  agree(ctx.comm(), [&] {
    for (const FoldGroup& group : groups)
      for (const PlacedFold& fold : group.folds) {
        for (const ExprNode* node : fold.nodes)
          values.push_back({node, value_of(*node, fold, states)});
        states += FoldGroup::padded(fold.bytes());
      }
  });
  for (const FoldValue& value : values)
    if (value.operand == nullptr) refuse_fold(*value.node);
  return values;
}

}  // namespace serried
