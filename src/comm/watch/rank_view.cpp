#include "comm/watch/rank_view.hpp"

#include <algorithm>

#include "comm/watch/bytes.hpp"
#include "comm/watch/call_text.hpp"

namespace serried::comm {
namespace {

constexpr auto relaxed = std::memory_order_relaxed;

bool is_message(CallKind kind) {
  return kind == CallKind::send || kind == CallKind::receive;
}

WaitView wait_of(const RankSlot& slot, const ThreadEntry& entry) {
  WaitView wait;
  wait.epoch = entry.epoch.load(std::memory_order_acquire);
  wait.kind = static_cast<CallKind>(entry.kind.load(relaxed));
  wait.polls = entry.polls.load(relaxed);
  wait.communicator = entry.communicator.load(relaxed);
  if (is_message(wait.kind) || wait.kind == CallKind::own_work ||
      wait.kind == CallKind::own_thread) {
    wait.peer = entry.peer.load(relaxed);
    wait.tag = entry.tag.load(relaxed);
    wait.message = entry.message.load(relaxed);
    wait.text = name_of(wait.kind);
    if (is_message(wait.kind)) wait.text += " (tag " + std::to_string(wait.tag) + ")";
    wait.text += " at " + board_text(slot, entry.text.load(relaxed));
  } else if (wait.kind != CallKind::none) {
    const std::uint64_t index = entry.call.load(relaxed);
    wait.number = slot.call[index % RankSlot::calls].number.load(relaxed);
    wait.text = call_text_at(slot, index).value_or(name_of(wait.kind));
  }
  return wait;
}

}  // namespace

RankView view_of(const RankSlot& slot, int rank) {
  RankView view;
  view.rank = rank;
  view.mode = static_cast<RankMode>(slot.mode.load(std::memory_order_acquire));
  view.ticks = slot.ticks.load(relaxed);
  view.has_more_communicators = slot.has_more_communicators.load(relaxed) != 0;
  view.has_more_messages = slot.has_more_messages.load(relaxed) != 0;
  // The first thread that communicated is the one that leads the program. One that has no place
  // cannot be seen.
  const auto leading = static_cast<CallKind>(slot.thread[0].kind.load(relaxed));
  view.is_busy = leading == CallKind::none || slot.has_more_threads.load(relaxed) != 0;
  for (const ThreadEntry& entry : slot.thread) {
    if (entry.is_taken.load(relaxed) == 0) continue;
    WaitView wait = wait_of(slot, entry);
    if (wait.kind == CallKind::own_work) view.is_busy = true;
    if (wait.kind != CallKind::none && wait.kind != CallKind::own_work)
      view.waits.push_back(std::move(wait));
  }
  const bool has_other =
      std::any_of(view.waits.begin(), view.waits.end(),
                  [](const WaitView& wait) { return wait.kind != CallKind::own_thread; });
  if (!has_other) view.is_busy = true;
  if (view.mode == RankMode::ended) view.is_busy = false;
  for (const CommunicatorEntry& entry : slot.communicator) {
    const std::uint64_t id = entry.id.load(std::memory_order_acquire);
    if (id > 1)
      view.communicators.push_back({id, entry.number.load(std::memory_order_acquire),
                                    entry.rank.load(relaxed), entry.size.load(relaxed),
                                    entry.closed.load(relaxed) != 0});
  }
  for (const MessageEntry& entry : slot.message) {
    const std::uint64_t id = entry.communicator.load(std::memory_order_acquire);
    if (id > 1)
      view.messages.push_back({id, entry.count.load(std::memory_order_acquire),
                               entry.peer.load(relaxed), entry.tag.load(relaxed),
                               static_cast<CallKind>(entry.kind.load(relaxed))});
  }
  return view;
}

void leave_out_details(RankView& view) {
  view.waits.clear();
  view.communicators.clear();
  view.messages.clear();
}

void append(std::vector<std::byte>& message, const RankView& view) {
  put(message, view.rank);
  put(message, view.mode);
  put(message, view.ticks);
  put(message, view.is_busy);
  put(message, view.has_more_communicators);
  put(message, view.has_more_messages);
  put(message, static_cast<std::uint32_t>(view.waits.size()));
  for (const WaitView& wait : view.waits) {
    put(message, wait.kind);
    put(message, wait.epoch);
    put(message, wait.polls);
    put(message, wait.communicator);
    put(message, wait.number);
    put(message, wait.message);
    put(message, wait.peer);
    put(message, wait.tag);
    put(message, wait.text);
  }
  put(message, static_cast<std::uint32_t>(view.communicators.size()));
  for (const CommunicatorView& communicator : view.communicators) {
    put(message, communicator.id);
    put(message, communicator.number);
    put(message, communicator.rank);
    put(message, communicator.size);
    put(message, communicator.is_closed);
  }
  put(message, static_cast<std::uint32_t>(view.messages.size()));
  for (const MessageView& each : view.messages) put(message, each);
}

RankView take_rank_view(std::span<const std::byte>& message) {
  RankView view;
  view.rank = take<int>(message);
  view.mode = take<RankMode>(message);
  view.ticks = take<std::uint64_t>(message);
  view.is_busy = take<bool>(message);
  view.has_more_communicators = take<bool>(message);
  view.has_more_messages = take<bool>(message);
  for (auto left = take<std::uint32_t>(message); left > 0; --left) {
    WaitView wait;
    wait.kind = take<CallKind>(message);
    wait.epoch = take<std::uint64_t>(message);
    wait.polls = take<std::uint64_t>(message);
    wait.communicator = take<std::uint64_t>(message);
    wait.number = take<std::uint64_t>(message);
    wait.message = take<std::uint64_t>(message);
    wait.peer = take<std::int32_t>(message);
    wait.tag = take<std::int32_t>(message);
    wait.text = take_text(message);
    view.waits.push_back(std::move(wait));
  }
  for (auto left = take<std::uint32_t>(message); left > 0; --left)
    view.communicators.push_back({take<std::uint64_t>(message), take<std::uint64_t>(message),
                                  take<std::int32_t>(message), take<std::int32_t>(message),
                                  take<bool>(message)});
  for (auto left = take<std::uint32_t>(message); left > 0; --left)
    view.messages.push_back(take<MessageView>(message));
  return view;
}

}  // namespace serried::comm
