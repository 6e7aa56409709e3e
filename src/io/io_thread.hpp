#pragma once

#include <functional>
#include <memory>

#include "serried/base/recorder.hpp"

namespace serried {

/// The thread of a process that reads files ahead while the caller computes. HDF5 is not
/// thread-safe: all of its calls are made either by work that was submitted here, or by a caller
/// that has waited until the thread rests (hdf5::Turn does so). One thread submits and waits; so
/// ranks that submit and call alike also make their collective HDF5 calls in one order.
class IoThread {
 public:
  /// Starts the thread with the first work.
  [[nodiscard]] static IoThread& of_process();

  /// Runs `work`, which must not throw, after what was submitted before.
  /// Local. @throws std::system_error if the thread cannot be started.
  void submit(std::function<void()> work);
  /// Waits until all work is done; returns at once if called by the work itself. Local.
  void wait() noexcept;
  /// What reading a file counts as on the calling thread.
  [[nodiscard]] Activity activity() const noexcept;

 private:
  struct Impl;
  IoThread();
  ~IoThread();
  std::unique_ptr<Impl> impl_;
};

}  // namespace serried
