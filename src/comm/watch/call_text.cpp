#include "comm/watch/call_text.hpp"

#include <algorithm>
#include <cstring>

#include "serried/base/dtype.hpp"

namespace serried::comm {
namespace {

constexpr auto relaxed = std::memory_order_relaxed;

/// A consistent copy of one entry of the ring.
struct Copy {
  std::uint64_t communicator = 0;
  RecordedCall call;
  std::uint64_t count = 0;
  std::uint64_t details = 0;
  std::uint64_t name = 0;
};

std::optional<Copy> read(const RankSlot& slot, std::uint64_t index) {
  const CallEntry& entry = slot.call[index % RankSlot::calls];
  const std::uint64_t stamp = entry.stamp.load(std::memory_order_acquire);
  if (stamp != index + 1) return std::nullopt;
  Copy copy;
  // one that is being overwritten has its stamp changed by then
  constexpr auto acquire = std::memory_order_acquire;
  copy.communicator = entry.communicator.load(acquire);
  copy.call = {entry.number.load(acquire), entry.hash.load(acquire), entry.history.load(acquire)};
  copy.count = entry.count.load(acquire);
  copy.details = entry.details.load(acquire);
  copy.name = entry.name.load(acquire);
  if (entry.stamp.load(relaxed) != stamp) return std::nullopt;
  return copy;
}

/// Calls `visit` with the entries of the ring, newest first, until it says that it has enough.
template <class Visit>
void visit_backwards(const RankSlot& slot, Visit visit) {
  const std::uint64_t end = slot.next_call.load(std::memory_order_acquire);
  const std::uint64_t begin = end > RankSlot::calls ? end - RankSlot::calls : 0;
  for (std::uint64_t i = end; i-- > begin;) {
    const auto copy = read(slot, i);
    if (copy && visit(*copy)) return;
  }
}

std::string text_of(const RankSlot& slot, const Copy& copy) {
  const auto kind = static_cast<CallKind>(copy.details & 0xff);
  const auto dtype = static_cast<DType>((copy.details >> 8) & 0xff);
  const auto reduction = static_cast<std::size_t>((copy.details >> 16) & 0xff);
  const std::uint64_t site = (copy.details >> 24) & 0xffff;
  const auto root = static_cast<std::int64_t>(copy.details >> 40) - 1;
  constexpr std::array<const char*, 6> reductions{"", "sum", "min", "max", "bit_and", "bit_or"};
  std::string text = kind == CallKind::external ? board_text(slot, copy.name) : name_of(kind);
  std::string what;
  if (reduction > 0 && reduction < reductions.size()) {
    what = std::string(reductions[reduction]) + " of " + std::to_string(copy.count) + " " +
           std::string(name(dtype));
  } else if (copy.count > 0) {
    what = std::to_string(copy.count) + (copy.count == 1 ? " byte" : " bytes");
  }
  if (root >= 0) what += (what.empty() ? "root " : ", root ") + std::to_string(root);
  if (!what.empty()) text += " (" + what + ")";
  return text + " at " + board_text(slot, site);
}

}  // namespace

std::string board_text(const RankSlot& slot, std::uint64_t index) {
  if (index == 0 || index >= RankSlot::texts ||
      slot.text_keys[index].load(std::memory_order_acquire) == 0)
    return "an unknown place";
  const auto& text = slot.text[index];
  return {text.data(), strnlen(text.data(), text.size())};
}

const char* name_of(CallKind kind) noexcept {
  switch (kind) {
    case CallKind::none:
      return "nothing";
    case CallKind::barrier:
      return "barrier";
    case CallKind::allreduce:
      return "allreduce";
    case CallKind::reduce:
      return "reduce";
    case CallKind::exscan:
      return "exscan";
    case CallKind::broadcast:
      return "broadcast";
    case CallKind::broadcast_text:
      return "broadcast_text";
    case CallKind::gather_lengths:
    case CallKind::gather:
      return "gather";
    case CallKind::allgather:
    case CallKind::allgather_pieces:
      return "allgather";
    case CallKind::alltoall_lengths:
    case CallKind::alltoall:
      return "alltoall";
    case CallKind::split:
      return "split";
    case CallKind::split_node:
      return "split_node";
    case CallKind::duplicate:
      return "duplicate";
    case CallKind::comparison:
      return "compare_calls";
    case CallKind::send:
      return "send";
    case CallKind::receive:
      return "receive";
    case CallKind::external:
      return "a collective call of a library";
    case CallKind::own_work:
      return "a library";
    case CallKind::own_thread:
      return "its own thread";
  }
  return "an unknown call";
}

std::vector<RecordedCall> last_calls(const RankSlot& slot, std::uint64_t communicator,
                                     std::size_t most) {
  std::vector<RecordedCall> calls;
  visit_backwards(slot, [&](const Copy& copy) {
    if (copy.communicator == communicator) calls.push_back(copy.call);
    return calls.size() >= most;
  });
  std::reverse(calls.begin(), calls.end());
  return calls;
}

std::map<std::uint64_t, std::vector<RecordedCall>> recent_calls(const RankSlot& slot,
                                                                std::size_t entries) {
  std::map<std::uint64_t, std::vector<RecordedCall>> calls;
  std::size_t seen = 0;
  visit_backwards(slot, [&](const Copy& copy) {
    calls[copy.communicator].push_back(copy.call);
    return ++seen >= entries;
  });
  for (auto& [communicator, its] : calls) std::reverse(its.begin(), its.end());
  return calls;
}

std::uint64_t first_different_call(std::span<const RecordedCall> own,
                                   std::span<const RecordedCall> its) {
  std::uint64_t last = 0;
  std::uint64_t its_last = 0;
  for (const RecordedCall& call : its) its_last = std::max(its_last, call.number);
  bool has_common = false;
  for (const RecordedCall& call : own) {
    last = std::max(last, call.number);
    if (call.number == 0) continue;
    const auto same = std::find_if(its.begin(), its.end(), [&](const RecordedCall& other) {
      return other.number == call.number;
    });
    if (same == its.end()) continue;
    if (same->hash != call.hash) return call.number;
    // the histories before it differ: the difference is older than what is known
    if (!has_common && same->history != call.history) return 0;
    has_common = true;
  }
  return last == its_last ? 0 : std::min(last, its_last) + 1;
}

std::optional<std::string> call_text(const RankSlot& slot, std::uint64_t communicator,
                                     std::uint64_t number) {
  std::optional<std::string> text;
  visit_backwards(slot, [&](const Copy& copy) {
    if (copy.communicator != communicator) return false;
    if (copy.call.number == number) text = text_of(slot, copy);
    return copy.call.number <= number;
  });
  return text;
}

std::optional<std::string> call_text_at(const RankSlot& slot, std::uint64_t index) {
  const auto copy = read(slot, index);
  if (!copy) return std::nullopt;
  return text_of(slot, *copy);
}

std::string last_calls_text(const RankSlot& slot, std::size_t most) {
  std::vector<std::string> texts;
  visit_backwards(slot, [&](const Copy& copy) {
    texts.push_back(text_of(slot, copy));
    return texts.size() >= most;
  });
  std::string text;
  for (auto each = texts.rbegin(); each != texts.rend(); ++each)
    text += (text.empty() ? "" : ", then ") + *each;
  return text;
}

}  // namespace serried::comm
