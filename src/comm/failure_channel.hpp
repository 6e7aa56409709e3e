#pragma once

#include <mpi.h>

#include <vector>

#include "serried/comm/communicator.hpp"

namespace serried::comm {

/// Lets a rank tell all others that it failed while they wait for something that MPI knows nothing
/// of: one receive from anybody is pending on every rank. It carries no reason; agree() does.
class FailureChannel {
 public:
  /// Uses point-to-point messages of `control`, a communicator that nothing else sends messages on.
  /// Local.
  explicit FailureChannel(const Communicator& control);
  ~FailureChannel();
  FailureChannel(const FailureChannel&) = delete;
  FailureChannel& operator=(const FailureChannel&) = delete;

  /// Tells the others; once. Local.
  void tell();
  /// Whether another rank has told. Local; progresses MPI.
  [[nodiscard]] bool is_told();

 private:
  Communicator control_;
  MPI_Comm comm_;
  bool is_told_ = false;
  bool has_told_ = false;
  int received_ = 0;
  int sent_ = 0;
  MPI_Request receive_ = MPI_REQUEST_NULL;
  std::vector<MPI_Request> sends_;
};

}  // namespace serried::comm
