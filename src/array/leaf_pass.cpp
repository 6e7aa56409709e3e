#include "array/leaf_pass.hpp"

#include <algorithm>

#include "array/device_view.hpp"
#include "serried/base/tree_nodes.hpp"

namespace serried {
namespace {

// A run is large enough to be worth waking a thread, and small enough to be used twice out of the
// cache.
constexpr std::int64_t min_run_bytes = std::int64_t{128} << 10;
constexpr std::int64_t max_run_bytes = std::int64_t{1} << 20;
// Payloads are folded after so many bytes of leaves for each thread, while they are still in its
// cache.
constexpr std::int64_t bytes_between_folds = std::int64_t{1} << 20;
constexpr std::int64_t shared_bytes_between_folds = std::int64_t{8} << 20;

class LeafPass {
 public:
  LeafPass(const Context& ctx, const TileSource& source, const Leaves& leaves,
           std::int64_t payload_bytes, RunPayloads payloads, const ReduceRun& reduce)
      : ctx_(ctx),
        pool_(ctx.backend()->threads()),
        leaves_(leaves),
        row_bytes_(source.row_bytes()),
        payload_bytes_(payload_bytes),
        makes_nodes_(payloads == RunPayloads::nodes),
        reduce_(reduce),
        device_view_(ctx) {}

  // Reduces the leaves [first, last) of a batch into the fold.
  void run(const TileView& read, std::int64_t first, std::int64_t last, TreeFold& fold) {
    const TileView batch = device_view_.of(read);
    const std::int64_t leaf_bytes =
        std::max<std::int64_t>(1, batch.rows.size() * row_bytes_ / (last - first));
    const int threads = pool_.threads();
    const std::int64_t bytes =
        threads == 1 ? bytes_between_folds : threads * shared_bytes_between_folds;
    const std::int64_t at_once =
        ctx_.has_device() ? last - first : std::max<std::int64_t>(1, bytes / leaf_bytes);
    for (std::int64_t begin = first; begin < last; begin += at_once) {
      const std::int64_t end = std::min(last, begin + at_once);
      reduce_leaves(batch, begin, end, leaf_bytes, fold);
    }
  }

 private:
  // Payloads of a run's nodes stand where those of its first leaves would.
  void reduce_leaves(const TileView& batch, std::int64_t first, std::int64_t last,
                     std::int64_t leaf_bytes, TreeFold& fold) {
    const std::int64_t count = last - first;
    offsets_.resize(static_cast<std::size_t>(count + 1));
    set_offsets(first, batch.rows.begin);
    const std::int64_t length = run_length(count, leaf_bytes);
    const std::int64_t runs = (count + length - 1) / length;
    const std::int64_t held = makes_nodes_ && runs == 1
                                  ? static_cast<std::int64_t>(maximal_nodes(first, last).size())
                                  : count;
    payloads_.reserve(ctx_.backend(), static_cast<std::size_t>(payload_bytes_ * held));
    pool_.parallel_for(runs, [&](std::int64_t index, int worker) {
      const std::int64_t begin = index * length;
      const std::int64_t end = std::min(count, begin + length);
      const auto offsets = std::span<const std::int64_t>(offsets_).subspan(
          static_cast<std::size_t>(begin), static_cast<std::size_t>(end - begin + 1));
      reduce_({batch.data, offsets, first + begin}, payload(begin), worker);
    });
    if (payload_bytes_ == 0) return;
    if (!makes_nodes_) {
      for (std::int64_t i = 0; i < count; ++i) fold.push(first + i, payload(i));
      return;
    }
    for (std::int64_t begin = 0; begin < count; begin += length) {
      std::int64_t i = begin;
      for (const TreeNode& node :
           maximal_nodes(first + begin, first + std::min(count, begin + length)))
        fold.push_node(node.level, node.index, payload(i++));
    }
  }

  void set_offsets(std::int64_t first, std::int64_t first_row) {
    const Layout& layout = leaves_.layout();
    if (!layout.is_uniform()) {
      for (std::int64_t& offset : offsets_) offset = leaves_.row_begin(first++) - first_row;
      return;
    }
    const std::int64_t leaf_rows = layout.tile_rows() * leaves_.tiles_per_leaf();
    std::int64_t row = first * leaf_rows;
    for (std::int64_t& offset : offsets_) {
      offset = std::min(row, layout.rows()) - first_row;
      row += leaf_rows;
    }
  }

  [[nodiscard]] std::byte* payload(std::int64_t i) {
    return payload_bytes_ == 0 ? nullptr : payloads_.data() + payload_bytes_ * i;
  }

  [[nodiscard]] std::int64_t run_length(std::int64_t leaves, std::int64_t leaf_bytes) const {
    if (pool_.threads() == 1 || ctx_.has_device()) return leaves;
    const std::int64_t shared = leaves / (8 * pool_.threads());
    return std::max<std::int64_t>(
        1, std::clamp(shared, min_run_bytes / leaf_bytes, max_run_bytes / leaf_bytes));
  }

  const Context& ctx_;
  const ThreadPool& pool_;
  const Leaves& leaves_;
  std::int64_t row_bytes_;
  std::int64_t payload_bytes_;
  bool makes_nodes_;
  const ReduceRun& reduce_;
  std::vector<std::int64_t> offsets_;
  Buffer payloads_;
  DeviceView device_view_;
};

// Every thread has a full batch to work on; batches from a file grow with the threads.
std::int64_t batch_bytes_of(const Context& ctx) {
  if (ctx.has_device()) return device_batch_bytes(ctx);
  return ctx.options().batch_bytes * ctx.backend()->threads().threads();
}

}  // namespace

std::vector<std::byte> reduce_leaf_runs(const Context& ctx, const TileSource& source,
                                        const Leaves& leaves, const ReduceRun& reduce,
                                        const CombineFunction& combine,
                                        std::span<const std::byte> empty,
                                        const TreeReduceOptions& tree_options,
                                        RunPayloads payloads) {
  const auto payload_bytes = static_cast<std::int64_t>(empty.size());
  const ReadPlan plan = source.plan(leaves, batch_bytes_of(ctx), ctx.rank());
  Buffer scratch;
  TreeFold fold(payload_bytes, combine);
  LeafPass pass(ctx, source, leaves, payload_bytes, payloads, reduce);
  read_batches(ctx.comm(), source, plan, scratch, [&](std::size_t batch, const TileView& view) {
    const auto span = ctx.recorder().span("reduce leaves", Activity::computation);
    pass.run(view, plan.first_leaves[batch], plan.first_leaves[batch + 1], fold);
  });
  if (payload_bytes == 0) return {};
  return tree_reduce(ctx.comm(), leaves, fold.release(), empty, combine, tree_options);
}

void visit_leaf_runs(const Context& ctx, const TileSource& source, const Leaves& leaves,
                     const ReduceRun& use) {
  static_cast<void>(
      reduce_leaf_runs(ctx, source, leaves, use, [](std::byte*, const std::byte*) {}, {}));
}

}  // namespace serried
