#include "comm/communicator_state.hpp"

#include <algorithm>
#include <atomic>
#include <random>
#include <string>
#include <thread>
#include <utility>

#include "comm/backoff.hpp"
#include "comm/watch/comparison.hpp"
#include "serried/base/error.hpp"

namespace serried::comm {
namespace {

/// A number that no other communicator of the job has; its rank 0 makes it up. Collective.
std::uint64_t agreed_identity(MPI_Comm comm, int rank) {
  static std::atomic<std::uint64_t> made{0};
  std::uint64_t identity = 0;
  if (rank == 0) {
    std::random_device random;
    const std::uint64_t high = random();
    identity = ((high << 32) ^ random() ^ (made.fetch_add(1) << 1)) | 2;
  }
  MPI_Request request = MPI_REQUEST_NULL;
  check(MPI_Ibcast(&identity, sizeof(identity), MPI_BYTE, 0, comm, &request), "MPI_Ibcast");
  Piece piece{request};
  Backoff backoff(0);
  while (!test(piece, "MPI_Ibcast")) backoff.pause();
  return identity;
}

}  // namespace

CommunicatorState::CommunicatorState(MPI_Comm owned, std::shared_ptr<Recorder> its_recorder,
                                     CommunicatorOptions its_options)
    : comm(owned), recorder(std::move(its_recorder)), options(its_options) {
  own_ops_.fill(MPI_OP_NULL);
  check(MPI_Comm_set_errhandler(comm, MPI_ERRORS_RETURN), "MPI_Comm_set_errhandler");
  check(MPI_Comm_rank(comm, &rank), "MPI_Comm_rank");
  check(MPI_Comm_size(comm, &size), "MPI_Comm_size");
  if (size == 1) return;
  place = board::add_communicator(agreed_identity(comm, rank), rank, size);
  if (!is_each_call_compared()) return;
  check(MPI_Comm_dup(comm, &check_comm), "MPI_Comm_dup");
  check(MPI_Comm_set_errhandler(check_comm, MPI_ERRORS_RETURN), "MPI_Comm_set_errhandler");
}

CommunicatorState::~CommunicatorState() {
  board::close_communicator(place);
  if (!is_mpi_running()) return;
  release_completed_orphans();
  // With orphans the communicator stays until MPI ends: their requests refer to it.
  if (!orphans_.empty()) return;
  for (MPI_Op& op : own_ops_)
    if (op != MPI_OP_NULL) MPI_Op_free(&op);
  if (check_comm != MPI_COMM_NULL) MPI_Comm_free(&check_comm);
  MPI_Comm_free(&comm);
}

void CommunicatorState::adopt(MPI_Request request) noexcept {
  if (request == MPI_REQUEST_NULL) return;
  const std::lock_guard lock(mutex_);
  try {
    orphans_.push_back(request);
  } catch (const std::bad_alloc&) {
    // The handle is lost, not the operation: MPI keeps its own reference until it completes.
  }
}

void CommunicatorState::release_completed_orphans() noexcept {
  const std::lock_guard lock(mutex_);
  std::erase_if(orphans_, [](MPI_Request& request) {
    int is_done = 0;
    const int code = MPI_Test(&request, &is_done, MPI_STATUS_IGNORE);
    return is_done != 0 || code != MPI_SUCCESS || request == MPI_REQUEST_NULL;
  });
}

MPI_Op CommunicatorState::mpi_op(ReduceOp op, DType dtype) {
  const std::optional<OwnOp> own = own_op(op, dtype);
  if (!own) return comm::mpi_op(op);
  const std::lock_guard lock(mutex_);
  MPI_Op& made = own_ops_[static_cast<std::size_t>(*own)];
  if (made == MPI_OP_NULL) check(MPI_Op_create(function_of(*own), 1, &made), "MPI_Op_create");
  return made;
}

void CommunicatorState::check_rank(int other, const char* what) const {
  if (other < 0 || other >= size)
    throw InvalidArgument(std::string(what) + " " + std::to_string(other) +
                          " is no rank of a communicator of " + std::to_string(size));
}

bool test(Piece& piece, const char* operation) {
  int is_done = 0;
  MPI_Status status;
  const int code = MPI_Test(&piece.request, &is_done, &status);
  if (code != MPI_SUCCESS) {
    piece.request = MPI_REQUEST_NULL;
    throw_after_verdict(code, operation);
  }
  if (is_done == 0) return false;
  if (piece.expected_bytes >= 0) {
    int received = 0;
    check(MPI_Get_count(&status, MPI_BYTE, &received), "MPI_Get_count");
    if (received != piece.expected_bytes)
      throw Error(ErrorKind::internal, "a message of " + std::to_string(received) +
                                           " bytes from rank " + std::to_string(status.MPI_SOURCE) +
                                           " came where " + std::to_string(piece.expected_bytes) +
                                           " were expected");
  }
  return true;
}

bool is_lost(int peer) {
  const faults::SendFault fault = faults::on_send(peer);
  if (fault.delay.count() > 0) std::this_thread::sleep_for(fault.delay);
  return fault.is_dropped;
}

extern "C" {
static int serried_query_never(void* /*state*/, MPI_Status* /*status*/) {
  return MPI_SUCCESS;
}
static int serried_free_never(void* /*state*/) {
  return MPI_SUCCESS;
}
static int serried_cancel_never(void* /*state*/, int /*is_complete*/) {
  return MPI_SUCCESS;
}
}

MPI_Request never_complete() {
  MPI_Request request = MPI_REQUEST_NULL;
  check(MPI_Grequest_start(serried_query_never, serried_free_never, serried_cancel_never, nullptr,
                           &request),
        "MPI_Grequest_start");
  return request;
}

void wait_for(const CommunicatorState& impl, MPI_Request request, const char* operation) {
  Piece piece{request};
  Backoff backoff(impl.options.spin_polls);
  while (!test(piece, operation)) backoff.pause();
}

}  // namespace serried::comm
