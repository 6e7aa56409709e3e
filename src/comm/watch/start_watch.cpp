#include "comm/watch/start_watch.hpp"

#include <unistd.h>

#include <array>
#include <chrono>
#include <cmath>
#include <cstdio>

#include "base/host_name.hpp"
#include "comm/watch/condemned.hpp"
#include "comm/watch/thread_signals.hpp"
#include "serried/comm/launcher.hpp"

namespace serried::comm {
namespace {

constexpr double tick_s = 0.1;

/// The first of a node might be the one that is stopped, so the second speaks too.
bool is_speaker() {
  return launched_node_rank().value_or(0) <= 1;
}

std::string text_of_verdict(double seconds) {
  std::array<char, 32> time{};
  std::snprintf(time.data(), time.size(), "%.6g", seconds);
  return "the ranks of this job have not come together within " + std::string(time.data()) +
         " s: at least one was not started, or hangs (process " + std::to_string(::getpid()) +
         " on host " + host_name() + " waits)";
}

}  // namespace

StartWatch::StartWatch(const WatchdogOptions& options) : options_(options) {
  if (options.is_enabled && !is_watched()) thread_ = std::thread([this] { run(); });
}

StartWatch::~StartWatch() {
  {
    const std::lock_guard lock(mutex_);
    is_stopping_ = true;
  }
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
}

bool StartWatch::pause() {
  std::unique_lock lock(mutex_);
  return changed_.wait_for(lock, std::chrono::duration<double>(tick_s),
                           [this] { return is_stopping_; });
}

void StartWatch::run() {
  block_all_signals();
  const double ticks = std::round(options_.start_s / tick_s);
  // counted in ticks of its own: a machine that was suspended accuses nobody
  for (double tick = 0; tick < ticks; ++tick)
    if (pause()) return;
  const WatchdogVerdict verdict{.kind = VerdictKind::lost,
                                .ranks = {},
                                .text = text_of_verdict(options_.start_s),
                                .is_speaker = is_speaker(),
                                .last_calls = {}};
  condemn(verdict);
  if (options_.handler) options_.handler(verdict);
  // Waits of Serried's own throw now; in MPI_Init nothing can be thrown.
  constexpr int enough = 20;
  for (int tick = 0; tick < enough; ++tick)
    if (pause()) return;
  end_on_verdict(verdict, "serried", launched_rank().value_or(0));
}

}  // namespace serried::comm
