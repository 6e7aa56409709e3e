#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

namespace serried::comm {

/// What a rank lets its watchdog and those of its node see: plain atomics in memory that the ranks
/// of a node share (or in its own heap, where nobody watches). The rank's threads write it as they
/// communicate, with a few relaxed stores a call; watchdog threads read it at any moment, also when
/// the rank has been stopped or killed in the middle of a store. So nothing here is ever locked,
/// and whatever is read is checked against its stamp.

/// What a call is. The order is part of the hash that ranks compare.
enum class CallKind : std::uint8_t {
  none,
  barrier,
  allreduce,
  reduce,
  exscan,
  broadcast,
  broadcast_text,
  gather_lengths,
  gather,
  allgather,
  allgather_pieces,
  alltoall_lengths,
  alltoall,
  split,
  split_node,
  duplicate,
  comparison,
  send,
  receive,
  external,   ///< collective, inside a third party
  own_work,   ///< inside a third party, but waiting for no other rank
  own_thread  ///< waits for another thread of its own process
};

/// Collective, and nobody polls while it lasts.
[[nodiscard]] constexpr bool is_third_party(CallKind kind) noexcept {
  return kind == CallKind::external || kind == CallKind::split || kind == CallKind::split_node ||
         kind == CallKind::duplicate;
}

/// One collective call: the calls of one communicator are numbered from 1.
struct CallEntry {
  std::atomic<std::uint64_t> stamp{0};  ///< index in the ring + 1; 0 while it is being written
  std::atomic<std::uint64_t> communicator{0};
  std::atomic<std::uint64_t> number{0};
  std::atomic<std::uint64_t> hash{0};     ///< of what must be the same on all ranks
  std::atomic<std::uint64_t> history{0};  ///< of this call's hash and all before
  std::atomic<std::uint64_t> count{0};
  /// kind, dtype, reduction, site, root: one byte, one byte, one byte, two bytes; root above.
  std::atomic<std::uint64_t> details{0};
  std::atomic<std::uint64_t> name{0};  ///< of an external call: index into texts
};

/// A thread of the rank, while it is in a call.
struct ThreadEntry {
  std::atomic<std::uint32_t> is_taken{0};
  std::atomic<std::uint32_t> kind{0};   ///< CallKind; none: it does something else
  std::atomic<std::uint64_t> epoch{0};  ///< of calls entered and left: another state, another epoch
  std::atomic<std::uint64_t> polls{0};  ///< grows while the thread waits
  std::atomic<std::uint64_t> call{0};   ///< index in the ring
  std::atomic<std::uint64_t> message{
      0};  ///< which message of its (communicator, peer, tag), from 1
  std::atomic<std::uint64_t> communicator{0};
  std::atomic<std::int32_t> peer{-1};  ///< in the communicator
  std::atomic<std::int32_t> tag{0};
  std::atomic<std::uint32_t> text{0};  ///< call site, index into texts
};

/// A communicator of more than one rank.
struct CommunicatorEntry {
  std::atomic<std::uint64_t> id{0};       ///< the same on all its ranks; 0: no communicator
  std::atomic<std::uint64_t> number{0};   ///< of the last call that was begun
  std::atomic<std::uint64_t> history{0};  ///< of it and all before
  std::atomic<std::int32_t> rank{0};
  std::atomic<std::int32_t> size{0};
  /// When the rank let go of it, counted in communicators; 0: not yet. It will call nothing more
  /// there.
  std::atomic<std::uint64_t> closed{0};
};

/// Messages to or from a rank, sent or expected.
struct MessageEntry {
  std::atomic<std::uint64_t> communicator{0};  ///< 0: free
  std::atomic<std::uint64_t> count{0};
  std::atomic<std::int32_t> peer{0};
  std::atomic<std::int32_t> tag{0};
  std::atomic<std::uint32_t> kind{0};  ///< CallKind: send or receive
};

enum class RankMode : std::uint32_t {
  absent,  ///< the rank has not come yet
  alive,
  ended,     ///< takes part in nothing any more; its process waits for MPI to end
  aborting,  ///< is ending the whole job
  gone       ///< has left without harm: nobody watches it
};

struct RankSlot {
  static constexpr std::size_t threads = 4;
  static constexpr std::size_t communicators = 32;
  static constexpr std::size_t messages = 32;
  static constexpr std::size_t calls = 1024;
  static constexpr std::size_t texts = 256;
  static constexpr std::size_t text_bytes = 96;

  std::atomic<std::uint32_t> mode{0};
  std::atomic<std::int32_t> process{0};
  std::atomic<std::uint64_t> ticks{0};  ///< of the rank's watchdog thread
  /// There were more than there is room for, so that what is missing here tells nothing.
  std::atomic<std::uint32_t> has_more_threads{0};
  std::atomic<std::uint32_t> has_more_communicators{0};
  std::atomic<std::uint32_t> has_more_messages{0};
  std::atomic<std::uint64_t> next_call{0};
  std::atomic<std::uint64_t> next_closed{1};
  std::array<ThreadEntry, threads> thread;
  std::array<CommunicatorEntry, communicators> communicator;
  std::array<MessageEntry, messages> message;
  std::array<CallEntry, calls> call;
  /// Text i is written once, before text_keys[i] is. Text 0 stands for all that found no room.
  std::array<std::atomic<std::uint64_t>, texts> text_keys;
  std::array<std::array<char, text_bytes>, texts> text;
};

static_assert(std::atomic<std::uint64_t>::is_always_lock_free);

}  // namespace serried::comm
