#include "comm/watch/condemned.hpp"

#include <atomic>

#include "comm/mpi_support.hpp"
#include "serried/base/error.hpp"

namespace serried::comm {
namespace {

std::atomic<const WatchdogVerdict*> the_verdict{nullptr};
std::atomic<bool> has_watchdog{false};

}  // namespace

void condemn(const WatchdogVerdict& verdict) noexcept {
  const WatchdogVerdict* none = nullptr;
  // never freed: threads read it until the process ends
  const auto* const kept = new WatchdogVerdict(verdict);
  if (the_verdict.compare_exchange_strong(none, kept))
    note_abort();
  else
    delete kept;
}

void throw_if_condemned() {
  const WatchdogVerdict* const verdict = the_verdict.load(std::memory_order_acquire);
  if (verdict == nullptr) return;
  throw RankError(verdict->ranks.empty() ? 0 : verdict->ranks.front(), ErrorKind::communication,
                  verdict->text);
}

bool is_watched() noexcept {
  return has_watchdog.load();
}

void set_watched(bool is_watched) noexcept {
  has_watchdog.store(is_watched);
}

bool is_condemned() noexcept {
  return the_verdict.load(std::memory_order_acquire) != nullptr;
}

}  // namespace serried::comm
