#include "serried/array/reduce_rows.hpp"

#include <algorithm>

#include "array/device_view.hpp"

namespace serried::detail {
namespace {

// The payloads of one batch's leaves, made by all threads.
class LeafPass {
 public:
  LeafPass(const Context& ctx, const Leaves& leaves, const TileSource& source,
           std::span<const std::byte> init,
           const std::function<void(const TileView&, std::byte*)>& per_leaf)
      : ctx_(ctx),
        leaves_(leaves),
        row_bytes_(source.row_bytes()),
        init_(init),
        per_leaf_(per_leaf),
        stride_((init.size() + 15) / 16 * 16) {}

  // Payload of leaf first_leaf + i stands at payload(i).
  void run(const TileView& batch, std::int64_t first_leaf, std::int64_t last_leaf) {
    const std::int64_t count = last_leaf - first_leaf;
    payloads_.reserve(ctx_.backend(), stride_ * static_cast<std::size_t>(count));
    const ThreadPool& pool = ctx_.backend()->threads();
    const std::int64_t run_length = std::max<std::int64_t>(1, count / (8 * pool.threads()));
    pool.parallel_for((count + run_length - 1) / run_length, [&](std::int64_t run, int) {
      const std::int64_t end = std::min(count, (run + 1) * run_length);
      for (std::int64_t i = run * run_length; i < end; ++i)
        reduce_leaf(batch, first_leaf + i, payload(i));
    });
  }

  std::byte* payload(std::int64_t i) {
    return payloads_.data() + stride_ * static_cast<std::size_t>(i);
  }

 private:
  void reduce_leaf(const TileView& batch, std::int64_t leaf, std::byte* payload) const {
    TileView view = batch;
    view.rows = {leaves_.row_begin(leaf), leaves_.row_begin(leaf + 1)};
    view.data += (view.rows.begin - batch.rows.begin) * row_bytes_;
    if (view.rows.is_empty())
      std::ranges::copy(init_, payload);
    else
      per_leaf_(view, payload);
  }

  const Context& ctx_;
  const Leaves& leaves_;
  std::int64_t row_bytes_;
  std::span<const std::byte> init_;
  const std::function<void(const TileView&, std::byte*)>& per_leaf_;
  std::size_t stride_;
  Buffer payloads_;
};

}  // namespace

std::vector<std::byte> reduce_leaves(
    const Context& ctx, const TileSource& source, std::span<const std::byte> init,
    const std::function<void(const TileView& leaf, std::byte* payload)>& per_leaf,
    const CombineFunction& combine, const ReduceRowsOptions& options,
    const TreeReduceOptions& tree_options) {
  const auto payload_bytes = static_cast<std::int64_t>(init.size());
  const Leaves leaves(source.layout(), source.row_bytes(), payload_bytes);
  const std::int64_t batch_bytes =
      options.batch_bytes > 0 ? options.batch_bytes : ctx.options().batch_bytes;
  const ReadPlan plan = source.plan(leaves, batch_bytes, ctx.rank());

  Buffer scratch;
  TreeFold fold(payload_bytes, combine);
  LeafPass pass(ctx, leaves, source, init, per_leaf);
  read_batches(ctx.comm(), source, plan, scratch, [&](std::size_t batch, const TileView& view) {
    require_host(view);
    const auto span = ctx.recorder().span("reduce rows", Activity::computation);
    const std::int64_t first = plan.first_leaves[batch];
    const std::int64_t last = plan.first_leaves[batch + 1];
    pass.run(view, first, last);
    for (std::int64_t leaf = first; leaf < last; ++leaf)
      fold.push(leaf, pass.payload(leaf - first));
  });
  return tree_reduce(ctx.comm(), leaves, fold.release(), init, combine, tree_options);
}

}  // namespace serried::detail
