#include "comm/watch/call_board.hpp"

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <limits>
#include <mutex>

namespace serried::comm::board {
namespace {

constexpr auto relaxed = std::memory_order_relaxed;

/// Never destroyed: threads may communicate while static objects are being destroyed.
std::atomic<RankSlot*>& place_of_slot() noexcept {
  static RankSlot* const first = new RankSlot;  // also while the place is elsewhere
  static std::atomic<RankSlot*> place{first};
  return place;
}

std::uint64_t mixed(std::uint64_t a, std::uint64_t b) noexcept {
  std::uint64_t x = a ^ (b + 0x9e3779b97f4a7c15ULL + (a << 6) + (a >> 2));
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
  return x ^ (x >> 31);
}

std::uint64_t hash_of(const CallDetails& details) noexcept {
  std::uint64_t hash =
      mixed(static_cast<std::uint64_t>(details.kind),
            static_cast<std::uint64_t>(details.dtype) | (std::uint64_t{details.reduction} << 8) |
                (static_cast<std::uint64_t>(details.root + 1) << 16));
  hash = mixed(hash, static_cast<std::uint64_t>(details.count));
  if (details.name != nullptr)
    for (const char* at = details.name; *at != '\0'; ++at)
      hash = mixed(hash, static_cast<unsigned char>(*at));
  return hash;
}

/// The text of a key, written when it is first seen; 0 where there is no room.
template <class Write>
std::uint32_t text_index(std::uint64_t key, Write write) noexcept {
  static std::mutex mutex;
  RankSlot& own = slot();
  key |= 1;
  constexpr std::size_t probes = 16;
  const auto place = [&](std::size_t i) { return 1 + (key + i) % (RankSlot::texts - 1); };
  for (std::size_t i = 0; i < probes; ++i) {
    const std::uint64_t found = own.text_keys[place(i)].load(std::memory_order_acquire);
    if (found == key) return static_cast<std::uint32_t>(place(i));
    if (found == 0) break;
  }
  const std::lock_guard lock(mutex);
  for (std::size_t i = 0; i < probes; ++i) {
    auto& at = own.text_keys[place(i)];
    const std::uint64_t found = at.load(relaxed);
    if (found == key) return static_cast<std::uint32_t>(place(i));
    if (found != 0) continue;
    write(own.text[place(i)]);
    at.store(key, std::memory_order_release);
    return static_cast<std::uint32_t>(place(i));
  }
  return 0;
}

/// The last three parts of a path: enough to find the file, wherever it was compiled.
const char* short_path(const char* path) noexcept {
  int parts = 0;
  for (const char* at = path + std::strlen(path); at != path; --at)
    if (at[-1] == '/' && ++parts == 3) return at;
  return path;
}

std::uint32_t site_index(const CallSite& site) noexcept {
  const char* const file = site.file_name();
  return text_index(mixed(reinterpret_cast<std::uintptr_t>(file), site.line()), [&](auto& text) {
    std::snprintf(text.data(), text.size(), "%s:%u", short_path(file),
                  static_cast<unsigned>(site.line()));
  });
}

std::uint32_t name_index(const char* name) noexcept {
  if (name == nullptr) return 0;
  return text_index(mixed(reinterpret_cast<std::uintptr_t>(name), 7),
                    [&](auto& text) { std::snprintf(text.data(), text.size(), "%s", name); });
}

/// The place of the calling thread, kept until it ends.
class OwnThread {
 public:
  OwnThread() noexcept {
    for (std::size_t i = 0; i < RankSlot::threads; ++i) {
      std::uint32_t free = 0;
      if (slot().thread[i].is_taken.compare_exchange_strong(free, 1)) {
        index_ = static_cast<std::int32_t>(i);
        return;
      }
    }
    slot().has_more_threads.store(1, relaxed);
  }
  ~OwnThread() {
    if (index_ < 0) return;
    auto& entry = slot().thread[static_cast<std::size_t>(index_)];
    entry.kind.store(0, relaxed);
    entry.is_taken.store(0);
  }
  OwnThread(const OwnThread&) = delete;
  OwnThread& operator=(const OwnThread&) = delete;
  [[nodiscard]] ThreadEntry* entry() const noexcept {
    return index_ < 0 ? nullptr : &slot().thread[static_cast<std::size_t>(index_)];
  }

 private:
  std::int32_t index_ = -1;
};

ThreadEntry* own_thread() noexcept {
  thread_local const OwnThread own;
  return own.entry();
}

template <class T>
void copy(std::atomic<T>& to, const std::atomic<T>& from) noexcept {
  to.store(from.load(relaxed), relaxed);
}

void copy_calls(RankSlot& to, const RankSlot& from) noexcept {
  for (std::size_t i = 0; i < RankSlot::calls; ++i) {
    copy(to.call[i].communicator, from.call[i].communicator);
    copy(to.call[i].number, from.call[i].number);
    copy(to.call[i].hash, from.call[i].hash);
    copy(to.call[i].history, from.call[i].history);
    copy(to.call[i].count, from.call[i].count);
    copy(to.call[i].details, from.call[i].details);
    copy(to.call[i].name, from.call[i].name);
    copy(to.call[i].stamp, from.call[i].stamp);
  }
  copy(to.next_call, from.next_call);
}

void copy_threads(RankSlot& to, const RankSlot& from) noexcept {
  for (std::size_t i = 0; i < RankSlot::threads; ++i) {
    copy(to.thread[i].is_taken, from.thread[i].is_taken);
    copy(to.thread[i].kind, from.thread[i].kind);
    copy(to.thread[i].epoch, from.thread[i].epoch);
    copy(to.thread[i].polls, from.thread[i].polls);
    copy(to.thread[i].call, from.thread[i].call);
    copy(to.thread[i].message, from.thread[i].message);
    copy(to.thread[i].communicator, from.thread[i].communicator);
    copy(to.thread[i].peer, from.thread[i].peer);
    copy(to.thread[i].tag, from.thread[i].tag);
    copy(to.thread[i].text, from.thread[i].text);
  }
}

}  // namespace

RankSlot& slot() noexcept {
  return *place_of_slot().load(std::memory_order_acquire);
}

void move_to(RankSlot& to) noexcept {
  const RankSlot& from = slot();
  copy(to.mode, from.mode);
  copy(to.has_more_threads, from.has_more_threads);
  copy(to.has_more_communicators, from.has_more_communicators);
  copy(to.has_more_messages, from.has_more_messages);
  copy_threads(to, from);
  for (std::size_t i = 0; i < RankSlot::communicators; ++i) {
    copy(to.communicator[i].id, from.communicator[i].id);
    copy(to.communicator[i].number, from.communicator[i].number);
    copy(to.communicator[i].history, from.communicator[i].history);
    copy(to.communicator[i].rank, from.communicator[i].rank);
    copy(to.communicator[i].size, from.communicator[i].size);
    copy(to.communicator[i].closed, from.communicator[i].closed);
  }
  for (std::size_t i = 0; i < RankSlot::messages; ++i) {
    copy(to.message[i].communicator, from.message[i].communicator);
    copy(to.message[i].count, from.message[i].count);
    copy(to.message[i].peer, from.message[i].peer);
    copy(to.message[i].tag, from.message[i].tag);
    copy(to.message[i].kind, from.message[i].kind);
  }
  copy(to.next_closed, from.next_closed);
  copy_calls(to, from);
  to.text = from.text;
  for (std::size_t i = 0; i < RankSlot::texts; ++i) copy(to.text_keys[i], from.text_keys[i]);
  place_of_slot().store(&to, std::memory_order_release);
}

void set_mode(RankMode mode) noexcept {
  slot().mode.store(static_cast<std::uint32_t>(mode), std::memory_order_release);
}

BoardPlace add_communicator(std::uint64_t id, int rank, int size) noexcept {
  BoardPlace place;
  place.id = id;
  place.history = id;
  RankSlot& own = slot();
  // a free place, or that which has been closed for longest
  for (;;) {
    CommunicatorEntry* best = nullptr;
    std::uint64_t best_closed = std::numeric_limits<std::uint64_t>::max();
    std::uint64_t best_id = 0;
    for (CommunicatorEntry& entry : own.communicator) {
      const std::uint64_t its_id = entry.id.load(std::memory_order_acquire);
      const std::uint64_t closed = its_id == 0 ? 0 : entry.closed.load(relaxed);
      const bool is_usable = its_id == 0 || (its_id > 1 && closed > 0);
      if (!is_usable || closed >= best_closed) continue;
      best = &entry;
      best_closed = closed;
      best_id = its_id;
    }
    if (best == nullptr) {
      own.has_more_communicators.store(1, relaxed);
      return place;
    }
    constexpr std::uint64_t being_written = 1;
    if (!best->id.compare_exchange_strong(best_id, being_written)) continue;
    best->number.store(0, relaxed);
    best->history.store(id, relaxed);
    best->rank.store(rank, relaxed);
    best->size.store(size, relaxed);
    best->closed.store(0, relaxed);
    best->id.store(id, std::memory_order_release);
    place.index = static_cast<std::int32_t>(best - own.communicator.data());
    return place;
  }
}

void close_communicator(const BoardPlace& place) noexcept {
  if (place.index == BoardPlace::none) return;
  RankSlot& own = slot();
  own.communicator[static_cast<std::size_t>(place.index)].closed.store(
      own.next_closed.fetch_add(1, relaxed), std::memory_order_release);
}

BoardCall begin_call(BoardPlace& place, const CallDetails& details, const CallSite& site) noexcept {
  RankSlot& own = slot();
  BoardCall call;
  call.number = ++place.number;
  call.hash = hash_of(details);
  place.history = mixed(place.history, call.hash);
  call.history = place.history;
  call.index = own.next_call.fetch_add(1, relaxed);
  CallEntry& entry = own.call[call.index % RankSlot::calls];
  entry.stamp.store(0, relaxed);
  // whoever sees one of these sees the stamp's 0, too
  constexpr auto release = std::memory_order_release;
  entry.communicator.store(place.id, release);
  entry.number.store(call.number, release);
  entry.hash.store(call.hash, release);
  entry.history.store(call.history, release);
  entry.count.store(static_cast<std::uint64_t>(details.count), release);
  entry.details.store(
      static_cast<std::uint64_t>(details.kind) | (static_cast<std::uint64_t>(details.dtype) << 8) |
          (std::uint64_t{details.reduction} << 16) | (std::uint64_t{site_index(site)} << 24) |
          (static_cast<std::uint64_t>(static_cast<std::uint32_t>(details.root + 1)) << 40),
      release);
  entry.name.store(name_index(details.name), release);
  entry.stamp.store(call.index + 1, std::memory_order_release);
  if (place.index != BoardPlace::none) {
    auto& communicator = own.communicator[static_cast<std::size_t>(place.index)];
    communicator.history.store(call.history, relaxed);
    communicator.number.store(call.number, std::memory_order_release);
  }
  return call;
}

std::uint64_t count_message(CallKind kind, std::uint64_t communicator, int peer, int tag) noexcept {
  RankSlot& own = slot();
  const auto its_kind = static_cast<std::uint32_t>(kind);
  for (MessageEntry& entry : own.message) {
    std::uint64_t found = entry.communicator.load(std::memory_order_acquire);
    if (found == 0) {
      constexpr std::uint64_t being_written = 1;
      if (!entry.communicator.compare_exchange_strong(found, being_written)) continue;
      entry.peer.store(peer, relaxed);
      entry.tag.store(tag, relaxed);
      entry.kind.store(its_kind, relaxed);
      entry.count.store(1, relaxed);
      entry.communicator.store(communicator, std::memory_order_release);
      return 1;
    }
    if (found == communicator && entry.peer.load(relaxed) == peer &&
        entry.tag.load(relaxed) == tag && entry.kind.load(relaxed) == its_kind)
      return entry.count.fetch_add(1, std::memory_order_release) + 1;
  }
  own.has_more_messages.store(1, relaxed);
  return 0;
}

Waiting::Waiting(CallKind kind, std::uint64_t communicator, const BoardCall& call) noexcept
    : thread_(own_thread()) {
  if (thread_ == nullptr) return;
  outer_kind_ = thread_->kind.load(relaxed);
  outer_call_ = thread_->call.load(relaxed);
  thread_->communicator.store(communicator, relaxed);
  thread_->call.store(call.index, relaxed);
  thread_->kind.store(static_cast<std::uint32_t>(kind), relaxed);
  thread_->epoch.fetch_add(1, std::memory_order_release);
}

Waiting::Waiting(CallKind kind, std::uint64_t communicator, int peer, int tag,
                 std::uint64_t message, const CallSite& site) noexcept
    : thread_(own_thread()) {
  if (thread_ == nullptr) return;
  outer_kind_ = thread_->kind.load(relaxed);
  outer_call_ = thread_->call.load(relaxed);
  thread_->communicator.store(communicator, relaxed);
  thread_->peer.store(peer, relaxed);
  thread_->tag.store(tag, relaxed);
  thread_->message.store(message, relaxed);
  thread_->text.store(site_index(site), relaxed);
  thread_->kind.store(static_cast<std::uint32_t>(kind), relaxed);
  thread_->epoch.fetch_add(1, std::memory_order_release);
}

Waiting::~Waiting() {
  if (thread_ == nullptr) return;
  thread_->kind.store(outer_kind_, relaxed);
  thread_->call.store(outer_call_, relaxed);
  thread_->epoch.fetch_add(1, std::memory_order_release);
}

void count_poll() noexcept {
  if (ThreadEntry* const entry = own_thread()) {
    entry->polls.store(entry->polls.load(relaxed) + 1, relaxed);
  }
}

bool is_beyond_reach() noexcept {
  const auto& threads = slot().thread;
  return std::any_of(threads.begin(), threads.end(), [](const ThreadEntry& entry) {
    return is_third_party(static_cast<CallKind>(entry.kind.load(relaxed)));
  });
}

}  // namespace serried::comm::board
