#include "comm/watch/judge.hpp"

#include <algorithm>
#include <limits>

namespace serried::comm {
namespace {

const CommunicatorView* find(const RankView& view, std::uint64_t communicator) {
  const auto found =
      std::find_if(view.communicators.begin(), view.communicators.end(),
                   [&](const CommunicatorView& each) { return each.id == communicator; });
  return found == view.communicators.end() ? nullptr : &*found;
}

/// The ranks of a communicator that have not begun a call; nothing if not all its ranks are known.
std::optional<std::vector<int>> not_begun(std::span<const RankView> views, const WaitView& wait) {
  std::vector<int> missing;
  int known = 0;
  int size = 0;
  for (const RankView& view : views) {
    const CommunicatorView* const its = find(view, wait.communicator);
    if (its == nullptr) continue;
    ++known;
    size = its->size;
    if (its->number < wait.number) missing.push_back(view.rank);
  }
  if (known == 0 || known != size) return std::nullopt;
  return missing;
}

const RankView* find_member(std::span<const RankView> views, std::uint64_t communicator, int rank) {
  for (const RankView& view : views) {
    const CommunicatorView* const its = find(view, communicator);
    if (its != nullptr && its->rank == rank) return &view;
  }
  return nullptr;
}

/// The rank that has not begun the other half of a message, if that is certain. What both sides
/// have begun arrives by itself.
std::optional<std::vector<int>> other_half(std::span<const RankView> views, const RankView& view,
                                           const WaitView& wait) {
  const RankView* const other = find_member(views, wait.communicator, wait.peer);
  const CommunicatorView* const own = find(view, wait.communicator);
  if (other == nullptr || own == nullptr || wait.message == 0) return std::nullopt;
  const CallKind kind = wait.kind == CallKind::receive ? CallKind::send : CallKind::receive;
  const auto entry =
      std::find_if(other->messages.begin(), other->messages.end(), [&](const MessageView& each) {
        return each.communicator == wait.communicator && each.peer == own->rank &&
               each.tag == wait.tag && each.kind == kind;
      });
  if (entry != other->messages.end())
    return entry->count >= wait.message ? std::vector<int>{} : std::vector<int>{other->rank};
  if (other->has_more_messages) return std::nullopt;
  return std::vector<int>{other->rank};
}

std::optional<std::vector<int>> missing_for(std::span<const RankView> views, const RankView& view,
                                            const WaitView& wait) {
  if (wait.kind == CallKind::receive || wait.kind == CallKind::send)
    return other_half(views, view, wait);
  return not_begun(views, wait);
}

std::string ranks_text(std::span<const int> ranks) {
  constexpr std::size_t most = 8;
  std::string text = ranks.size() == 1 ? "rank " : "ranks ";
  for (std::size_t i = 0; i < ranks.size(); ++i) {
    if (i == most) return text + " and " + std::to_string(ranks.size() - most) + " more";
    text += (i == 0 ? "" : ", ") + std::to_string(ranks[i]);
  }
  return text;
}

const RankView* find_rank(std::span<const RankView> views, int rank) {
  const auto found = std::find_if(views.begin(), views.end(),
                                  [&](const RankView& view) { return view.rank == rank; });
  return found == views.end() ? nullptr : &*found;
}

/// Whether a rank will call nothing more on a communicator.
bool has_left(const RankView& view, std::uint64_t communicator) {
  if (view.mode == RankMode::ended) return true;
  const CommunicatorView* const its = find(view, communicator);
  return its != nullptr && its->is_closed;
}

std::string doing_text(const RankView& view, std::uint64_t communicator) {
  if (view.mode == RankMode::ended) return "has left the program";
  if (has_left(view, communicator)) return "has let go of the communicator";
  if (view.is_busy || view.waits.empty()) return "is busy";
  for (const WaitView& wait : view.waits)
    if (wait.kind != CallKind::own_thread) return "waits in " + wait.text;
  return "waits";
}

/// "rank 0 waits in X for rank 1, which waits in Y; ...".
std::string chain_text(std::span<const RankView> views, const RankView& view,
                       const Blocked& blocked) {
  std::string text = "rank " + std::to_string(view.rank) + " waits in " + blocked.wait->text +
                     " for " + ranks_text(blocked.ranks);
  const RankView* const other = find_rank(views, blocked.ranks.front());
  if (other != nullptr)
    text += blocked.ranks.size() == 1 ? ", which " + doing_text(*other, blocked.wait->communicator)
                                      : "; rank " + std::to_string(other->rank) + " " +
                                            doing_text(*other, blocked.wait->communicator);
  return text;
}

}  // namespace

std::optional<Blocked> find_blocked(std::span<const RankView> views, const RankView& view) {
  if (view.mode != RankMode::alive || view.is_busy) return std::nullopt;
  std::optional<Blocked> blocked;
  for (const WaitView& wait : view.waits) {
    if (wait.kind == CallKind::own_thread) continue;
    const auto missing = missing_for(views, view, wait);
    if (!missing || missing->empty()) return std::nullopt;
    if (!blocked) blocked = Blocked{*missing, &wait};
  }
  return blocked;
}

std::uint64_t Judge::still_ticks(const RankView& view) {
  std::uint64_t signature = static_cast<std::uint64_t>(view.mode) + (view.is_busy ? 1000 : 0);
  std::uint64_t polls = 0;
  for (const WaitView& wait : view.waits) {
    signature = (signature ^ wait.epoch) * 0x100000001b3ULL;
    signature = (signature ^ static_cast<std::uint64_t>(wait.kind)) * 0x100000001b3ULL;
    polls += wait.polls;
  }
  Still& still = still_[view.rank];
  if (still.is_new || still.signature != signature || view.is_busy)
    still = {signature, view.ticks, polls, false};
  return view.ticks - still.ticks;
}

bool Judge::has_polled(const RankView& view) const {
  if (view.mode == RankMode::ended) return true;
  std::uint64_t polls = 0;
  bool is_outside = false;
  for (const WaitView& wait : view.waits) {
    polls += wait.polls;
    is_outside |= is_third_party(wait.kind);
  }
  const auto still = still_.find(view.rank);
  return is_outside || (still != still_.end() && polls > still->second.polls);
}

std::optional<WatchdogVerdict> Judge::find_deadlock(std::span<const RankView> views,
                                                    std::span<const std::uint64_t> still) const {
  const auto stands_still = [&](const RankView& view) {
    const auto i = static_cast<std::size_t>(&view - views.data());
    return view.mode == RankMode::ended || (still[i] >= limits_.deadlock_ticks && has_polled(view));
  };
  std::optional<WatchdogVerdict> verdict;
  bool are_all_stuck = true;
  for (const RankView& view : views) {
    if (view.mode == RankMode::ended) continue;
    const auto blocked = find_blocked(views, view);
    if (!blocked || !stands_still(view)) {
      are_all_stuck = false;
      continue;
    }
    const bool waits_for_ended =
        std::any_of(blocked->ranks.begin(), blocked->ranks.end(), [&](int rank) {
          const RankView* const other = find_rank(views, rank);
          return other != nullptr && has_left(*other, blocked->wait->communicator);
        });
    WatchdogVerdict found;
    found.kind = VerdictKind::deadlock;
    found.ranks = blocked->ranks;
    found.text = "the ranks wait for each other for ever: " + chain_text(views, view, *blocked);
    if (waits_for_ended) return found;
    if (!verdict) verdict = std::move(found);
  }
  return are_all_stuck ? verdict : std::nullopt;
}

std::optional<WatchdogVerdict> Judge::find_stalled(std::span<const RankView> views,
                                                   std::span<const std::uint64_t> still) const {
  for (std::size_t i = 0; i < views.size(); ++i) {
    if (views[i].mode != RankMode::alive || still[i] < limits_.stalled_ticks) continue;
    for (const WaitView& wait : views[i].waits) {
      if (wait.number == 0) continue;
      int inside = 0;
      const CommunicatorView* const own = find(views[i], wait.communicator);
      for (const RankView& other : views)
        inside += std::any_of(other.waits.begin(), other.waits.end(), [&](const WaitView& its) {
          return its.communicator == wait.communicator && its.number == wait.number;
        });
      if (own == nullptr || inside != own->size) continue;
      WatchdogVerdict verdict;
      verdict.kind = VerdictKind::stalled;
      verdict.ranks = {views[i].rank};
      verdict.text = "all " + std::to_string(inside) +
                     " ranks are in one call, and it does not end: rank " +
                     std::to_string(views[i].rank) + " waits in " + wait.text;
      return verdict;
    }
  }
  return std::nullopt;
}

std::optional<WatchdogVerdict> Judge::look(std::span<const RankView> views) {
  std::vector<std::uint64_t> still;
  still.reserve(views.size());
  for (const RankView& view : views) still.push_back(still_ticks(view));
  if (auto verdict = find_deadlock(views, still)) return verdict;
  return find_stalled(views, still);
}

}  // namespace serried::comm
