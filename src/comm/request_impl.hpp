#pragma once

#include <algorithm>
#include <cstddef>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "comm/communicator_state.hpp"
#include "comm/watch/call_board.hpp"

namespace serried {

/// The pieces of one pending operation, all of them posted; waited for in order.
struct Communicator::Request::Impl {
  Impl(std::shared_ptr<comm::CommunicatorState> its_communicator, const char* its_operation)
      : communicator(std::move(its_communicator)), operation(its_operation) {}
  ~Impl();
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  /// Posts the pieces of `count` counts, each of at most the communicator's limit; one empty piece
  /// for 0. `post(begin, counts, request)` returns MPI's code.
  template <class Post>
  void post_pieces(std::int64_t count, Post post) {
    const std::int64_t limit = communicator->limit();
    std::int64_t begin = 0;
    do {
      const std::int64_t length = std::min(limit, count - begin);
      MPI_Request request = MPI_REQUEST_NULL;
      comm::check(post(begin, static_cast<int>(length), &request), operation);
      pieces.push_back({request});
      begin += length;
    } while (begin < count);
  }
  /// Writes down what this is, before it is posted.
  void note_call(const comm::CallDetails& details, const CallSite& site);
  void note_message(comm::CallKind kind, int peer, int tag, const CallSite& its_site);
  /// The calling thread waits for it from now on.
  void begin_wait(std::optional<comm::board::Waiting>& waiting) const;
  /// Tests the first pieces; true when all are complete.
  [[nodiscard]] bool advance();

  std::shared_ptr<comm::CommunicatorState> communicator;
  const char* operation;
  std::vector<comm::Piece> pieces;
  std::size_t next = 0;

 private:
  comm::CallKind kind_ = comm::CallKind::none;
  std::optional<comm::BoardCall> call_;
  int peer_ = -1;
  int tag_ = 0;
  std::uint64_t message_ = 0;
  CallSite site_;
};

}  // namespace serried
