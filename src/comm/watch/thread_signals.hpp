#pragma once

#include <signal.h>

namespace serried::comm {

/// For the watchdog's threads: signals are for the program's. Local.
inline void block_all_signals() noexcept {
  sigset_t all;
  sigfillset(&all);
  pthread_sigmask(SIG_BLOCK, &all, nullptr);
}

}  // namespace serried::comm
