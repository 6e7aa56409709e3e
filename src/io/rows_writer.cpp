#include "serried/io/rows_writer.hpp"

#include <algorithm>
#include <utility>

#include "io/hdf5/collective.hpp"
#include "io/hdf5/errors.hpp"
#include "io/hdf5/transfer.hpp"
#include "io/io_thread.hpp"
#include "io/rows_writer_impl.hpp"
#include "serried/base/faults.hpp"
#include "serried/comm/agree.hpp"

namespace serried {
namespace {

/// A round of less costs more in agreements than it saves in memory.
constexpr std::int64_t least_round_bytes = std::int64_t{256} << 10;
/// Of one H5Dwrite, where a slab is not longer.
constexpr std::int64_t most_box_bytes = std::int64_t{256} << 20;
constexpr int piece_tag = 0;

/// Cuts a run of whole slabs into boxes that no slab reaches across.
std::vector<ElementBox> boxes_of(const RowsTarget& target, RowRange elements) {
  const std::int64_t most = std::max(
      most_box_bytes / static_cast<std::int64_t>(size_of(target.dtype)), target.slabs.longest());
  std::vector<ElementBox> boxes;
  while (!elements.is_empty()) {
    std::int64_t end = target.slabs.last_begin(std::min(elements.end, elements.begin + most));
    if (end <= elements.begin) end = elements.end;
    const auto more = cut_into_boxes(target.shape, {elements.begin, end}, most);
    boxes.insert(boxes.end(), more.begin(), more.end());
    elements.begin = end;
  }
  return boxes;
}

/// How many slabs a run of whole ones has.
std::int64_t count_slabs(const WriteSlabs& slabs, RowRange elements) {
  std::int64_t count = 0;
  for (; !elements.is_empty(); ++count) elements.begin = slabs.slab_of(elements.begin).end;
  return count;
}

/// Without the recorder: what the I/O thread waits for is not what the rank waits for.
Communicator communicator_of_rounds(const Communicator& comm) {
  return Communicator::from_fortran_handle(comm.fortran_handle(), {}, comm.options());
}

}  // namespace

std::int64_t bytes_between_rounds(const WriteSlabs& slabs, std::int64_t element_bytes) {
  return std::max(least_round_bytes, slabs.longest() * element_bytes);
}

RowsWriter::Impl::Impl(const Context& context, RowsTarget of)
    : ctx(context),
      comm(communicator_of_rounds(context.comm())),
      target(std::move(of)),
      element_bytes(static_cast<std::int64_t>(size_of(target.dtype))),
      is_beside(context.size() == 1 || context.comm().has_thread_multiple()) {
  // later, a thread that cannot be started would keep one rank away from a round
  agree(ctx.comm(), [&] {
    if (is_beside) IoThread::of_process().submit([] {});
    // memory that is not touched costs nothing; growing step by step takes more than is needed
    const std::int64_t round = bytes_between_rounds(target.slabs, element_bytes) +
                               2 * target.slabs.longest() * element_bytes;
    const auto most = static_cast<std::size_t>(std::min(round, target.rows * row_bytes()));
    faults::before_allocation();
    coming.reserve(most);
    going.reserve(most);
  });
  ++*target.unfinished;
}

RowsWriter::Impl::~Impl() {
  IoThread::of_process().wait();
  // Closing is collective, and a destructor must not communicate; commit() refuses the file.
  static_cast<void>(target.id.release());
}

void RowsWriter::Impl::append(RowRange added, std::span<const std::byte> bytes) noexcept {
  if (failure) return;
  try {
    take(added, bytes);
  } catch (...) {
    failure = std::current_exception();
  }
}

void RowsWriter::Impl::take(RowRange added, std::span<const std::byte> bytes) {
  if (added.is_empty() && bytes.empty()) return;
  const bool is_first = rows.begin < 0;
  if (added.begin < 0 || added.end > target.rows || added.is_empty() ||
      (!is_first && added.begin != rows.end) ||
      static_cast<std::int64_t>(bytes.size()) != added.size() * row_bytes())
    throw InvalidArgument("rows [" + std::to_string(added.begin) + ", " +
                          std::to_string(added.end) + ") of " + std::to_string(bytes.size()) +
                          " bytes do not go on behind row " + std::to_string(rows.end) + " of " +
                          target.name + ", which has " + std::to_string(target.rows) + " rows of " +
                          std::to_string(row_bytes()) + " bytes");
  const std::int64_t begin = added.begin * target.row_elements;
  if (is_first) {
    rows = {added.begin, added.begin};
    head_end = begin;
    if (row_bytes() > 0) {
      const RowRange slab = target.slabs.slab_of(begin);
      if (slab.begin < begin) head_end = slab.end;
    }
    coming_begin = head_end;
  }
  faults::before_allocation();
  const auto in_head = static_cast<std::size_t>(
      std::clamp<std::int64_t>(head_end - begin, 0, added.size() * target.row_elements) *
      element_bytes);
  head.insert(head.end(), bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(in_head));
  coming.insert(coming.end(), bytes.begin() + static_cast<std::ptrdiff_t>(in_head), bytes.end());
  rows.end = added.end;
}

void RowsWriter::Impl::prepare_round() {
  if (failure) std::rethrow_exception(std::exchange(failure, nullptr));
  const std::int64_t end = coming_begin + static_cast<std::int64_t>(coming.size()) / element_bytes;
  const std::int64_t complete = coming.empty() ? coming_begin : target.slabs.last_begin(end);
  const std::int64_t begin = coming_begin;
  boxes = boxes_of(target, {begin, std::max(begin, complete)});
  if (target.slab_bytes > 0)
    going_slabs = count_slabs(target.slabs, {begin, std::max(begin, complete)});
  going.clear();
  if (complete <= begin) return;
  going.assign(coming.begin() + static_cast<std::ptrdiff_t>((complete - begin) * element_bytes),
               coming.end());
  std::swap(going, coming);
  coming_begin = complete;
}

void RowsWriter::Impl::require_space() {
  if (target.slab_bytes == 0) return;
  const std::int64_t slabs = comm.allreduce(going_slabs, ReduceOp::sum);
  target.space->require(comm, slabs * target.slab_bytes, "cannot write " + target.name);
}

void RowsWriter::Impl::write_round(Activity activity) {
  auto span = ctx.recorder().span("write", activity);
  for (const ElementBox& box : boxes) span.add_bytes(box.elements * element_bytes);
  const hdf5::Turn turn;
  require_space();
  hdf5::write_boxes(comm, target.id.id(), target.shape, target.dtype, boxes, going.data(),
                    "cannot write " + target.name);
}

void RowsWriter::Impl::wait() {
  if (!is_running) return;
  const auto span = ctx.recorder().span("wait for a file", Activity::file);
  is_running.wait(true);
}

void RowsWriter::Impl::end_round() {
  wait();
  if (round_failure) std::rethrow_exception(std::exchange(round_failure, nullptr));
}

void RowsWriter::Impl::advance() {
  end_round();
  agree(ctx.comm(), [&] { prepare_round(); });
  if (!is_beside) return write_round(Activity::file);
  is_running = true;
  IoThread::of_process().submit([this] {
    try {
      write_round(IoThread::of_process().activity());
    } catch (...) {
      round_failure = std::current_exception();
    }
    is_running = false;
    is_running.notify_all();
  });
}

RowsWriter::Impl::Pieces RowsWriter::Impl::plan_pieces() const {
  const std::vector<RowRange> all = ctx.comm().allgather(rows);
  std::int64_t reached = 0;
  for (const RowRange& its : all) {
    if (its.begin < 0) continue;
    if (its.begin != reached) break;
    reached = its.end;
  }
  if (reached != target.rows)
    throw InvalidArgument("the ranks' rows of " + target.name +
                          " do not follow one another from 0 to " + std::to_string(target.rows) +
                          ": row " + std::to_string(reached) + " is missing where it is due");
  Pieces pieces;
  int owner = -1;  // of the slab that is open where a rank's rows end
  for (int rank = 0; rank < ctx.size() && row_bytes() > 0; ++rank) {
    const RowRange its = all[static_cast<std::size_t>(rank)];
    if (its.is_empty()) continue;
    const std::int64_t begin = its.begin * target.row_elements;
    const std::int64_t end = its.end * target.row_elements;
    const RowRange slab = target.slabs.slab_of(begin);
    if (slab.begin < begin) {
      const std::int64_t bytes = (std::min(end, slab.end) - begin) * element_bytes;
      if (rank == ctx.rank()) pieces.to = owner;
      if (owner == ctx.rank()) pieces.from.emplace_back(rank, bytes);
    }
    if (slab.begin == begin || slab.end < end) owner = rank;
  }
  return pieces;
}

void RowsWriter::Impl::exchange_pieces(const Pieces& pieces) {
  std::vector<Communicator::Request> requests;
  std::size_t place = coming.size();
  agree(ctx.comm(), [&] {
    std::int64_t bytes = 0;
    for (const auto& [rank, its] : pieces.from) bytes += its;
    faults::before_allocation();
    coming.resize(coming.size() + static_cast<std::size_t>(bytes));
    requests.reserve(pieces.from.size() + 1);
  });
  for (const auto& [rank, its] : pieces.from) {
    const std::span<std::byte> piece(coming.data() + place, static_cast<std::size_t>(its));
    requests.push_back(ctx.comm().ireceive(piece, rank, piece_tag));
    place += piece.size();
  }
  if (pieces.to >= 0)
    requests.push_back(ctx.comm().isend(std::span<const std::byte>(head), pieces.to, piece_tag));
  for (Communicator::Request& request : requests) request.wait();
}

void RowsWriter::Impl::finish() {
  end_round();
  agree(ctx.comm(), [&] {
    if (failure) std::rethrow_exception(std::exchange(failure, nullptr));
  });
  exchange_pieces(plan_pieces());
  agree(ctx.comm(), [&] { prepare_round(); });
  write_round(Activity::file);
  const hdf5::Turn turn;
  hdf5::agree_on_status(ctx.comm(), target.id.reset(), "cannot close " + target.name);
  --*target.unfinished;
}

RowsWriter::RowsWriter(std::unique_ptr<Impl> impl) noexcept : impl_(std::move(impl)) {}
RowsWriter::~RowsWriter() = default;
RowsWriter::RowsWriter(RowsWriter&& other) noexcept = default;

void RowsWriter::append(RowRange rows, std::span<const std::byte> bytes) noexcept {
  impl_->append(rows, bytes);
}

void RowsWriter::advance() {
  const auto phase = impl_->ctx.recorder().phase("write");
  impl_->advance();
}

void RowsWriter::rest() noexcept {
  const auto phase = impl_->ctx.recorder().phase("write");
  impl_->wait();
}

std::int64_t RowsWriter::rows_between() const noexcept {
  const std::int64_t bytes = bytes_between_rounds(impl_->target.slabs, impl_->element_bytes);
  return std::max<std::int64_t>(1, bytes / std::max<std::int64_t>(1, impl_->row_bytes()));
}

void RowsWriter::finish() {
  const auto phase = impl_->ctx.recorder().phase("write");
  impl_->finish();
}

}  // namespace serried
