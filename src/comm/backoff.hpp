#pragma once

namespace serried::comm {

/// What a rank does between two polls: nothing at first, then it yields its core, then it sleeps
/// for times that grow to 100 microseconds. So a short wait costs no system call where cores are
/// free, and ranks that outnumber the cores do not take them from the one that works.
class Backoff {
 public:
  explicit Backoff(int spin_polls) : spin_polls_(spin_polls) {}
  /// Something has moved: what is awaited is likely to be near.
  void reset() noexcept {
    polls_ = 0;
    nap_us_ = first_nap_us;
  }
  /// @throws RankError after a verdict of the watchdog: what is awaited will not come.
  void pause();

 private:
  static constexpr int yields = 1000;
  static constexpr int first_nap_us = 2;
  static constexpr int longest_nap_us = 100;
  int spin_polls_;
  int polls_ = 0;
  int nap_us_ = first_nap_us;
};

}  // namespace serried::comm
