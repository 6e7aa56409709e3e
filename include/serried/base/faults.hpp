#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <new>
#include <string>
#include <string_view>
#include <vector>

#include "serried/base/api.hpp"

/// Failures on purpose: an allocation, a read, a write or a message fails on one rank at one step,
/// so that tests (and whoever sets up a cluster) can see what the whole job makes of it.
///
/// They are asked for with the environment variable SERRIED_FAULT, which holds faults separated by
/// semicolons:
///
///     KIND:rank=R,step=N[,ms=M][,peer=P]     e.g.  read:rank=1,step=3
///
/// KIND is `allocate`, `read`, `write`, `send-delay` or `send-drop`. The fault happens once, at the
/// N-th event (from 1) of that kind on rank R of the job; `ms` (of send-delay alone, 1000 if it is
/// not given) says how long; `peer` (of send-delay and send-drop) counts the messages to one rank
/// alone. `count` in place of a fault lets nothing fail: each rank prints one line at its end, how
/// many events of each kind there were. A text that says anything else is an error.
///
/// This is part of every build, so that what is tested is what is run. Events are coarse (the
/// memory of a batch, an HDF5 call, a message) and one costs a relaxed load of one byte where the
/// variable is not set.
namespace SERRIED_API serried {
namespace faults {

/// What can be made to fail.
enum class Kind { allocate, read, write, send_delay, send_drop };

/// What happens to a message.
struct SendFault {
  std::chrono::milliseconds delay{0};  ///< wait so long before it is sent
  bool is_dropped = false;             ///< do not send it, and say that it was sent
};

/// One fault, as SERRIED_FAULT names it.
struct Fault {
  Kind kind = Kind::read;
  int rank = 0;
  std::int64_t step = 1;
  std::chrono::milliseconds delay{0};
  int peer = any_peer;
  static constexpr int any_peer = -1;
};

/// What SERRIED_FAULT asks for.
struct Plan {
  std::vector<Fault> faults;
  bool is_counting = false;
};

/// Reads the text of SERRIED_FAULT. Local.
/// @throws InvalidArgument that names the part which is wrong.
[[nodiscard]] Plan parse(std::string_view text);

/// Lets a plan take the place of the one that is in force, and counts from 0 again. Local.
void set_plan(Plan plan);

/// Puts what SERRIED_FAULT says into force now rather than at the first event, so that a text that
/// is wrong is found at the start. Nothing happens where a plan is in force. Local.
/// @throws InvalidArgument as parse().
void read_environment();

/// This process's rank in the job. Until it is told, the launcher's variables say it. Local.
void set_rank(int rank) noexcept;

/// So many events of a kind there have been on this rank; 0 where no plan is in force. Local.
[[nodiscard]] std::int64_t events(Kind kind) noexcept;

namespace detail {
enum class State : std::uint8_t { unread, off, on };
extern std::atomic<State> state;
bool note(Kind kind);
SendFault note_send(int peer);
}  // namespace detail

/// Counts an event of kind allocate, read or write; true if it is to fail. May be called by any
/// thread. Local. @throws InvalidArgument at the first event if SERRIED_FAULT is wrong.
[[nodiscard]] inline bool is_due(Kind kind) {
  return detail::state.load(std::memory_order_relaxed) != detail::State::off && detail::note(kind);
}

/// Stands before memory in proportion to the data is taken outside of a Buffer: an event of kind
/// allocate. Local. @throws std::bad_alloc if it is to fail. @throws InvalidArgument as is_due().
inline void before_allocation() {
  if (is_due(Kind::allocate)) throw std::bad_alloc();
}

/// Counts a message to rank `peer`, or to all (Fault::any_peer: a collective), and says what is to
/// happen to it. The caller waits, or drops it. Local. @throws InvalidArgument as is_due().
[[nodiscard]] inline SendFault on_send(int peer) {
  if (detail::state.load(std::memory_order_relaxed) == detail::State::off) return {};
  return detail::note_send(peer);
}

/// The words for what fails, for its message: "injected fault (read 3 of rank 1)". Local.
[[nodiscard]] std::string cause(Kind kind);

}  // namespace faults
}  // namespace serried
