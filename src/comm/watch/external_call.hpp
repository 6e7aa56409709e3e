#pragma once

#include <optional>

#include "comm/watch/call_board.hpp"
#include "serried/comm/communicator.hpp"

namespace serried::comm {

/// This thread is inside a third party (HDF5, MPI-IO) from construction to destruction, where
/// nothing can be polled: the watchdog knows where it is.
class ExternalCall {
 public:
  /// A call that all ranks of the communicator make; it counts among its calls.
  /// Local. @param name a literal, e.g. "H5Dread"; the same on all ranks.
  /// @throws RankError after a verdict.
  ExternalCall(const Communicator& comm, const char* name, CallSite site = CallSite::current());

 private:
  std::optional<board::Waiting> waiting_;
};

/// The same for a call that waits for no other rank: it reads, writes or computes.
class OwnWork {
 public:
  explicit OwnWork(CallSite site = CallSite::current())
      : waiting_(CallKind::own_work, 0, -1, 0, 0, site) {}

 private:
  board::Waiting waiting_;
};

/// This thread waits for another thread of its process, which is judged by what it does itself.
class ThreadWait {
 public:
  explicit ThreadWait(CallSite site = CallSite::current())
      : waiting_(CallKind::own_thread, 0, -1, 0, 0, site) {}

 private:
  board::Waiting waiting_;
};

}  // namespace serried::comm
