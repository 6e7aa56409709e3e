#include "comm/watch/watchdog_thread.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <system_error>
#include <utility>

#include "comm/watch/call_board.hpp"
#include "comm/watch/call_text.hpp"
#include "comm/watch/condemned.hpp"
#include "comm/watch/thread_signals.hpp"

namespace serried::comm {
namespace {

std::uint64_t ticks_of(double seconds, double tick_s) {
  return static_cast<std::uint64_t>(std::max(1.0, std::round(seconds / tick_s)));
}

WatchTimes times_of(const WatchdogOptions& options) {
  WatchTimes times;
  times.lost = ticks_of(options.lost_s, times.tick_s);
  times.deadlock = ticks_of(options.deadlock_s, times.tick_s);
  times.stalled = ticks_of(options.stalled_s, times.tick_s);
  // five looks within the shortest time
  times.period = std::clamp<std::uint64_t>(std::min(times.lost, times.deadlock) / 5, 1, 10);
  return times;
}

/// The same number on all ranks that see each other's process numbers.
std::int64_t process_namespace() {
  struct stat status {};
  return ::stat("/proc/self/ns/pid", &status) == 0 ? static_cast<std::int64_t>(status.st_ino) : -1;
}

bool sees_processes_of(const Communicator& node) {
  const std::int64_t own = process_namespace();
  const std::int64_t least = node.allreduce(own, ReduceOp::min);
  const std::int64_t greatest = node.allreduce(own, ReduceOp::max);
  return least == greatest && least > 0;
}

/// The first rank of a host watches the others; they watch it.
std::vector<int> watched_by(int node_rank, int node_size) {
  std::vector<int> watched;
  if (node_rank != 0) return {0};
  for (int r = 1; r < node_size; ++r) watched.push_back(r);
  return watched;
}

int node_rank_of(const Places& places) {
  const auto& ranks = places.own_ranks();
  return static_cast<int>(std::find(ranks.begin(), ranks.end(), places.rank) - ranks.begin());
}

}  // namespace

WatchdogThread::Start WatchdogThread::start(const Communicator& all, const Communicator& node,
                                            const WatchdogOptions& options) {
  const bool is_free = !is_watched();
  if (all.size() == 1 || all.allreduce(options.is_enabled && is_free ? 1 : 0, ReduceOp::min) == 0)
    return {};
  Start start;
  Places places = find_places(all, node);
  std::string why;
  auto segment = NodeSegment::make(node, why);
  const int without = all.allreduce(segment ? all.size() : all.rank(), ReduceOp::min);
  if (without < all.size()) {
    start.warning = "the watchdog is off: " + all.broadcast_text(why, without);
    return start;
  }
  const bool sees_processes = sees_processes_of(node);
  std::unique_ptr<Links> links;
  if (places.ranks.size() > 1) {
    const auto leaders = all.split(node.rank() == 0 ? 0 : -1, all.rank());
    if (leaders) links = Links::make(*leaders, why);
    const bool has_failed = leaders && !links;
    const int failed = all.allreduce(has_failed ? all.rank() : all.size(), ReduceOp::min);
    if (failed < all.size())
      start.warning =
          "the watchdog cannot look beyond a host, so that a lost host or link will "
          "not be noticed: " +
          all.broadcast_text(why, failed);
  }
  RankSlot& own = segment->slot(node.rank());
  board::move_to(own);
  own.process.store(static_cast<std::int32_t>(::getpid()));
  board::set_mode(RankMode::alive);
  set_watched(true);
  start.watchdog.reset(new WatchdogThread(std::move(segment), std::move(places), std::move(links),
                                          sees_processes, options));
  all.barrier();
  return start;
}

WatchdogThread::WatchdogThread(std::shared_ptr<NodeSegment> segment, Places places,
                               std::unique_ptr<Links> links, bool sees_processes,
                               const WatchdogOptions& options)
    : segment_(std::move(segment)),
      places_(std::move(places)),
      options_(options),
      times_(times_of(options)),
      own_(segment_->slot(node_rank_of(places_))),
      node_watch_(segment_, places_, watched_by(node_rank_of(places_), segment_->size()),
                  sees_processes, times_) {
  if (node_rank_of(places_) == 0)
    host_watch_ = std::make_unique<HostWatch>(segment_, places_, std::move(links), times_);
  thread_ = std::thread([this] { run(); });
}

WatchdogThread::~WatchdogThread() {
  {
    const std::lock_guard lock(mutex_);
    is_stopping_ = true;
  }
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
  if (host_watch_) host_watch_->say_goodbye();
  // the board goes on where it is; only nobody looks at it any more
  const auto mode = static_cast<RankMode>(own_.mode.load());
  if (mode != RankMode::aborting && !delivered_) board::set_mode(RankMode::gone);
  set_watched(false);
}

bool WatchdogThread::pause() {
  std::unique_lock lock(mutex_);
  const auto tick = std::chrono::duration<double>(times_.tick_s);
  return changed_.wait_for(lock, tick, [this] { return is_stopping_; });
}

std::optional<WatchdogVerdict> WatchdogThread::tick() {
  own_.ticks.fetch_add(1);
  if (auto verdict = segment_->verdict()) return verdict;
  if (auto verdict = node_watch_.tick()) return verdict;
  return host_watch_ ? host_watch_->tick() : std::nullopt;
}

void WatchdogThread::deliver(WatchdogVerdict verdict) {
  segment_->post(verdict);
  if (const auto posted = segment_->verdict()) verdict = *posted;
  if (host_watch_) host_watch_->announce(verdict);
  const auto& ranks = places_.own_ranks();
  const auto speaker = std::find_if(ranks.begin(), ranks.end(), [&](int rank) {
    return std::find(verdict.ranks.begin(), verdict.ranks.end(), rank) == verdict.ranks.end();
  });
  verdict.is_speaker =
      speaker == ranks.end() ? ranks.front() == places_.rank : *speaker == places_.rank;
  constexpr std::size_t calls_told = 3;
  verdict.last_calls = last_calls_text(own_, calls_told);
  condemn(verdict);
  delivered_ = verdict;
  if (options_.handler) options_.handler(verdict);
}

void WatchdogThread::end_if_beyond_reach() {
  constexpr int enough = 20;
  ticks_beyond_reach_ = board::is_beyond_reach() ? ticks_beyond_reach_ + 1 : 0;
  if (ticks_beyond_reach_ >= enough) end_on_verdict(*delivered_, "serried", places_.rank);
}

void WatchdogThread::run() {
  block_all_signals();
  while (!pause()) {
    const auto verdict = tick();
    if (delivered_)
      end_if_beyond_reach();
    else if (verdict)
      deliver(*verdict);
  }
}

}  // namespace serried::comm
