// Gather, allgather and alltoall. Lengths are exchanged first. Pieces of unlimited length then
// travel as messages between two ranks, so that neither counts nor displacements of MPI's type int
// bound them.
#include <algorithm>
#include <cstring>
#include <string>
#include <utility>

#include "comm/communicator_state.hpp"
#include "comm/flow.hpp"
#include "comm/watch/call.hpp"
#include "serried/base/error.hpp"

namespace serried {
namespace {

using Messages = std::vector<comm::Message>;

std::size_t index(int rank) {
  return static_cast<std::size_t>(rank);
}

/// Exclusive sums: size() + 1 offsets of size() counts that stand in entries 1 to size().
void sum_up(std::vector<std::int64_t>& offsets) {
  for (std::size_t i = 1; i < offsets.size(); ++i) offsets[i] += offsets[i - 1];
}

std::byte* sent_from(const void* data) {
  return static_cast<std::byte*>(const_cast<void*>(data));  // MPI reads it only
}

void copy_bytes(std::byte* to, const std::byte* from, std::int64_t bytes) {
  if (bytes > 0) std::memcpy(to, from, static_cast<std::size_t>(bytes));
}

}  // namespace

std::vector<std::int64_t> Communicator::gather_offsets(std::int64_t count, int root,
                                                       CallSite site) const {
  impl_->check_rank(root, "the root of a gather,");
  const auto span = impl_->span("gather", 0);
  const comm::Call call(*impl_, {.kind = comm::CallKind::gather_lengths, .root = root}, site);
  std::vector<std::int64_t> offsets(index(size()) + 1, 0);
  MPI_Request request = MPI_REQUEST_NULL;
  comm::check(MPI_Igather(&count, 1, MPI_INT64_T, offsets.data() + 1, 1, MPI_INT64_T, root,
                          impl_->comm, &request),
              "MPI_Igather");
  comm::wait_for(*impl_, request, "MPI_Igather");
  sum_up(offsets);
  return offsets;
}

void Communicator::gather_pieces(const void* data, std::int64_t count, std::size_t element_bytes,
                                 std::span<const std::int64_t> offsets, void* to, int root,
                                 CallSite site) const {
  const auto width = static_cast<std::int64_t>(element_bytes);
  const auto span = impl_->span("gather", rank() == root ? 0 : count * width);
  const comm::Call call(*impl_, {.kind = comm::CallKind::gather, .root = root}, site);
  Messages send;
  Messages receive;
  if (rank() != root) {
    comm::append_messages(send, root, sent_from(data), count * width, impl_->limit());
  } else {
    auto* const begin = static_cast<std::byte*>(to);
    for (int step = 1; step < size(); ++step) {
      const int peer = (root + step) % size();
      comm::append_messages(receive, peer, begin + offsets[index(peer)] * width,
                            (offsets[index(peer) + 1] - offsets[index(peer)]) * width,
                            impl_->limit());
    }
    copy_bytes(begin + offsets[index(root)] * width, sent_from(data), count * width);
  }
  comm::exchange(*impl_, "gather", send, receive);
}

std::vector<std::int64_t> Communicator::allgather_offsets(std::int64_t count, CallSite site) const {
  std::vector<std::int64_t> offsets(index(size()) + 1, 0);
  allgather_values(&count, sizeof(count), offsets.data() + 1, site);
  sum_up(offsets);
  return offsets;
}

void Communicator::allgather_values(const void* value, std::size_t bytes, void* to,
                                    CallSite site) const {
  const auto length = static_cast<std::int64_t>(bytes);
  if (length * size() > impl_->limit()) {
    std::vector<std::int64_t> offsets(index(size()) + 1, 1);
    offsets[0] = 0;
    sum_up(offsets);
    return allgather_pieces(value, bytes, offsets, to, site);
  }
  const auto span = impl_->span("allgather", length);
  const comm::Call call(*impl_, {.kind = comm::CallKind::allgather, .count = length}, site);
  MPI_Request request = MPI_REQUEST_NULL;
  comm::check(MPI_Iallgather(value, static_cast<int>(bytes), MPI_BYTE, to, static_cast<int>(bytes),
                             MPI_BYTE, impl_->comm, &request),
              "MPI_Iallgather");
  comm::wait_for(*impl_, request, "MPI_Iallgather");
}

namespace {

/// All pieces at once: for a result that is no longer than one message may be.
void allgather_at_once(comm::CommunicatorState& impl, const void* data, std::int64_t width,
                       std::span<const std::int64_t> offsets, std::byte* to) {
  std::vector<int> counts(index(impl.size));
  std::vector<int> begins(index(impl.size));
  for (std::size_t r = 0; r < counts.size(); ++r) {
    counts[r] = static_cast<int>((offsets[r + 1] - offsets[r]) * width);
    begins[r] = static_cast<int>(offsets[r] * width);
  }
  MPI_Request request = MPI_REQUEST_NULL;
  comm::check(
      MPI_Iallgatherv(comm::not_null(data), counts[index(impl.rank)], MPI_BYTE, comm::not_null(to),
                      counts.data(), begins.data(), MPI_BYTE, impl.comm, &request),
      "MPI_Iallgatherv");
  comm::wait_for(impl, request, "MPI_Iallgatherv");
}

/// A ring: in step s a rank sends on to its right what it received from its left in step s - 1,
/// message by message, so that a long piece travels through all ranks at once.
void allgather_in_ring(comm::CommunicatorState& impl, const void* data, std::int64_t width,
                       std::span<const std::int64_t> offsets, std::byte* to) {
  const int size = impl.size;
  const int right = (impl.rank + 1) % size;
  const int left = (impl.rank + size - 1) % size;
  const auto append = [&](Messages& messages, int peer, int piece) {
    const std::int64_t begin = offsets[index(piece)];
    comm::append_messages(messages, peer, to + begin * width,
                          (offsets[index(piece) + 1] - begin) * width, impl.limit());
  };
  const std::int64_t own = offsets[index(impl.rank)];
  copy_bytes(to + own * width, sent_from(data), (offsets[index(impl.rank) + 1] - own) * width);
  Messages send;
  Messages receive;
  append(send, right, impl.rank);
  const auto own_messages = static_cast<std::int64_t>(send.size());
  for (int step = 1; step < size; ++step) {
    const int piece = (impl.rank + size - step) % size;
    append(receive, left, piece);
    if (step + 1 < size) append(send, right, piece);
  }
  comm::exchange(impl, "allgather", send, receive, own_messages);
}

}  // namespace

void Communicator::allgather_pieces(const void* data, std::size_t element_bytes,
                                    std::span<const std::int64_t> offsets, void* to,
                                    CallSite site) const {
  const auto width = static_cast<std::int64_t>(element_bytes);
  const std::int64_t own = offsets[index(rank()) + 1] - offsets[index(rank())];
  const auto span = impl_->span("allgather", own * width);
  auto* const begin = static_cast<std::byte*>(to);
  const std::int64_t total = offsets.back() * width;
  if (total == 0) return;
  const comm::Call call(*impl_, {.kind = comm::CallKind::allgather_pieces, .count = total}, site);
  if (size() == 1)
    copy_bytes(begin, sent_from(data), total);
  else if (total <= impl_->limit())
    allgather_at_once(*impl_, data, width, offsets, begin);
  else
    allgather_in_ring(*impl_, data, width, offsets, begin);
}

std::vector<std::int64_t> Communicator::alltoall_offsets(std::span<const std::int64_t> send_offsets,
                                                         std::int64_t count, CallSite site) const {
  if (send_offsets.size() != index(size()) + 1)
    throw InvalidArgument("alltoall needs " + std::to_string(size() + 1) + " offsets, not " +
                          std::to_string(send_offsets.size()));
  if (send_offsets.front() < 0 || send_offsets.back() > count ||
      !std::is_sorted(send_offsets.begin(), send_offsets.end()))
    throw InvalidArgument("the offsets of alltoall must ascend within the " +
                          std::to_string(count) + " elements that are sent");
  const auto span = impl_->span("alltoall", 0);
  const comm::Call call(*impl_, {.kind = comm::CallKind::alltoall_lengths}, site);
  std::vector<std::int64_t> counts(index(size()));
  for (std::size_t r = 0; r < counts.size(); ++r) counts[r] = send_offsets[r + 1] - send_offsets[r];
  std::vector<std::int64_t> offsets(index(size()) + 1, 0);
  MPI_Request request = MPI_REQUEST_NULL;
  comm::check(MPI_Ialltoall(counts.data(), 1, MPI_INT64_T, offsets.data() + 1, 1, MPI_INT64_T,
                            impl_->comm, &request),
              "MPI_Ialltoall");
  comm::wait_for(*impl_, request, "MPI_Ialltoall");
  sum_up(offsets);
  return offsets;
}

void Communicator::alltoall_pieces(const void* data, std::size_t element_bytes,
                                   std::span<const std::int64_t> send_offsets,
                                   std::span<const std::int64_t> receive_offsets, void* to,
                                   CallSite site) const {
  const comm::Call call(*impl_, {.kind = comm::CallKind::alltoall}, site);
  const auto width = static_cast<std::int64_t>(element_bytes);
  const std::int64_t own = send_offsets[index(rank()) + 1] - send_offsets[index(rank())];
  const auto span =
      impl_->span("alltoall", (send_offsets.back() - send_offsets.front() - own) * width);
  std::byte* const from = sent_from(data);
  auto* const begin = static_cast<std::byte*>(to);
  Messages send;
  Messages receive;
  for (int step = 1; step < size(); ++step) {
    const int next = (rank() + step) % size();
    const int previous = (rank() + size() - step) % size();
    comm::append_messages(send, next, from + send_offsets[index(next)] * width,
                          (send_offsets[index(next) + 1] - send_offsets[index(next)]) * width,
                          impl_->limit());
    comm::append_messages(
        receive, previous, begin + receive_offsets[index(previous)] * width,
        (receive_offsets[index(previous) + 1] - receive_offsets[index(previous)]) * width,
        impl_->limit());
  }
  copy_bytes(begin + receive_offsets[index(rank())] * width,
             from + send_offsets[index(rank())] * width, own * width);
  comm::exchange(*impl_, "alltoall", send, receive);
}

}  // namespace serried
