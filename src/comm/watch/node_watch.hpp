#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "comm/watch/node_segment.hpp"
#include "comm/watch/places.hpp"

namespace serried::comm {

/// Times in ticks of a watchdog.
struct WatchTimes {
  double tick_s = 0.1;
  std::uint64_t lost = 300;
  std::uint64_t deadlock = 50;
  std::uint64_t stalled = 6000;
  std::uint64_t period = 10;  ///< between two comparisons, and two messages to other hosts
  std::uint64_t grace = 10;   ///< what ends the job may end this process first
  std::uint64_t abort_grace = 100;
};

/// Finds ranks of this host that are gone, or whose watchdogs do not tick any more.
class NodeWatch {
 public:
  /// @param watched node ranks. @param sees_processes whether their process numbers mean anything
  /// here.
  NodeWatch(std::shared_ptr<NodeSegment> segment, const Places& places, std::vector<int> watched,
            bool sees_processes, const WatchTimes& times);
  /// To be called once a tick. Local.
  [[nodiscard]] std::optional<WatchdogVerdict> tick();

 private:
  struct Watched {
    int node_rank = 0;
    std::uint64_t ticks = 0;       ///< last seen
    std::uint64_t changed_at = 0;  ///< own tick
    std::uint64_t gone_at = 0;     ///< own tick; 0: there
  };
  [[nodiscard]] bool is_gone(const RankSlot& slot) const;
  [[nodiscard]] bool is_lost(Watched& each);

  std::shared_ptr<NodeSegment> segment_;
  const Places& places_;
  std::vector<Watched> watched_;
  bool sees_processes_;
  WatchTimes times_;
  std::uint64_t now_ = 0;
  std::uint64_t aborting_at_ = 0;
};

}  // namespace serried::comm
