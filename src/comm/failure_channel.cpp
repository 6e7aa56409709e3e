#include "comm/failure_channel.hpp"

#include "comm/mpi_support.hpp"

namespace serried::comm {
namespace {

constexpr int failure_tag = 1;

}  // namespace

FailureChannel::FailureChannel(const Communicator& control)
    : control_(control), comm_(MPI_Comm_f2c(control.fortran_handle())), sent_(control.rank()) {
  if (control_.size() > 1)
    check(MPI_Irecv(&received_, 1, MPI_INT, MPI_ANY_SOURCE, failure_tag, comm_, &receive_),
          "MPI_Irecv");
}

FailureChannel::~FailureChannel() {
  if (!is_mpi_running()) return;
  if (receive_ != MPI_REQUEST_NULL) {
    MPI_Cancel(&receive_);
    MPI_Wait(&receive_, MPI_STATUS_IGNORE);
  }
  // Messages of a few bytes are on their way as soon as they are posted.
  for (MPI_Request& request : sends_)
    if (request != MPI_REQUEST_NULL) MPI_Request_free(&request);
}

void FailureChannel::tell() {
  if (has_told_) return;
  has_told_ = true;
  sends_.assign(static_cast<std::size_t>(control_.size()), MPI_REQUEST_NULL);
  for (int step = 1; step < control_.size(); ++step) {
    const int other = (control_.rank() + step) % control_.size();
    check(MPI_Isend(&sent_, 1, MPI_INT, other, failure_tag, comm_,
                    &sends_[static_cast<std::size_t>(other)]),
          "MPI_Isend");
  }
}

bool FailureChannel::is_told() {
  if (is_told_ || receive_ == MPI_REQUEST_NULL) return is_told_;
  int is_there = 0;
  check(MPI_Test(&receive_, &is_there, MPI_STATUS_IGNORE), "MPI_Test");
  is_told_ = is_there != 0;
  return is_told_;
}

}  // namespace serried::comm
