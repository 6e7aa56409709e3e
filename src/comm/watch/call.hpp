#pragma once

#include <optional>

#include "comm/communicator_state.hpp"
#include "comm/watch/call_board.hpp"

namespace serried::comm {

/// A collective call of a communicator, from construction to destruction: it stands on the board,
/// is compared first where SERRIED_CHECK=1, and the thread counts as waiting in it. Nothing of all
/// that with one rank. @throws RankError if the ranks differ, or after a verdict.
class Call {
 public:
  Call(CommunicatorState& impl, const CallDetails& details, const CallSite& site);

 private:
  std::optional<board::Waiting> waiting_;
};

[[nodiscard]] inline CallDetails reduction_details(CallKind kind, DType dtype, ReduceOp op,
                                                   std::int64_t count, int root = -1) {
  return {.kind = kind,
          .dtype = dtype,
          .reduction = static_cast<std::uint8_t>(static_cast<int>(op) + 1),
          .root = root,
          .count = count};
}

/// As Call, for an operation that is posted now and waited for later: only writes it down.
/// @return nothing with one rank.
[[nodiscard]] std::optional<BoardCall> note_call(CommunicatorState& impl,
                                                 const CallDetails& details, const CallSite& site);

}  // namespace serried::comm
