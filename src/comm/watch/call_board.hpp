#pragma once

#include <cstdint>
#include <optional>

#include "comm/watch/rank_slot.hpp"
#include "serried/base/dtype.hpp"
#include "serried/comm/call_site.hpp"

namespace serried::comm {

/// What the ranks of a communicator must call alike.
struct CallDetails {
  CallKind kind = CallKind::none;
  DType dtype = DType::u8;
  std::uint8_t reduction = 0;  ///< ReduceOp + 1; 0: none
  std::int32_t root = -1;
  std::int64_t count = 0;      ///< where it must be the same on all ranks, else 0
  const char* name = nullptr;  ///< of an external call; a literal
};

/// A communicator's place on the board, and the running hash of its calls.
struct BoardPlace {
  static constexpr std::int32_t none = -1;
  std::int32_t index = none;  ///< among the slot's communicators; none: there was no room
  std::uint64_t id = 0;
  std::uint64_t number = 0;
  std::uint64_t history = 0;
};

/// A collective call that has begun.
struct BoardCall {
  std::uint64_t index = 0;  ///< in the ring
  std::uint64_t number = 0;
  std::uint64_t hash = 0;
  std::uint64_t history = 0;
};

/// The one board of this process. It is written wherever it lies; a watchdog moves it to memory
/// that the node's ranks share. All functions are Local and cost some ten nanoseconds.
namespace board {

[[nodiscard]] RankSlot& slot() noexcept;
/// Copies the board to `to` and goes on there, with the same content; `to` is never freed. To be
/// called while no other thread communicates.
void move_to(RankSlot& to) noexcept;
void set_mode(RankMode mode) noexcept;

[[nodiscard]] BoardPlace add_communicator(std::uint64_t id, int rank, int size) noexcept;
/// The rank lets go of it; its place is kept for a while, so that others can see that it will call
/// nothing more there.
void close_communicator(const BoardPlace& place) noexcept;

/// Writes down a collective call of a communicator, in the order of its calls.
[[nodiscard]] BoardCall begin_call(BoardPlace& place, const CallDetails& details,
                                   const CallSite& site) noexcept;
/// Writes down a message that is sent to a rank, or expected from it.
/// @return its number among those of its kind, peer and tag, from 1, or 0 if it is not known.
std::uint64_t count_message(CallKind kind, std::uint64_t communicator, int peer, int tag) noexcept;

/// The calling thread waits in a call from construction to destruction; calls may be nested.
class Waiting {
 public:
  /// In a collective.
  Waiting(CallKind kind, std::uint64_t communicator, const BoardCall& call) noexcept;
  /// For a message, or in work of its own inside a third party.
  Waiting(CallKind kind, std::uint64_t communicator, int peer, int tag, std::uint64_t message,
          const CallSite& site) noexcept;
  ~Waiting();
  Waiting(const Waiting&) = delete;
  Waiting& operator=(const Waiting&) = delete;

 private:
  ThreadEntry* thread_;
  std::uint32_t outer_kind_ = 0;
  std::uint64_t outer_call_ = 0;
};

/// The calling thread waits, and polls.
void count_poll() noexcept;
/// Whether a thread of this process is in a collective call of a third party, where nothing reaches
/// it.
[[nodiscard]] bool is_beyond_reach() noexcept;

}  // namespace board
}  // namespace serried::comm
