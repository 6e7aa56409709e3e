#include "comm/backoff.hpp"

#include <sched.h>

#include <algorithm>
#include <chrono>
#include <thread>

namespace serried::comm {

void Backoff::pause() noexcept {
  if (polls_ < spin_polls_) {
    ++polls_;
    __builtin_ia32_pause();
  } else if (polls_ < spin_polls_ + yields) {
    ++polls_;
    sched_yield();
  } else {
    std::this_thread::sleep_for(std::chrono::microseconds(nap_us_));
    nap_us_ = std::min(2 * nap_us_, longest_nap_us);
  }
}

}  // namespace serried::comm
