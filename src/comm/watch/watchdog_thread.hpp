#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "comm/watch/host_watch.hpp"
#include "comm/watch/node_watch.hpp"
#include "serried/comm/communicator.hpp"
#include "serried/comm/watchdog.hpp"

namespace serried::comm {

/// The watchdog of a process: one thread, which never calls MPI.
class WatchdogThread {
 public:
  struct Start {
    std::unique_ptr<WatchdogThread> watchdog;  ///< none where there is nothing to watch
    std::string warning;                       ///< what cannot be watched, and why; or empty
  };
  /// Moves the board of this process to where its host can see it, and begins to watch. One Runtime
  /// of a process can have a watchdog at a time.
  /// Collective over `all`. @param node the ranks of this host.
  [[nodiscard]] static Start start(const Communicator& all, const Communicator& node,
                                   const WatchdogOptions& options);
  /// Stops watching. Those who go on watching are told that this rank has left, unless its process
  /// is ending the job. Local.
  ~WatchdogThread();
  WatchdogThread(const WatchdogThread&) = delete;
  WatchdogThread& operator=(const WatchdogThread&) = delete;

 private:
  WatchdogThread(std::shared_ptr<NodeSegment> segment, Places places, std::unique_ptr<Links> links,
                 bool sees_processes, const WatchdogOptions& options);
  void run();
  [[nodiscard]] std::optional<WatchdogVerdict> tick();
  void deliver(WatchdogVerdict verdict);
  /// Where nobody handles the verdict, and a thread waits where nothing can be thrown.
  void end_if_beyond_reach();
  /// Waits for the next tick; true if the thread is to stop.
  bool pause();

  std::shared_ptr<NodeSegment> segment_;
  Places places_;
  WatchdogOptions options_;
  WatchTimes times_;
  RankSlot& own_;
  NodeWatch node_watch_;
  std::unique_ptr<HostWatch> host_watch_;  ///< on the first rank of a host
  std::optional<WatchdogVerdict> delivered_;
  int ticks_beyond_reach_ = 0;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool is_stopping_ = false;
  std::thread thread_;
};

}  // namespace serried::comm
