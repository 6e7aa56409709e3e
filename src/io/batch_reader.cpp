#include "io/batch_reader.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <utility>

#include "io/chunk_slabs.hpp"
#include "io/hdf5/errors.hpp"
#include "io/io_thread.hpp"
#include "io/read_costs.hpp"
#include "serried/comm/agree.hpp"

namespace serried {
namespace {

/// Reads are agreed on in these first batches, so that failing to get memory for them is an error
/// on all ranks (callers use few scratch buffers in turn), and then seldom, because agreeing makes
/// ranks wait.
constexpr std::int64_t first_batches = 4;
constexpr std::int64_t batches_between_agreements = 64;
/// Files that give more than this are in the page cache: reading them ahead would only cost the
/// change of threads.
constexpr double fast_bytes_per_second = 5e9;
/// What the last read counts in the mean over reads.
constexpr double share_of_last = 1. / 16;
constexpr std::int64_t most_round_bytes = std::int64_t{64} << 20;

Context context_of_files(const Context& ctx) {
  if (ctx.options().io_mode != IoMode::collective || ctx.size() == 1) return ctx;
  return ctx.with_communicator(ctx.comm().duplicate());
}

}  // namespace

BatchReader::BatchReader(const Context& ctx, const std::vector<PartMeta>& parts,
                         const std::vector<PartGeometry>& geometry, const Layout& layout,
                         std::int64_t row_elements, DType dtype, const std::string& name)
    : ctx_(ctx),
      file_ctx_(context_of_files(ctx)),
      layout_(layout),
      row_elements_(row_elements),
      dtype_(dtype),
      row_bytes_(row_elements * static_cast<std::int64_t>(size_of(dtype))),
      name_(name),
      parts_(parts),
      geometry_(geometry),
      reader_(file_ctx_, parts, geometry, row_elements),
      block_reader_(ctx_, parts, geometry, row_elements),
      is_filtered_(has_filters(parts)),
      has_lags_(has_lags(parts, geometry)),
      is_sharing_(is_filtered_ && (reader_.has_wide_slabs() || has_slabs_of_many_ranks())),
      sharing_batch_bytes_(ctx.options().memory_bytes / 4) {
  block_reader_.leave_out_cache();
  if (is_sharing_) reader_.leave_out_cache();
}

std::int64_t BatchReader::reading_bytes(std::int64_t memory_bytes) const {
  const ReadCosts costs = estimate_read_costs(parts_, geometry_, row_elements_, memory_bytes);
  // a chunk as it is in the file, decoded, in pieces to send, and pieces received
  const std::int64_t exchanged = 4 * costs.block_bytes + costs.picking_bytes;
  if (is_filtered_ && (costs.has_wide_slabs || has_slabs_of_many_ranks()))
    return row_bytes_ + exchanged;
  const std::int64_t batch =
      std::max({ctx_.options().batch_bytes, costs.least_batch_bytes, row_bytes_});
  // two batches, and one as it is in the file and decoded before it is put in its place
  std::int64_t raw_batch = batch;
  for (const PartMeta& part : parts_)
    for (const ItemMeta& item : part.items)
      raw_batch = std::max(raw_batch, batch / static_cast<std::int64_t>(size_of(dtype_)) *
                                          static_cast<std::int64_t>(size_of(item.rule.raw)));
  return 3 * batch + raw_batch + costs.picking_bytes + costs.all_cache_bytes +
         (is_filtered_ && ctx_.size() > 1 ? exchanged : 0);
}

/// Whether compressed chunks hold so many rows that most ranks would need them.
bool BatchReader::has_slabs_of_many_ranks() const {
  for (int rank = 0; rank < layout_.ranks() && layout_.ranks() > 1; ++rank) {
    const RowRange rows = layout_.rows_of(rank);
    if (rows.is_empty()) continue;
    const RowRange slab = slab_of_row(parts_, geometry_, rows.begin);
    if (slab.size() > 1 && 2 * slab.size() > rows.size()) return true;
  }
  return false;
}

BatchReader::~BatchReader() {
  const hdf5::Turn turn;
  ahead_.reset();
}

bool BatchReader::is_collective() const {
  return ctx_.options().io_mode == IoMode::collective && ctx_.size() > 1;
}

/// The same on every rank in collective mode.
bool BatchReader::is_reading_ahead() const {
  if (is_collective()) return ctx_.comm().has_thread_multiple();
  return seconds_per_byte_ * fast_bytes_per_second > 1;
}

/// Runs work of this rank; keeps its first failure for the next agreement.
template <class F>
void BatchReader::attempt(F&& work) {
  if (failure_) return;
  try {
    work();
  } catch (...) {
    failure_ = std::current_exception();
  }
}

/// Collective. All ranks throw if one has failed since the last agreement.
void BatchReader::settle() {
  agree(ctx_.comm(), [&] {
    if (failure_) std::rethrow_exception(std::exchange(failure_, nullptr));
  });
}

/// Memory for a batch; for the largest of the plan at once in the first batches: later ones then
/// need none.
void BatchReader::reserve(const ReadPlan& plan, std::int64_t batch, Buffer& buffer) {
  std::int64_t rows = plan.batches[static_cast<std::size_t>(batch)].size();
  if (batch < first_batches)
    for (const RowRange& range : plan.batches) rows = std::max(rows, range.size());
  buffer.reserve(ctx_.backend(),
                 static_cast<std::size_t>(std::max<std::int64_t>(1, rows * row_bytes_)));
}

/// Copies what the edges hold, and gives `read_rest` the one run of rows between them.
template <class F>
void BatchReader::fill_from_edges(const Edges& edges, RowRange rows, std::byte* to,
                                  F&& read_rest) const {
  RowRange rest = rows;
  const std::byte* from = edges.values.data();
  for (const RowRange& edge : edges.rows) {
    const RowRange piece = intersect(edge, rows);
    if (!piece.is_empty()) {
      std::memcpy(to + (piece.begin - rows.begin) * row_bytes_,
                  from + (piece.begin - edge.begin) * row_bytes_,
                  static_cast<std::size_t>(piece.size() * row_bytes_));
      if (piece.begin == rest.begin)
        rest.begin = piece.end;
      else
        rest.end = piece.begin;
    }
    from += edge.size() * row_bytes_;
  }
  if (rest.begin > rest.end) rest.end = rest.begin;
  read_rest(rest, to + (rest.begin - rows.begin) * row_bytes_);
}

/// Reads independently, on the calling thread.
void BatchReader::read_here(RowRange rows, const Edges& edges, std::byte* to) {
  const auto begin = std::chrono::steady_clock::now();
  fill_from_edges(edges, rows, to, [&](RowRange rest, std::byte* place) {
    if (!rest.is_empty()) reader_.read(rest, place);
  });
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - begin;
  const std::int64_t bytes = rows.size() * row_bytes_;
  if (bytes == 0) return;
  // the kernel reads ahead too, so that most reads are fast and a few wait for the device
  const double last = seconds.count() / static_cast<double>(bytes);
  seconds_per_byte_ += (last - seconds_per_byte_) * (seconds_per_byte_ == 0 ? 1 : share_of_last);
}

/// Reads with collective transfers. Collective.
void BatchReader::read_together(RowRange rows, const Edges& edges, std::byte* to) {
  fill_from_edges(edges, rows, to,
                  [&](RowRange rest, std::byte* place) { reader_.read_collective(rest, place); });
}

/// The rows at both ends that share chunks with rows outside. Local.
WantedRows BatchReader::edges_of(RowRange rows) const {
  if (rows.is_empty()) return {};
  const RowRange first = slab_of_row(parts_, geometry_, rows.begin);
  const RowRange last = slab_of_row(parts_, geometry_, rows.end - 1);
  const bool has_head = first.begin < rows.begin;
  const bool has_tail = last.end > rows.end;
  const RowRange head = intersect(first, rows);
  const RowRange tail = intersect(last, rows);
  if (has_head && has_tail && head.end >= tail.begin) return {rows};
  WantedRows edges;
  if (has_head) edges.push_back(head);
  if (has_tail) edges.push_back(tail);
  return edges;
}

/// Collective.
void BatchReader::exchange(const std::vector<WantedRows>& wanted, std::byte* to) {
  ChunkExchange chunks(ctx_, parts_, geometry_, row_elements_, dtype_, block_reader_);
  chunks.read(wanted, std::min(most_round_bytes, ctx_.options().memory_bytes / 16), to);
  if (is_collective()) block_reader_.close();
}

/// Reads what the ranks' rows have in chunks that other ranks need too. Collective.
BatchReader::Edges BatchReader::exchange_edges(const std::vector<RowRange>& rows) {
  Edges edges;
  if (!is_filtered_ || ctx_.size() == 1) return edges;
  std::vector<WantedRows> wanted;
  bool is_needed = false;
  for (const RowRange& range : rows) {
    wanted.push_back(edges_of(range));
    is_needed = is_needed || !wanted.back().empty();
  }
  if (!is_needed) return edges;
  edges.rows = wanted[static_cast<std::size_t>(ctx_.rank())];
  std::int64_t count = 0;
  for (const RowRange& edge : edges.rows) count += edge.size();
  agree(ctx_.comm(), [&] {
    edges.values = Buffer(ctx_.backend(), static_cast<std::size_t>(count * row_bytes_));
  });
  exchange(wanted, edges.values.data());
  return edges;
}

/// Reads rows of each rank into memory, each chunk once. Collective.
void BatchReader::read_rows(const std::vector<RowRange>& rows, Buffer& to) {
  const RowRange own = rows[static_cast<std::size_t>(ctx_.rank())];
  agree(ctx_.comm(),
        [&] { to = Buffer(ctx_.backend(), static_cast<std::size_t>(own.size() * row_bytes_)); });
  const Work before = work_so_far();
  if (is_sharing_ || (has_lags_ && ctx_.size() > 1)) {
    std::vector<WantedRows> wanted;
    for (const RowRange& range : rows)
      wanted.push_back(range.is_empty() ? WantedRows() : WantedRows{range});
    exchange(wanted, to.data());
  } else {
    const Edges edges = exchange_edges(rows);
    if (is_collective()) {
      read_together(own, edges, to.data());
      reader_.close();
    } else {
      agree(ctx_.comm(), [&] { read_here(own, edges, to.data()); });
    }
  }
  tell_decompressions("read into memory", before);
}

/// Reads a batch of all ranks together. Collective.
void BatchReader::read_shared(std::int64_t batch, std::byte* to) {
  std::vector<WantedRows> wanted;
  for (const ReadPlan& plan : plan_.all) {
    const RowRange rows = plan.batches[static_cast<std::size_t>(batch)];
    wanted.push_back(rows.is_empty() ? WantedRows() : WantedRows{rows});
  }
  exchange(wanted, to);
}

BatchReader::Work BatchReader::work_so_far() const {
  Work work{.decompressions = reader_.decompressions() + block_reader_.decompressions()};
  for (const auto& [name, phase] : ctx_.recorder().phases())
    work.file_s += phase.file_s + phase.file_ahead_s;
  return work;
}

/// A fact for the run report. Collective.
void BatchReader::tell_decompressions(const char* what, const Work& before) {
  if (!is_filtered_) return;
  const Work now = work_so_far();
  const std::int64_t all =
      ctx_.comm().allreduce(now.decompressions - before.decompressions, ReduceOp::sum);
  const auto own_us = static_cast<std::int64_t>((now.file_s - before.file_s) * 1e6);
  const std::int64_t most_us = ctx_.comm().allreduce(own_us, ReduceOp::max);
  if (chunks_ == 0) chunks_ = std::max<std::int64_t>(1, count_filtered_chunks(parts_));
  ctx_.recorder().set_fact(
      "chunks of " + name_ + ", " + what,
      fmt::format("decompressed {:.2f} times on average ({} of {}); reading them took the slowest "
                  "rank {:.3g} s",
                  static_cast<double>(all) / static_cast<double>(chunks_), all, chunks_,
                  static_cast<double>(most_us) / 1e6));
}

void BatchReader::try_open() {
  if (is_collective()) return;
  agree(ctx_.comm(), [&] { reader_.try_open(layout_.rows_of(ctx_.rank())); });
}

void BatchReader::drop_ahead() noexcept {
  if (!ahead_) return;
  IoThread::of_process().wait();
  ahead_.reset();
}

/// Learns what all batches of a plan have in common; its edges are read now. Collective.
void BatchReader::begin_plan(const ReadPlan& plan) {
  if (plan_.held.size() == plan.batches.size() && plan_.tiles_per_leaf == plan.tiles_per_leaf &&
      plan_.batch_bytes == plan.batch_bytes)
    return;
  drop_ahead();
  plan_ = PlanState();
  plan_.tiles_per_leaf = plan.tiles_per_leaf;
  plan_.batch_bytes = plan.batch_bytes;
  plan_.before = work_so_far();
  plan_.held.assign(plan.batches.size(), hold_bytes_ > 0 ? 1 : 0);
  const Leaves leaves = Leaves::of_tiles(layout_, plan.tiles_per_leaf);
  std::vector<RowRange> rows;
  for (int rank = 0; rank < ctx_.size(); ++rank) {
    rows.push_back(leaves.rows_of(rank));
    // each rank goes its own way only where it reads by itself
    if (rank != ctx_.rank() && !is_collective() && !is_sharing_) continue;
    ReadPlan its = plan_batches(leaves, row_bytes_, plan.batch_bytes, rank);
    const RowRange held = held_rows_of(rank);
    for (std::size_t i = 0; i < its.batches.size() && hold_bytes_ > 0; ++i) {
      const RowRange batch = its.batches[i];
      const bool is_inside =
          batch.is_empty() || (batch.begin >= held.begin && batch.end <= held.end);
      if (!is_inside) plan_.held[i] = 0;
    }
    if (is_sharing_) plan_.all.push_back(std::move(its));
  }
  if (!is_sharing_) plan_.edges = exchange_edges(rows);
}

void BatchReader::end_pass() {
  if (!is_filtered_) return;
  ++plan_.passes;
  tell_decompressions(plan_.passes == 1 ? "in a pass" : "in the last pass", plan_.before);
  plan_.before = work_so_far();
}

void BatchReader::prefetch(const ReadPlan& plan, std::int64_t batch) {
  drop_ahead();
  begin_plan(plan);
  if (failure_ && !is_collective()) return;
  if (is_sharing_ || !is_reading_ahead() || plan_.held[static_cast<std::size_t>(batch)] != 0)
    return;
  const RowRange rows = plan.batches[static_cast<std::size_t>(batch)];
  if (rows.is_empty() && !is_collective()) return;
  Ahead& ahead = ahead_.emplace(Ahead{});
  ahead.tiles_per_leaf = plan.tiles_per_leaf;
  ahead.batch_bytes = plan.batch_bytes;
  ahead.batch = batch;
  ahead.buffer = std::exchange(spare_, {});
  const auto prepare = [&] { reserve(plan, batch, ahead.buffer); };
  if (is_collective()) {
    agree(ctx_.comm(), prepare);
  } else {
    attempt(prepare);
    if (failure_) return ahead_.reset();
  }
  IoThread::of_process().submit([this, rows, &ahead] {
    try {
      if (is_collective())
        read_together(rows, plan_.edges, ahead.buffer.data());
      else
        read_here(rows, plan_.edges, ahead.buffer.data());
    } catch (...) {
      ahead.failure = std::current_exception();
    }
  });
}

/// Gives what the I/O thread has read, if it is this batch.
bool BatchReader::take_ahead(const ReadPlan& plan, std::int64_t batch, Buffer& scratch) {
  if (!ahead_) return false;
  {
    const auto span = ctx_.recorder().span("wait for a file", Activity::file);
    IoThread::of_process().wait();
  }
  const bool is_it = ahead_->tiles_per_leaf == plan.tiles_per_leaf &&
                     ahead_->batch_bytes == plan.batch_bytes && ahead_->batch == batch;
  if (is_it) {
    std::swap(scratch, ahead_->buffer);
    if (!failure_) failure_ = ahead_->failure;
  }
  spare_ = std::move(ahead_->buffer);
  ahead_.reset();
  return is_it;
}

TileView BatchReader::read(const ReadPlan& plan, std::int64_t batch, Buffer& scratch) {
  const auto batches = static_cast<std::int64_t>(plan.batches.size());
  const bool is_last = batch + 1 == batches;
  const RowRange rows = plan.batches[static_cast<std::size_t>(batch)];
  const auto bytes = static_cast<std::size_t>(rows.size() * row_bytes_);
  const bool is_agreeing =
      batch < first_batches || batch % batches_between_agreements == 0 || is_last;
  begin_plan(plan);
  // in the modes in which ranks read together, held on all of them: also those without rows leave
  // here, before the agreements below
  if (plan_.held[static_cast<std::size_t>(batch)] != 0) {
    drop_ahead();
    if (is_collective() && is_last) reader_.close();
    if (is_agreeing) settle();
    if (is_last) end_pass();
    const std::byte* const data =
        rows.is_empty() ? nullptr : held_.data() + (rows.begin - held_rows_.begin) * row_bytes_;
    return {rows, row_elements_, dtype_, data};
  }
  const bool is_here = take_ahead(plan, batch, scratch);
  if (!is_here) attempt([&] { reserve(plan, batch, scratch); });
  if (is_sharing_) {
    settle();
    read_shared(batch, scratch.data());
  } else if (is_collective()) {
    // what collective reading throws is the same on all ranks
    if (is_here && failure_) std::rethrow_exception(std::exchange(failure_, nullptr));
    settle();
    if (!is_here) read_together(rows, plan_.edges, scratch.data());
    if (is_last) reader_.close();
  } else {
    if (!is_here) attempt([&] { read_here(rows, plan_.edges, scratch.data()); });
    const bool has_failed = failure_ != nullptr;
    if (is_agreeing) settle();
    if (scratch.bytes() < bytes)
      throw DeviceError("rank " + std::to_string(ctx_.rank()) + " has no memory for a batch of " +
                        std::to_string(bytes) + " bytes of " + name_);
    if (has_failed) std::memset(scratch.data(), 0, bytes);
  }
  if (is_last) end_pass();
  return {rows, row_elements_, dtype_, scratch.data()};
}

Buffer BatchReader::read_all() {
  drop_ahead();
  std::vector<RowRange> rows;
  for (int rank = 0; rank < ctx_.size(); ++rank) rows.push_back(layout_.rows_of(rank));
  Buffer local;
  read_rows(rows, local);
  return local;
}

RowRange BatchReader::held_rows_of(int rank) const {
  const RowRange rows = layout_.rows_of(rank);
  const std::int64_t most = row_bytes_ > 0 ? hold_bytes_ / row_bytes_ : rows.size();
  return {rows.begin, std::min(rows.end, rows.begin + most)};
}

void BatchReader::hold(std::int64_t bytes) {
  drop_ahead();
  plan_ = PlanState();
  held_ = Buffer();
  held_rows_ = {};
  hold_bytes_ = bytes;
  if (bytes == 0) return;
  std::vector<RowRange> rows;
  for (int rank = 0; rank < ctx_.size(); ++rank) rows.push_back(held_rows_of(rank));
  read_rows(rows, held_);
  held_rows_ = rows[static_cast<std::size_t>(ctx_.rank())];
}

}  // namespace serried
