#include "comm/flow.hpp"

#include <algorithm>
#include <utility>

#include "comm/backoff.hpp"

namespace serried::comm {

Flow::Flow(CommunicatorState& impl, const char* operation, std::int64_t count, int window,
           Post post)
    : impl_(impl), operation_(operation), count_(count), window_(window), post_(std::move(post)) {}

Flow::~Flow() {
  for (const Piece& piece : in_flight_) impl_.adopt(piece.request);
}

bool Flow::advance(std::int64_t may_post) {
  bool has_moved = false;
  const std::int64_t end = std::min({count_, may_post, completed_ + window_});
  for (; posted_ < end; ++posted_) {
    in_flight_.push_back(post_(posted_));
    has_moved = true;
  }
  while (!in_flight_.empty() && test(in_flight_.front(), operation_)) {
    in_flight_.pop_front();
    ++completed_;
    has_moved = true;
  }
  return has_moved;
}

void Flow::run() {
  Backoff backoff(impl_.options.spin_polls);
  while (!is_done()) {
    if (advance())
      backoff.reset();
    else
      backoff.pause();
  }
}

void append_messages(std::vector<Message>& messages, int peer, std::byte* data, std::int64_t bytes,
                     std::int64_t limit) {
  for (std::int64_t begin = 0; begin < bytes; begin += limit)
    messages.push_back({peer, data + begin, std::min(limit, bytes - begin)});
}

void exchange(CommunicatorState& impl, const char* operation, const std::vector<Message>& send,
              const std::vector<Message>& receive, std::int64_t forwarded) {
  constexpr int window = 32;
  Flow receiving(impl, operation, static_cast<std::int64_t>(receive.size()), window,
                 [&](std::int64_t i) {
                   const Message& message = receive[static_cast<std::size_t>(i)];
                   Piece piece{MPI_REQUEST_NULL, message.bytes};
                   check(MPI_Irecv(message.data, static_cast<int>(message.bytes), MPI_BYTE,
                                   message.peer, internal_tag, impl.comm, &piece.request),
                         operation);
                   return piece;
                 });
  Flow sending(impl, operation, static_cast<std::int64_t>(send.size()), window,
               [&](std::int64_t i) {
                 const Message& message = send[static_cast<std::size_t>(i)];
                 Piece piece;
                 check(MPI_Isend(message.data, static_cast<int>(message.bytes), MPI_BYTE,
                                 message.peer, internal_tag, impl.comm, &piece.request),
                       operation);
                 return piece;
               });
  const bool is_forwarding = forwarded <= static_cast<std::int64_t>(send.size());
  Backoff backoff(impl.options.spin_polls);
  while (!receiving.is_done() || !sending.is_done()) {
    bool has_moved = receiving.advance();
    has_moved |=
        is_forwarding ? sending.advance(receiving.completed() + forwarded) : sending.advance();
    if (has_moved)
      backoff.reset();
    else
      backoff.pause();
  }
}

}  // namespace serried::comm
