#include "comm/backoff.hpp"

#include <sched.h>

#include <algorithm>
#include <chrono>
#include <thread>

#include "comm/watch/call_board.hpp"
#include "comm/watch/condemned.hpp"

namespace serried::comm {

void Backoff::pause() {
  board::count_poll();
  throw_if_condemned();
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
