#include "comm/watch/comparison.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <string>
#include <thread>

#include "comm/watch/call_text.hpp"
#include "comm/watch/condemned.hpp"
#include "serried/base/error.hpp"

namespace serried::comm {
namespace {

constexpr std::size_t text_bytes = 256;
using Text = std::array<char, text_bytes>;

std::size_t index(int rank) {
  return static_cast<std::size_t>(rank);
}

Text cut(const std::string& text) {
  Text result{};
  std::copy_n(text.begin(), std::min(text.size(), text_bytes - 1), result.begin());
  return result;
}

std::string text_of(const Text& text) {
  return {text.data(), strnlen(text.data(), text.size())};
}

/// Every rank's value, by a call that the board does not know.
template <class T>
std::vector<T> allgather(const CommunicatorState& impl, MPI_Comm comm, const T& value) {
  // Another rank may be in another call, whose shorter message fills a part of this: what is
  // missing must be nobody's value, least of all one's own.
  std::vector<T> all(index(impl.size), T{});
  MPI_Request request = MPI_REQUEST_NULL;
  check(
      MPI_Iallgather(&value, sizeof(T), MPI_BYTE, all.data(), sizeof(T), MPI_BYTE, comm, &request),
      "MPI_Iallgather");
  wait_for(impl, request, "MPI_Iallgather");
  return all;
}

/// Gives the watchdogs, which compare once a second, time to see what this rank has seen: they have
/// a channel of their own, which no wrong call disturbs. Throws when they have spoken; returns
/// where there are none.
void leave_to_the_watchdogs() {
  for (int i = 0; i < 300 && is_watched(); ++i) {
    throw_if_condemned();
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
}

[[noreturn]] void throw_difference(int rank, const Text& first, int other, const Text& second) {
  throw RankError(other, ErrorKind::communication,
                  difference_text(rank, text_of(first), other, text_of(second)));
}

/// What a rank knows of one communicator.
struct Stand {
  std::uint64_t id = 0;
  std::uint64_t number = 0;
  std::uint64_t history = 0;
};
using Stands = std::array<Stand, RankSlot::communicators>;

Stands own_stands(const CommunicatorState& impl) {
  Stands stands{};
  stands[0] = {impl.place.id, impl.place.number, impl.place.history};
  std::size_t used = 1;
  for (const CommunicatorEntry& entry : board::slot().communicator) {
    const std::uint64_t id = entry.id.load(std::memory_order_acquire);
    if (id <= 1 || entry.closed.load() != 0 || id == impl.place.id || used == stands.size())
      continue;
    const std::uint64_t number = entry.number.load(std::memory_order_acquire);
    const std::uint64_t history = entry.history.load(std::memory_order_acquire);
    if (entry.number.load(std::memory_order_acquire) != number) continue;
    stands[used++] = {id, number, history};
  }
  return stands;
}

struct Difference {
  std::uint64_t id = 0;
  int rank = 0;
  int other = 0;
};

/// The first two ranks that differ, by one function of what all ranks have: the same everywhere.
std::optional<Difference> find_difference(const std::vector<Stands>& all) {
  for (std::size_t other = 1; other < all.size(); ++other) {
    const Stand& own = all[0][0];
    const Stand& its = all[other][0];
    if (own.number != its.number || own.history != its.history)
      return Difference{own.id, 0, static_cast<int>(other)};
  }
  // pairs of neighbours are enough: equality is passed on
  for (std::size_t other = 1; other < all.size(); ++other)
    for (const Stand& own : all[other - 1])
      for (const Stand& its : all[other])
        if (own.id != 0 && own.id == its.id && own.number == its.number &&
            own.history != its.history)
          return Difference{own.id, static_cast<int>(other) - 1, static_cast<int>(other)};
  return std::nullopt;
}

}  // namespace

bool is_each_call_compared() noexcept {
  const char* const text = std::getenv("SERRIED_CHECK");
  return text != nullptr && std::strcmp(text, "1") == 0;
}

std::string difference_text(int rank, const std::string& first, int other_rank,
                            const std::string& second) {
  return "the ranks called different things: rank " + std::to_string(rank) + " called " + first +
         ", rank " + std::to_string(other_rank) + " called " + second;
}

void compare_call(CommunicatorState& impl, const BoardCall& call) {
  const auto hashes = allgather(impl, impl.check_comm, call.hash);
  const auto other = std::find_if(hashes.begin(), hashes.end(),
                                  [&](std::uint64_t hash) { return hash != hashes.front(); });
  if (other == hashes.end()) return;
  const auto texts =
      allgather(impl, impl.check_comm,
                cut(call_text_at(board::slot(), call.index).value_or("an unknown call")));
  const auto rank = static_cast<int>(other - hashes.begin());
  throw_difference(0, texts[0], rank, texts[index(rank)]);
}

void compare_histories(CommunicatorState& impl) {
  if (impl.size == 1) return;
  const auto stands = allgather(impl, impl.comm, own_stands(impl));
  const auto difference = find_difference(stands);
  if (!difference) return;
  // What was gathered may have been another rank's other call. The watchdogs know better.
  leave_to_the_watchdogs();
  constexpr std::size_t most = 128;
  std::array<RecordedCall, most> own{};
  const auto last = last_calls(board::slot(), difference->id, most);
  std::copy(last.begin(), last.end(), own.begin());
  const auto all = allgather(impl, impl.comm, own);
  const std::uint64_t number =
      first_different_call(all[index(difference->rank)], all[index(difference->other)]);
  const std::string unknown = "nothing more, or what is no longer known";
  const auto texts = allgather(
      impl, impl.comm,
      cut(number == 0 ? unknown
                      : call_text(board::slot(), difference->id, number).value_or(unknown)));
  throw_difference(difference->rank, texts[index(difference->rank)], difference->other,
                   texts[index(difference->other)]);
}

void throw_after_verdict(int code, const char* operation) {
  leave_to_the_watchdogs();
  if (!is_truncation(code)) throw_mpi_error(code, operation);
  throw Error(ErrorKind::communication,
              std::string(operation) +
                  ": a longer message came than this rank expected: the ranks called different "
                  "things; SERRIED_CHECK=1 compares each call before it is made");
}

}  // namespace serried::comm
