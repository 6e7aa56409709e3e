#include "serried/comm/tile_source.hpp"

#include <algorithm>
#include <exception>

#include "serried/comm/agree.hpp"

namespace serried {
namespace {

// The leaves of one rank that are planned in batches, and whether one more comes alone.
struct Share {
  std::int64_t first = 0;
  std::int64_t last = 0;  // one past
  bool has_lone_leaf = false;
};

Share share_of(const Leaves& leaves, int rank, bool is_last_leaf_alone, const Layout& held) {
  Share share{leaves.first_leaf(rank), leaves.first_leaf(rank + 1), false};
  if (is_last_leaf_alone && share.first < share.last &&
      leaves.row_begin(share.last) > held.rows_of(rank).end) {
    --share.last;
    share.has_lone_leaf = true;
  }
  return share;
}

// One past the last leaf of a batch that begins with `leaf`.
std::int64_t batch_end(const Leaves& leaves, std::int64_t row_limit, std::int64_t leaf,
                       std::int64_t last) {
  const std::int64_t begin = leaves.row_begin(leaf);
  // equal leaves need not be counted one by one; only the very last leaf may be shorter
  const Layout& layout = leaves.layout();
  const std::int64_t leaf_rows =
      layout.is_uniform() ? layout.tile_rows() * leaves.tiles_per_leaf() : row_limit;
  const std::int64_t count = leaf_rows > 0 ? row_limit / leaf_rows : 1;
  leaf += std::clamp<std::int64_t>(count, 1, last - leaf);
  while (leaf < last && leaves.row_begin(leaf + 1) - begin <= row_limit) ++leaf;
  return leaf;
}

}  // namespace

ReadPlan TileSource::plan(const Leaves& leaves, std::int64_t bytes, int rank) const {
  return plan_batches(leaves, row_bytes(), bytes, rank);
}

void TileSource::prepare(const ReadPlan& /*plan*/, Buffer& /*scratch*/) const {}

void TileSource::prefetch(const ReadPlan& /*plan*/, std::int64_t /*batch*/) const {}

ReadPlan plan_batches(const Leaves& leaves, std::int64_t row_bytes, std::int64_t bytes, int rank,
                      bool is_last_leaf_alone, const Layout* held) {
  const Layout& lying = held != nullptr ? *held : leaves.layout();
  const std::int64_t row_limit = row_bytes > 0 ? bytes / row_bytes : INT64_MAX;
  std::int64_t most_batches = 0;
  bool has_lone_leaves = false;
  for (int r = 0; r < leaves.layout().ranks(); ++r) {
    const Share share = share_of(leaves, r, is_last_leaf_alone, lying);
    has_lone_leaves = has_lone_leaves || share.has_lone_leaf;
    std::int64_t batches = 0;
    for (std::int64_t leaf = share.first; leaf < share.last; ++batches)
      leaf = batch_end(leaves, row_limit, leaf, share.last);
    most_batches = std::max(most_batches, batches);
  }

  ReadPlan plan;
  plan.tiles_per_leaf = leaves.tiles_per_leaf();
  plan.batch_bytes = bytes;
  const Share share = share_of(leaves, rank, is_last_leaf_alone, lying);
  std::int64_t leaf = share.first;
  plan.first_leaves.push_back(leaf);
  const auto add_batch = [&](std::int64_t end) {
    plan.batches.push_back({leaves.row_begin(leaf), leaves.row_begin(end)});
    plan.first_leaves.push_back(end);
    leaf = end;
  };
  for (std::int64_t batch = 0; batch < most_batches; ++batch)
    add_batch(leaf < share.last ? batch_end(leaves, row_limit, leaf, share.last) : leaf);
  if (has_lone_leaves) add_batch(leaf + (share.has_lone_leaf ? 1 : 0));
  return plan;
}

void read_batches(const Communicator& comm, const TileSource& source, const ReadPlan& plan,
                  Buffer& scratch,
                  const std::function<void(std::size_t batch, const TileView& view)>& use,
                  std::span<const std::uint8_t> wanted) {
  const std::size_t count = plan.batches.size();
  const auto next_wanted = [&](std::size_t batch) {
    while (batch < count && !wanted.empty() && wanted[batch] == 0) ++batch;
    return batch;
  };
  source.prepare(plan, scratch);
  std::exception_ptr failure;
  for (std::size_t batch = next_wanted(0); batch < count;) {
    const TileView view = source.read(plan, static_cast<std::int64_t>(batch), scratch);
    const std::size_t next = next_wanted(batch + 1);
    if (next < count) source.prefetch(plan, static_cast<std::int64_t>(next));
    try {
      if (!failure && plan.first_leaves[batch] < plan.first_leaves[batch + 1]) use(batch, view);
    } catch (...) {
      failure = std::current_exception();
    }
    batch = next;
  }
  agree(comm, [&] {
    if (failure) std::rethrow_exception(failure);
  });
}

}  // namespace serried
