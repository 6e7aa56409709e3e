#include "comm/staged_collectives.hpp"

#include <algorithm>
#include <string>
#include <utility>

#include "serried/base/error.hpp"

namespace serried::comm {
namespace {

constexpr std::int64_t word = sizeof(std::uint64_t);
// Longer pieces are no faster, and the host memory is taken for good.
constexpr std::int64_t longest_stage = std::int64_t{16} << 20;

std::size_t index(int rank) {
  return static_cast<std::size_t>(rank);
}
std::size_t unsigned_of(std::int64_t count) {
  return static_cast<std::size_t>(count);
}

ReduceOp reduce_op(DeviceReduceOp op) {
  return op == DeviceReduceOp::sum   ? ReduceOp::sum
         : op == DeviceReduceOp::min ? ReduceOp::min
                                     : ReduceOp::max;
}

}  // namespace

StagedCollectives::StagedCollectives(Communicator comm, std::shared_ptr<Backend> backend,
                                     DeviceCollectivesOptions options)
    : comm_(std::move(comm)),
      backend_(std::move(backend)),
      options_(std::move(options)),
      words_(std::max<std::int64_t>(
          1, std::min(options_.round_bytes, longest_stage) / word / comm_.size())) {
  if (comm_.size() > 1) host_.resize(unsigned_of(words_ * comm_.size()));
}

template <class Work>
void StagedCollectives::attempt(Work work) {
  if (failure_) return;
  try {
    work();
  } catch (...) {
    failure_ = std::current_exception();
  }
}

void StagedCollectives::look() {
  if (options_.poll) attempt(options_.poll);
}

void StagedCollectives::finish() {
  if (failure_) std::rethrow_exception(std::exchange(failure_, nullptr));
}

void StagedCollectives::copy_own(void* to, const void* from, std::int64_t bytes) {
  if (bytes > 0 && to != from)
    attempt([&] { backend_->copy_on_device(to, from, unsigned_of(bytes)); });
}

void StagedCollectives::allreduce(std::uint64_t* values, std::int64_t count, DeviceReduceOp op) {
  if (comm_.size() == 1) return;
  const auto longest = static_cast<std::int64_t>(host_.size());
  for (std::int64_t begin = 0; begin < count; begin += longest) {
    const std::size_t length = unsigned_of(std::min(longest, count - begin));
    look();
    attempt([&] { backend_->copy_to_host(host_.data(), values + begin, length * word); });
    comm_.allreduce(std::span<std::uint64_t>(host_).first(length), reduce_op(op));
    attempt([&] { backend_->copy_from_host(values + begin, host_.data(), length * word); });
  }
  finish();
}

void StagedCollectives::reduce_scatter(const std::int64_t* values, std::int64_t* result,
                                       std::int64_t count) {
  const int size = comm_.size();
  if (size == 1) copy_own(result, values, count * word);
  for (std::int64_t begin = 0; size > 1 && begin < count; begin += words_) {
    const std::int64_t length = std::min(words_, count - begin);
    const std::size_t bytes = unsigned_of(length * word);
    std::vector<std::int64_t> offsets(index(size) + 1);
    for (int r = 0; r <= size; ++r) offsets[index(r)] = r * length;
    look();
    attempt([&] {
      for (int r = 0; r < size; ++r)
        backend_->copy_to_host(host_.data() + r * length, values + r * count + begin, bytes);
    });
    auto blocks = comm_.alltoall(
        std::span<const std::uint64_t>(host_).first(unsigned_of(size * length)), offsets);
    for (std::size_t i = unsigned_of(length); i < blocks.values.size(); ++i)
      blocks.values[i % unsigned_of(length)] += blocks.values[i];
    attempt([&] { backend_->copy_from_host(result + begin, blocks.values.data(), bytes); });
  }
  finish();
}

void StagedCollectives::broadcast(void* data, std::int64_t bytes, int root) {
  if (comm_.size() == 1) return;
  const auto longest = static_cast<std::int64_t>(host_.size()) * word;
  auto* const device = static_cast<std::byte*>(data);
  const auto stage = std::as_writable_bytes(std::span(host_));
  for (std::int64_t begin = 0; begin < bytes; begin += longest) {
    const auto piece = stage.first(unsigned_of(std::min(longest, bytes - begin)));
    look();
    if (comm_.rank() == root)
      attempt([&] { backend_->copy_to_host(piece.data(), device + begin, piece.size()); });
    comm_.broadcast(piece, root);
    if (comm_.rank() != root)
      attempt([&] { backend_->copy_from_host(device + begin, piece.data(), piece.size()); });
  }
  finish();
}

void StagedCollectives::allgather(const void* piece, void* all, std::int64_t bytes) {
  std::vector<std::int64_t> offsets(index(comm_.size()) + 1);
  for (int r = 0; r <= comm_.size(); ++r) offsets[index(r)] = r * bytes;
  allgather_pieces(piece, all, offsets);
}

void StagedCollectives::allgather_pieces(const void* piece, void* all,
                                         std::span<const std::int64_t> offsets) {
  const int size = comm_.size();
  const auto length_of = [&](int r) { return offsets[index(r) + 1] - offsets[index(r)]; };
  const std::int64_t own = length_of(comm_.rank());
  const auto* const from = static_cast<const std::byte*>(piece);
  auto* const to = static_cast<std::byte*>(all);
  copy_own(to + offsets[index(comm_.rank())], from, own);
  std::int64_t longest = 0;
  for (int r = 0; r < size; ++r) longest = std::max(longest, length_of(r));
  const std::int64_t round = words_ * word;
  for (std::int64_t begin = 0; size > 1 && begin < longest; begin += round) {
    const auto stage = std::as_writable_bytes(std::span(host_))
                           .first(unsigned_of(std::clamp<std::int64_t>(own - begin, 0, round)));
    look();
    if (!stage.empty())
      attempt([&] { backend_->copy_to_host(stage.data(), from + begin, stage.size()); });
    const auto pieces = comm_.allgather(std::span<const std::byte>(stage));
    attempt([&] {
      for (int r = 0; r < size; ++r)
        if (r != comm_.rank() && !pieces.piece(r).empty())
          backend_->copy_from_host(to + offsets[index(r)] + begin, pieces.piece(r).data(),
                                   pieces.piece(r).size());
    });
  }
  finish();
}

void StagedCollectives::alltoall(const void* send, std::span<const std::int64_t> send_offsets,
                                 void* receive, std::span<const std::int64_t> receive_offsets) {
  const int size = comm_.size();
  const std::size_t self = index(comm_.rank());
  const auto* const from = static_cast<const std::byte*>(send);
  auto* const to = static_cast<std::byte*>(receive);
  copy_own(to + receive_offsets[self], from + send_offsets[self],
           send_offsets[self + 1] - send_offsets[self]);
  if (size == 1) return finish();
  const auto length_of = [](std::span<const std::int64_t> offsets, int r) {
    return offsets[index(r) + 1] - offsets[index(r)];
  };
  std::int64_t longest = 0;
  for (int r = 0; r < size; ++r)
    if (r != comm_.rank())
      longest = std::max({longest, length_of(send_offsets, r), length_of(receive_offsets, r)});
  longest = comm_.allreduce(longest, ReduceOp::max);

  const std::int64_t round = words_ * word;
  const auto stage = std::as_writable_bytes(std::span(host_));
  for (std::int64_t begin = 0; begin < longest; begin += round) {
    const auto in_round = [&](std::span<const std::int64_t> offsets, int r) {
      return r == comm_.rank() ? 0
                               : std::clamp<std::int64_t>(length_of(offsets, r) - begin, 0, round);
    };
    std::vector<std::int64_t> offsets(index(size) + 1, 0);
    for (int r = 0; r < size; ++r)
      offsets[index(r) + 1] = offsets[index(r)] + in_round(send_offsets, r);
    look();
    attempt([&] {
      for (int r = 0; r < size; ++r)
        if (length_of(offsets, r) > 0)
          backend_->copy_to_host(stage.data() + offsets[index(r)],
                                 from + send_offsets[index(r)] + begin,
                                 unsigned_of(length_of(offsets, r)));
    });
    const auto pieces = comm_.alltoall(
        std::span<const std::byte>(stage).first(unsigned_of(offsets.back())), offsets);
    attempt([&] {
      for (int r = 0; r < size; ++r) {
        const auto piece = pieces.piece(r);
        if (static_cast<std::int64_t>(piece.size()) != in_round(receive_offsets, r))
          throw InvalidArgument("rank " + std::to_string(r) + " sends another length than rank " +
                                std::to_string(comm_.rank()) + " receives");
        if (!piece.empty())
          backend_->copy_from_host(to + receive_offsets[index(r)] + begin, piece.data(),
                                   piece.size());
      }
    });
  }
  finish();
}

}  // namespace serried::comm
