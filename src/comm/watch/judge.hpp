#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "comm/watch/rank_view.hpp"
#include "serried/comm/watchdog.hpp"

namespace serried::comm {

/// Whom a rank waits for: those that have not begun the call it is in, or have not sent the
/// message.
struct Blocked {
  std::vector<int> ranks;  ///< ranks of the Runtime's communicator
  const WaitView* wait = nullptr;
};

/// What keeps a rank that waits: nothing if one of its waits can end by itself (all ranks are in
/// the call, the message is under way), or if too little is known to tell. Local.
[[nodiscard]] std::optional<Blocked> find_blocked(std::span<const RankView> views,
                                                  const RankView& view);

/// Looks at the boards of all ranks again and again, and says when they can never go on. A function
/// of what it is shown: it has no clock.
class Judge {
 public:
  /// Times in ticks of the ranks' own watchdogs.
  struct Limits {
    std::uint64_t deadlock_ticks = 50;
    std::uint64_t stalled_ticks = 6000;
  };
  explicit Judge(Limits limits) : limits_(limits) {}

  /// Deadlock: the ranks cannot go on, by find_blocked, and their states have stood still for so
  /// many ticks of each of them, during which each that waits has polled (inside a third party it
  /// cannot). The ranks that cannot go on are all of them, or one that waits for a rank which has
  /// ended or has let go of the communicator. Stalled: a rank waits for so many ticks in a
  /// collective that all its ranks wait in. Local.
  [[nodiscard]] std::optional<WatchdogVerdict> look(std::span<const RankView> views);

 private:
  /// Since when a rank's state stands still.
  struct Still {
    std::uint64_t signature = 0;
    std::uint64_t ticks = 0;
    std::uint64_t polls = 0;
    bool is_new = true;
  };
  [[nodiscard]] std::uint64_t still_ticks(const RankView& view);
  [[nodiscard]] bool has_polled(const RankView& view) const;
  [[nodiscard]] std::optional<WatchdogVerdict> find_deadlock(
      std::span<const RankView> views, std::span<const std::uint64_t> still) const;
  [[nodiscard]] std::optional<WatchdogVerdict> find_stalled(
      std::span<const RankView> views, std::span<const std::uint64_t> still) const;

  Limits limits_;
  std::map<int, Still> still_;
};

}  // namespace serried::comm
