#pragma once

#include "comm/communicator_state.hpp"
#include "comm/watch/call_board.hpp"

namespace serried::comm {

/// Whether SERRIED_CHECK=1 asks for the comparison of each call before it is made.
/// Local.
[[nodiscard]] bool is_each_call_compared() noexcept;

/// Compares a call that all ranks are about to make, on a communicator that nothing else uses.
/// Collective.
/// @throws RankError (kind communication) on all ranks alike, naming both call sites.
void compare_call(CommunicatorState& impl, const BoardCall& call);

/// Compares the calls so far of this communicator, and of all others that two ranks have in common
/// and that stand at the same call. Collective.
/// @throws RankError (kind communication) on all ranks alike, naming the first calls that differ
/// where they are still known.
void compare_histories(CommunicatorState& impl);

/// The error of an MPI call. Ranks that call different things are what most errors come from, so it
/// waits a moment for the watchdog, which knows better. Local.
[[noreturn]] void throw_after_verdict(int code, const char* operation);

/// The text of the error about two ranks whose calls differ. Local.
/// @param first what the rank called, e.g. "barrier at x.cpp:7".
[[nodiscard]] std::string difference_text(int rank, const std::string& first, int other_rank,
                                          const std::string& second);

}  // namespace serried::comm
