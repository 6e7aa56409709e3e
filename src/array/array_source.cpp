// Array as a TileSource: views of the rank's memory, and the one leaf that reaches into other
// ranks' rows.
#include <algorithm>
#include <cstring>
#include <vector>

#include "array/array_impl.hpp"
#include "serried/comm/agree.hpp"

namespace serried {
namespace {

constexpr int halo_tag = 31002;
// Memory need not be cut finely: a batch costs only the waking of threads.
constexpr std::int64_t memory_batch_bytes = std::int64_t{64} << 20;

bool is_reaching_beyond(const Layout& layout, const Leaves& leaves, int rank) {
  return leaves.first_leaf(rank) < leaves.first_leaf(rank + 1) &&
         leaves.rows_of(rank).end > layout.rows_of(rank).end;
}

// Sends the rows at this rank's front that belong to an earlier rank's leaf, and receives the rows
// that this rank's last leaf has on later ranks into `halo`. The rows travel in every pass: an
// array's memory may be written between passes, by any rank, and nobody is told.
void exchange_halo(const Communicator& comm, const Layout& layout, const Leaves& leaves,
                   std::int64_t row_bytes, const std::byte* local, RowRange wanted,
                   std::byte* halo) {
  const RowRange mine = layout.rows_of(comm.rank());
  std::vector<Communicator::Request> requests;
  for (int source = comm.rank() + 1; source < comm.size() && !wanted.is_empty(); ++source) {
    const RowRange piece = intersect(layout.rows_of(source), wanted);
    if (piece.is_empty()) continue;
    std::byte* to = halo + (piece.begin - wanted.begin) * row_bytes;
    requests.push_back(
        comm.ireceive(std::span<std::byte>(to, static_cast<std::size_t>(piece.size() * row_bytes)),
                      source, halo_tag));
    if (piece.end == wanted.end) break;
  }
  const std::int64_t front_leaf = layout.first_tile(comm.rank()) / leaves.tiles_per_leaf();
  if (!mine.is_empty() && leaves.owner(front_leaf) != comm.rank()) {
    const std::int64_t end = std::min(mine.end, leaves.row_begin(front_leaf + 1));
    if (end > mine.begin)
      requests.push_back(
          comm.isend(std::span<const std::byte>(
                         local, static_cast<std::size_t>((end - mine.begin) * row_bytes)),
                     leaves.owner(front_leaf), halo_tag));
  }
  for (auto& request : requests) request.wait();
}

}  // namespace

ReadPlan Array::plan(const Leaves& leaves, std::int64_t bytes, int rank) const {
  if (leaves.layout() != impl_->layout)
    throw InvalidArgument("leaves of another layout cannot be read from " + describe());
  return plan_batches(leaves, impl_->row_bytes(), std::max(bytes, memory_batch_bytes), rank,
                      !impl_->is_replicated);
}

TileView Array::read(const ReadPlan& plan, std::int64_t batch, Buffer& scratch) const {
  const RowRange rows = plan.batches[static_cast<std::size_t>(batch)];
  const RowRange mine = local_rows();
  TileView view{rows, impl_->row_elements, impl_->dtype, nullptr};
  const std::int64_t row_bytes = impl_->row_bytes();
  const bool is_last = batch + 1 == static_cast<std::int64_t>(plan.batches.size());
  if (row_bytes == 0) return view;  // rows without elements lie nowhere
  if (is_last && !impl_->is_replicated && impl_->ctx.size() > 1) {
    const Layout& layout = impl_->layout;
    const Leaves leaves = Leaves::of_tiles(layout, plan.tiles_per_leaf);
    bool has_halo = false;
    for (int rank = 0; rank < layout.ranks() && !has_halo; ++rank)
      has_halo = is_reaching_beyond(layout, leaves, rank);
    if (has_halo) {
      const bool is_mine = !rows.is_empty();
      const auto bytes = static_cast<std::size_t>(rows.size() * row_bytes);
      agree(impl_->ctx.comm(), [&] {
        if (is_mine) scratch.reserve(impl_->ctx.backend(), bytes);
      });
      const RowRange own = intersect(rows, mine);
      const RowRange halo = is_mine ? RowRange{std::max(rows.begin, mine.end), rows.end} : rows;
      std::byte* leaf = scratch.data();
      if (!own.is_empty())
        std::memcpy(leaf, impl_->data + (own.begin - mine.begin) * row_bytes,
                    static_cast<std::size_t>(own.size() * row_bytes));
      exchange_halo(impl_->ctx.comm(), layout, leaves, row_bytes, impl_->data, halo,
                    is_mine ? leaf + (halo.begin - rows.begin) * row_bytes : nullptr);
      view.data = leaf;
      return view;
    }
  }
  if (rows.is_empty()) return view;
  if (rows.begin < mine.begin || rows.end > mine.end)
    throw InvalidArgument("this plan was not made by the plan() of " + describe());
  view.data = impl_->data + (rows.begin - mine.begin) * row_bytes;
  return view;
}

}  // namespace serried
