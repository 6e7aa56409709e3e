#include "comm/watch/node_watch.hpp"

#include <signal.h>

#include <cerrno>
#include <utility>

namespace serried::comm {

NodeWatch::NodeWatch(std::shared_ptr<NodeSegment> segment, const Places& places,
                     std::vector<int> watched, bool sees_processes, const WatchTimes& times)
    : segment_(std::move(segment)),
      places_(places),
      sees_processes_(sees_processes),
      times_(times) {
  for (const int node_rank : watched) watched_.push_back({node_rank});
}

bool NodeWatch::is_gone(const RankSlot& slot) const {
  const std::int32_t process = slot.process.load();
  return sees_processes_ && process > 0 && ::kill(process, 0) != 0 && errno == ESRCH;
}

bool NodeWatch::is_lost(Watched& each) {
  const RankSlot& slot = segment_->slot(each.node_rank);
  const auto mode = static_cast<RankMode>(slot.mode.load(std::memory_order_acquire));
  if (mode == RankMode::aborting && aborting_at_ == 0) aborting_at_ = now_;
  if (mode == RankMode::absent || mode == RankMode::gone) return false;
  const std::uint64_t ticks = slot.ticks.load();
  if (ticks != each.ticks || each.changed_at == 0) {
    each.ticks = ticks;
    each.changed_at = now_;
  }
  if (is_gone(slot)) {
    // MPI lets its processes end only together
    if (mode == RankMode::ended) return false;
    if (each.gone_at == 0) each.gone_at = now_;
    return now_ - each.gone_at >= times_.grace;
  }
  return now_ - each.changed_at >= times_.lost;
}

std::optional<WatchdogVerdict> NodeWatch::tick() {
  ++now_;
  std::vector<int> lost;
  bool is_any_gone = false;
  for (Watched& each : watched_) {
    if (!is_lost(each)) continue;
    lost.push_back(places_.own_ranks()[static_cast<std::size_t>(each.node_rank)]);
    is_any_gone |= each.gone_at != 0;
  }
  if (lost.empty()) return std::nullopt;
  if (aborting_at_ != 0 && now_ - aborting_at_ < times_.abort_grace) return std::nullopt;
  WatchdogVerdict verdict;
  verdict.kind = VerdictKind::lost;
  verdict.ranks = lost;
  verdict.text = text_of_ranks(places_, lost) +
                 (is_any_gone ? (lost.size() == 1 ? " is gone: its process has ended"
                                                  : " are gone: a process has ended")
                              : (lost.size() == 1 ? " gives" : " give") +
                                    std::string(" no sign of life for ") +
                                    std::to_string(static_cast<int>(
                                        static_cast<double>(times_.lost) * times_.tick_s)) +
                                    " s");
  return verdict;
}

}  // namespace serried::comm
