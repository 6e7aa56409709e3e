// Array as a TileSource: views of the rank's memory, and the one leaf that reaches into other
// ranks' rows.
#include <algorithm>
#include <vector>

#include "array/array_impl.hpp"
#include "serried/comm/agree.hpp"

namespace serried {
namespace {

constexpr int halo_tag = 31002;
// Memory need not be cut finely: a batch costs only the waking of threads.
constexpr std::int64_t memory_batch_bytes = std::int64_t{64} << 20;
// One call of a kernel takes a batch; what it gives by leaf must fit host memory.
constexpr std::int64_t device_batch_bytes = std::int64_t{1} << 32;

bool is_reaching_beyond(const Layout& layout, const Leaves& leaves, int rank) {
  return leaves.first_leaf(rank) < leaves.first_leaf(rank + 1) &&
         leaves.rows_of(rank).end > layout.rows_of(rank).end;
}

// The rows at this rank's front that belong to an earlier rank's leaf.
RowRange front_rows(const Layout& layout, const Leaves& leaves, int rank) {
  const RowRange mine = layout.rows_of(rank);
  const std::int64_t leaf = layout.first_tile(rank) / leaves.tiles_per_leaf();
  if (mine.is_empty() || leaves.owner(leaf) == rank) return {mine.begin, mine.begin};
  return {mine.begin, std::max(mine.begin, std::min(mine.end, leaves.row_begin(leaf + 1)))};
}

// Sends the front rows, and receives the rows that this rank's last leaf has on later ranks into
// `halo`; both in host memory. The rows travel in every pass: an array's memory may be written
// between passes, by any rank, and nobody is told.
void exchange_halo(const Communicator& comm, const Layout& layout, const Leaves& leaves,
                   std::int64_t row_bytes, const std::byte* front, RowRange wanted,
                   std::byte* halo) {
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
  const RowRange mine = front_rows(layout, leaves, comm.rank());
  if (!mine.is_empty())
    requests.push_back(comm.isend(
        std::span<const std::byte>(front, static_cast<std::size_t>(mine.size() * row_bytes)),
        leaves.owner(layout.first_tile(comm.rank()) / leaves.tiles_per_leaf()), halo_tag));
  for (auto& request : requests) request.wait();
}

}  // namespace

const std::byte* Array::Impl::read_across(const Leaves& leaves, RowRange rows,
                                          Buffer& scratch) const {
  const RowRange mine = local_rows();
  const bool is_mine = !rows.is_empty();
  const bool is_staged = is_on_device();
  const std::shared_ptr<Backend>& place = is_staged ? memory->backend() : ctx.backend();
  const RowRange own = intersect(rows, mine);
  const RowRange halo = is_mine ? RowRange{std::max(rows.begin, mine.end), rows.end} : rows;
  const RowRange front = front_rows(layout, leaves, ctx.rank());
  const auto bytes_of = [&](RowRange range) {
    return static_cast<std::size_t>(range.size() * row_bytes());
  };
  std::vector<std::byte> sent, received;  // host copies of what a device holds
  agree(ctx.comm(), [&] {
    if (is_mine) scratch.reserve(place, bytes_of(rows));
    if (!is_staged) return;
    sent.resize(bytes_of(front));
    received.resize(bytes_of(halo));
    place->copy_to_host(sent.data(), data, sent.size());
  });
  std::byte* const leaf = scratch.data();
  std::byte* const behind = is_mine ? leaf + (halo.begin - rows.begin) * row_bytes() : nullptr;
  exchange_halo(ctx.comm(), layout, leaves, row_bytes(), is_staged ? sent.data() : data, halo,
                is_staged ? received.data() : behind);
  agree(ctx.comm(), [&] {
    if (is_staged && is_mine) place->copy_from_host(behind, received.data(), received.size());
    if (!own.is_empty())
      place->copy_on_device(leaf, data + (own.begin - mine.begin) * row_bytes(), bytes_of(own));
  });
  return leaf;
}

ReadPlan Array::plan(const Leaves& leaves, std::int64_t bytes, int rank) const {
  if (leaves.layout() != impl_->layout)
    throw InvalidArgument("leaves of another layout cannot be read from " + describe());
  return plan_batches(
      leaves, impl_->row_bytes(),
      std::max(bytes, impl_->is_on_device() ? device_batch_bytes : memory_batch_bytes), rank,
      !impl_->is_replicated);
}

TileView Array::read(const ReadPlan& plan, std::int64_t batch, Buffer& scratch) const {
  const RowRange rows = plan.batches[static_cast<std::size_t>(batch)];
  const RowRange mine = local_rows();
  TileView view{rows, impl_->row_elements, impl_->dtype, nullptr,
                impl_->is_on_device() ? DeviceKind::cuda : DeviceKind::host};
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
      view.data = impl_->read_across(leaves, rows, scratch);
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
