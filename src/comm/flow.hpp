#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <limits>
#include <vector>

#include "comm/communicator_state.hpp"

namespace serried::comm {

/// A sequence of operations that are posted in order, a few of them in flight at a time.
class Flow {
 public:
  using Post = std::function<Piece(std::int64_t index)>;
  Flow(CommunicatorState& impl, const char* operation, std::int64_t count, int window, Post post);
  /// Leaves what is still in flight to the communicator.
  ~Flow();
  Flow(const Flow&) = delete;
  Flow& operator=(const Flow&) = delete;

  /// Posts what there is room for, up to operation number `may_post`, and tests what is in flight;
  /// true if anything moved.
  bool advance(std::int64_t may_post = std::numeric_limits<std::int64_t>::max());
  /// Operations that are complete: the first ones.
  [[nodiscard]] std::int64_t completed() const noexcept { return completed_; }
  [[nodiscard]] bool is_done() const noexcept { return completed_ == count_; }
  /// Polls until all are done.
  void run();

 private:
  CommunicatorState& impl_;
  const char* operation_;
  std::int64_t count_;
  int window_;
  Post post_;
  std::int64_t posted_ = 0;
  std::int64_t completed_ = 0;
  std::deque<Piece> in_flight_;
};

/// One message of a transfer between two ranks.
struct Message {
  int peer = 0;
  std::byte* data = nullptr;
  std::int64_t bytes = 0;
};

/// Appends the messages of `bytes` bytes at `data`, none longer than `limit`; none at all for 0
/// bytes. Sender and receiver cut alike. Local.
void append_messages(std::vector<Message>& messages, int peer, std::byte* data, std::int64_t bytes,
                     std::int64_t limit);

/// Sends and receives the messages, each list in its order. The m-th message with this rank's peer
/// q in `receive` is the m-th with this rank in q's `send`. Never blocks for ever if the ranks'
/// lists are in one common order of steps (rank r talks to r + i in step i).
/// @param forwarded message i of `send` for i >= forwarded waits until message i - forwarded of
/// `receive`
///   is there.
void exchange(CommunicatorState& impl, const char* operation, const std::vector<Message>& send,
              const std::vector<Message>& receive,
              std::int64_t forwarded = std::numeric_limits<std::int64_t>::max());

}  // namespace serried::comm
