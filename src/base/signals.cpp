#include "serried/base/signals.hpp"

#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <string>
#include <system_error>
#include <thread>
#include <utility>

#include "serried/base/error.hpp"
#include "serried/base/temporary_files.hpp"

namespace serried {
namespace {

std::atomic<bool> has_stop_request{false};
std::atomic<bool> is_blocking{false};
std::atomic<bool> is_watching{false};

/// What was blocked before block_signals; children get it back.
sigset_t former_mask;

sigset_t watched_signals() noexcept {
  sigset_t set;
  sigemptyset(&set);
  for (const int number : {SIGUSR1, SIGINT, SIGTERM}) sigaddset(&set, number);
  return set;
}

void restore_mask_in_child() noexcept {
  pthread_sigmask(SIG_SETMASK, &former_mask, nullptr);
}

bool is_ignored(int number) noexcept {
  struct sigaction action {};
  return sigaction(number, nullptr, &action) == 0 && action.sa_handler == SIG_IGN;
}

void set_default(int number) noexcept {
  struct sigaction action {};
  action.sa_handler = SIG_DFL;
  sigaction(number, &action, nullptr);
}

/// Ends the process as if the signal had never been blocked.
[[noreturn]] void end_by(int number) noexcept {
  remove_temporary_files();
  set_default(number);
  sigset_t only;
  sigemptyset(&only);
  sigaddset(&only, number);
  pthread_sigmask(SIG_UNBLOCK, &only, nullptr);
  raise(number);
  _exit(128 + number);
}

void watch(const std::function<void()>& on_stop_request) {
  const sigset_t set = watched_signals();
  while (true) {
    int number = 0;
    if (sigwait(&set, &number) != 0) continue;
    if (number != SIGUSR1) {
      // Linux hands out blocked signals that are ignored, too: a shell's background job ignores
      // INT.
      if (!is_ignored(number)) end_by(number);
      continue;
    }
    has_stop_request = true;
    if (on_stop_request) on_stop_request();
  }
}

}  // namespace

void block_signals() noexcept {
  if (is_blocking.exchange(true)) return;
  const sigset_t set = watched_signals();
  if (pthread_sigmask(SIG_BLOCK, &set, &former_mask) != 0) return;
  // A launcher may ignore USR1 so that it does not end programs that are still being loaded; an
  // ignored signal never waits.
  if (is_ignored(SIGUSR1)) set_default(SIGUSR1);
  pthread_atfork(nullptr, nullptr, restore_mask_in_child);
}

void watch_signals(std::function<void()> on_stop_request) {
  if (is_watching.exchange(true)) return;
  try {
    std::thread(watch, std::move(on_stop_request)).detach();
  } catch (const std::system_error& error) {
    is_watching = false;
    throw Error(ErrorKind::internal,
                std::string("no thread can be started to wait for signals: ") + error.what());
  }
}

bool is_stop_requested() noexcept {
  return has_stop_request;
}

}  // namespace serried
