#pragma once

#include <condition_variable>
#include <mutex>
#include <string>
#include <thread>

#include "serried/comm/watchdog.hpp"

namespace serried::comm {

/// Watches from before MPI is started until a Runtime stands: a rank that never comes would leave
/// the others in MPI_Init for ever. What cannot be told apart then are ranks: the verdict names
/// this process and its host.
class StartWatch {
 public:
  /// Begins to watch, unless the options say not to, or a watchdog watches this process already.
  /// Local.
  explicit StartWatch(const WatchdogOptions& options);
  /// Stops watching. Local.
  ~StartWatch();
  StartWatch(const StartWatch&) = delete;
  StartWatch& operator=(const StartWatch&) = delete;

 private:
  void run();
  /// Waits for the next tick; true if the thread is to stop.
  bool pause();

  WatchdogOptions options_;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool is_stopping_ = false;
  std::thread thread_;
};

}  // namespace serried::comm
