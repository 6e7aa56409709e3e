#pragma once

#include <array>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "comm/mpi_support.hpp"
#include "comm/watch/call_board.hpp"
#include "serried/base/faults.hpp"
#include "serried/comm/communicator.hpp"

namespace serried::comm {

/// What the copies of a Communicator and its requests share.
struct CommunicatorState {
  CommunicatorState(MPI_Comm owned, std::shared_ptr<Recorder> its_recorder,
                    CommunicatorOptions its_options);
  ~CommunicatorState();
  CommunicatorState(const CommunicatorState&) = delete;
  CommunicatorState& operator=(const CommunicatorState&) = delete;

  MPI_Comm comm;
  std::shared_ptr<Recorder> recorder;
  CommunicatorOptions options;
  int rank = 0;
  int size = 1;
  /// Where its calls are written down; the identity is that of all its ranks.
  BoardPlace place;
  /// With SERRIED_CHECK=1 and more than one rank: what calls are compared on, else MPI_COMM_NULL.
  MPI_Comm check_comm = MPI_COMM_NULL;

  /// Takes a request that nobody waits for any more: MPI still works on it.
  void adopt(MPI_Request request) noexcept;
  /// Lets go of adopted requests that have completed.
  void release_completed_orphans() noexcept;

  /// The operation for a dtype: MPI's own where it can be trusted.
  [[nodiscard]] MPI_Op mpi_op(ReduceOp op, DType dtype);

  void check_rank(int other, const char* what) const;
  [[nodiscard]] std::int64_t limit() const noexcept { return options.max_message_elements; }
  /// The span of one call; nothing without a recorder.
  [[nodiscard]] std::optional<Recorder::Span> span(const char* operation,
                                                   std::int64_t bytes) const {
    std::optional<Recorder::Span> result;
    if (recorder) {
      result.emplace(recorder->span(operation, Activity::communication));
      result->add_bytes(bytes);
    }
    return result;
  }

 private:
  std::mutex mutex_;
  std::vector<MPI_Request> orphans_;
  std::array<MPI_Op, own_ops> own_ops_;  ///< by OwnOp; made when first needed
};

/// Internal messages use the last tag that every MPI has; callers have those below.
inline constexpr int internal_tag = 32767;

/// One posted piece of an operation.
struct Piece {
  MPI_Request request = MPI_REQUEST_NULL;
  /// Length of the message that is to be received; negative for everything else.
  std::int64_t expected_bytes = -1;
};

/// Tests a piece; true (once) when it is complete. Its request is then null, also when this throws.
/// Local.
[[nodiscard]] bool test(Piece& piece, const char* operation);

/// To be called before a message to `peer` is posted (faults::Fault::any_peer: a collective); waits
/// where an injected fault wants it late. Local. @return true if it is to be lost.
[[nodiscard]] bool is_lost(int peer);

/// What a collective waits for whose message was lost: never complete.
[[nodiscard]] MPI_Request never_complete();

/// Polls until the request is complete. If it fails, or there is a verdict, the request is left to
/// MPI, with its memory.
void wait_for(const CommunicatorState& impl, MPI_Request request, const char* operation);

}  // namespace serried::comm
