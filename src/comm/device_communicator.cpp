#include "serried/comm/device_communicator.hpp"

#include <exception>
#include <optional>
#include <utility>

#include "comm/failure_channel.hpp"
#include "comm/staged_collectives.hpp"
#include "serried/base/error.hpp"
#include "serried/comm/agree.hpp"

namespace serried {
namespace {

/// Thrown out of a wait whose peer has failed; what happened is agreed on afterwards.
struct PeerFailure {};

void check_count(std::int64_t count) {
  if (count < 0) throw InvalidArgument("a negative count, " + std::to_string(count));
}

void check_offsets(std::span<const std::int64_t> offsets, int size) {
  if (offsets.size() != static_cast<std::size_t>(size) + 1)
    throw InvalidArgument("a collective of " + std::to_string(size) + " ranks needs " +
                          std::to_string(size + 1) + " offsets, not " +
                          std::to_string(offsets.size()));
  for (std::size_t i = 0; i < offsets.size(); ++i)
    if (offsets[i] < (i == 0 ? 0 : offsets[i - 1]))
      throw InvalidArgument("the offsets of a collective must ascend from 0 or more");
}

}  // namespace

struct DeviceCommunicator::Impl {
  Impl(const Communicator& communicator, std::shared_ptr<Backend> its_backend,
       DevicePathChoice its_choice, const DeviceCollectivesOptions& options)
      : comm(communicator),
        // Without a recorder: agreements are no traffic of the caller's.
        control(Communicator::from_fortran_handle(communicator.fortran_handle(), nullptr,
                                                  communicator.options())),
        backend(std::move(its_backend)),
        choice(std::move(its_choice)),
        failures(control) {
    if (choice.path == DevicePath::nccl)
      join(options);
    else
      agree(control, [&] {
        collectives = std::make_unique<comm::StagedCollectives>(comm, backend, options);
      });
  }

  void join(const DeviceCollectivesOptions& options) {
    std::string id;
    agree_on_root(control, 0, [&] { id = backend->collectives_id(); });
    id = control.broadcast_text(id, 0);
    DeviceCollectivesOptions watched = options;
    watched.poll = [this, poll = options.poll] {
      if (failures.is_told()) throw PeerFailure{};
      if (poll) poll();
    };
    perform([&] {
      collectives = backend->make_collectives(id, control.rank(), control.size(), watched);
    });
  }

  /// One operation, and the agreement on it.
  template <class Operation>
  void perform(Operation operation) {
    if (is_broken) throw DeviceError("this device communicator was ended by a failure before");
    std::exception_ptr own;
    try {
      operation();
    } catch (const PeerFailure&) {
      // the agreement says whose
    } catch (...) {
      own = std::current_exception();
      if (choice.path == DevicePath::nccl) failures.tell();
    }
    try {
      agree(control, [&] {
        if (own) std::rethrow_exception(own);
      });
    } catch (...) {
      is_broken = true;
      if (collectives) collectives->abort();
      throw;
    }
  }

  /// As perform, with a span of its own where no Communicator records one.
  template <class Operation>
  void perform(const char* name, std::int64_t bytes, Operation operation) {
    std::optional<Recorder::Span> span;
    if (choice.path == DevicePath::nccl && comm.recorder()) {
      span.emplace(comm.recorder()->span(name, Activity::communication));
      span->add_bytes(bytes);
    }
    perform(operation);
  }

  Communicator comm;
  Communicator control;
  std::shared_ptr<Backend> backend;
  DevicePathChoice choice;
  comm::FailureChannel failures;
  bool is_broken = false;
  std::unique_ptr<DeviceCollectives> collectives;
};

DeviceCommunicator::DeviceCommunicator(const Communicator& comm, std::shared_ptr<Backend> backend,
                                       DevicePathChoice choice,
                                       const DeviceCollectivesOptions& options) {
  if (options.round_bytes < 1)
    throw InvalidArgument("round_bytes must be at least 1, not " +
                          std::to_string(options.round_bytes));
  impl_ = std::make_unique<Impl>(comm, std::move(backend), std::move(choice), options);
}
DeviceCommunicator::~DeviceCommunicator() = default;
DeviceCommunicator::DeviceCommunicator(DeviceCommunicator&&) noexcept = default;
DeviceCommunicator& DeviceCommunicator::operator=(DeviceCommunicator&&) noexcept = default;

const DevicePathChoice& DeviceCommunicator::choice() const noexcept {
  return impl_->choice;
}
int DeviceCommunicator::rank() const noexcept {
  return impl_->comm.rank();
}
int DeviceCommunicator::size() const noexcept {
  return impl_->comm.size();
}

void DeviceCommunicator::allreduce(std::uint64_t* values, std::int64_t count, DeviceReduceOp op) {
  check_count(count);
  impl_->perform("device allreduce", count * 8,
                 [&] { impl_->collectives->allreduce(values, count, op); });
}

void DeviceCommunicator::allreduce_sum(std::int64_t* values, std::int64_t count) {
  // Modulo 2^64 signed and unsigned sums have the same bits.
  allreduce(reinterpret_cast<std::uint64_t*>(values), count, DeviceReduceOp::sum);
}

void DeviceCommunicator::reduce_scatter(const std::int64_t* values, std::int64_t* result,
                                        std::int64_t count) {
  check_count(count);
  impl_->perform("device reduce_scatter", count * size() * 8,
                 [&] { impl_->collectives->reduce_scatter(values, result, count); });
}

void DeviceCommunicator::broadcast(void* data, std::int64_t bytes, int root) {
  check_count(bytes);
  if (root < 0 || root >= size())
    throw InvalidArgument("the root of a broadcast, " + std::to_string(root) +
                          ", is no rank of a communicator of " + std::to_string(size()));
  impl_->perform("device broadcast", rank() == root ? bytes : 0,
                 [&] { impl_->collectives->broadcast(data, bytes, root); });
}

void DeviceCommunicator::allgather(const void* piece, void* all, std::int64_t bytes) {
  check_count(bytes);
  impl_->perform("device allgather", bytes,
                 [&] { impl_->collectives->allgather(piece, all, bytes); });
}

void DeviceCommunicator::allgather_pieces(const void* piece, void* all,
                                          std::span<const std::int64_t> offsets) {
  check_offsets(offsets, size());
  const auto own = static_cast<std::size_t>(rank());
  impl_->perform("device allgather", offsets[own + 1] - offsets[own],
                 [&] { impl_->collectives->allgather_pieces(piece, all, offsets); });
}

void DeviceCommunicator::alltoall(const void* send, std::span<const std::int64_t> send_offsets,
                                  void* receive, std::span<const std::int64_t> receive_offsets) {
  // These differ from rank to rank, and so may a mistake in them.
  agree(impl_->control, [&] {
    check_offsets(send_offsets, size());
    check_offsets(receive_offsets, size());
  });
  impl_->perform("device alltoall", send_offsets.back() - send_offsets.front(), [&] {
    impl_->collectives->alltoall(send, send_offsets, receive, receive_offsets);
  });
}

}  // namespace serried
