#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "comm/watch/rank_slot.hpp"

namespace serried::comm {

/// A thread that is in a call, as its board says.
struct WaitView {
  CallKind kind = CallKind::none;
  std::uint64_t epoch = 0;
  std::uint64_t polls = 0;
  std::uint64_t communicator = 0;
  std::uint64_t number = 0;   ///< of the call in its communicator; 0 for messages and own work
  std::uint64_t message = 0;  ///< of its (communicator, peer, tag)
  std::int32_t peer = -1;     ///< in the communicator
  std::int32_t tag = 0;
  std::string text;  ///< e.g. "allreduce (sum of 4 i64) at src/array/statistics.cpp:120"
};

struct CommunicatorView {
  std::uint64_t id = 0;
  std::uint64_t number = 0;  ///< of the last call that the rank has begun
  std::int32_t rank = 0;
  std::int32_t size = 0;
  bool is_closed = false;  ///< the rank has let go of it and will call nothing more there
};

struct MessageView {
  std::uint64_t communicator = 0;
  std::uint64_t count = 0;
  std::int32_t peer = 0;
  std::int32_t tag = 0;
  CallKind kind = CallKind::send;
};

/// A copy of what one rank's board says, that can be sent.
struct RankView {
  int rank = 0;  ///< of the Runtime's communicator
  RankMode mode = RankMode::absent;
  std::uint64_t ticks = 0;
  /// Whether the rank can go on by itself: it computes, reads, or stands between two calls.
  bool is_busy = true;
  bool has_more_communicators = false;
  bool has_more_messages = false;
  std::vector<WaitView> waits;
  std::vector<CommunicatorView> communicators;
  std::vector<MessageView> messages;
};

/// Local.
[[nodiscard]] RankView view_of(const RankSlot& slot, int rank);

/// What a busy rank need not send.
void leave_out_details(RankView& view);

/// Appends the view to a message. Local.
void append(std::vector<std::byte>& message, const RankView& view);
/// Takes a view from the front of a message. Local.
/// @throws Error if the message is damaged.
[[nodiscard]] RankView take_rank_view(std::span<const std::byte>& message);

}  // namespace serried::comm
