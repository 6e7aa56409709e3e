#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "serried/base/api.hpp"

namespace SERRIED_API serried {

enum class VerdictKind : std::uint8_t {
  lost,       ///< a process is gone, a link is closed, or a rank has given no sign of life for long
  deadlock,   ///< ranks wait in calls that can never match
  stalled,    ///< all ranks of a communicator are in one call, which does not end
  divergence  ///< ranks have called different things in one place
};

/// What the watchdog has found. It stands: the job cannot go on.
struct WatchdogVerdict {
  VerdictKind kind = VerdictKind::lost;
  /// Who is missing, or differs; ranks of the Runtime's communicator. Empty where that is not
  /// known.
  std::vector<int> ranks;
  std::string text;  ///< one line, without a full stop at its end
  /// True on one rank of each node, the one that speaks for it.
  bool is_speaker = false;
  /// What this rank called last, oldest first.
  std::string last_calls;
};

/// Each rank of a Runtime has a thread that watches, beside MPI: by memory that the ranks of a node
/// share, and by TCP between one rank of each node. It sees a process that died, a link that was
/// cut, ranks that wait for each other for ever, and ranks whose collective calls differ. A rank
/// that computes or reads is never at fault. All times are counted in the thread's own ticks, so
/// that a machine that was suspended accuses nobody.
struct WatchdogOptions {
  bool is_enabled = true;
  /// A rank or host without a sign of life for so long is lost.
  double lost_s = 30;
  /// Ranks that wait in calls which cannot match are in a deadlock after so long.
  double deadlock_s = 5;
  /// A call that all ranks are in and that does not end is stalled after so long.
  double stalled_s = 600;
  /// Ranks that have not all come together after so long, in the constructor of Runtime, have lost
  /// one that was not started or hangs. The verdict names no rank.
  double start_s = 600;
  /// For trials on one machine: so many ranks of a node each count as a host of their own, with
  /// links between them; 0: hosts are nodes.
  int ranks_per_host = 0;
  /// Called once in a process, by the watchdog's thread, when there is a verdict; programs end the
  /// process in it (end_on_verdict). Without a handler, calls of Communicator throw a RankError of
  /// kind communication from then on, those that wait first of all; only a rank that is inside a
  /// third party (HDF5, MPI-IO), where nothing can be thrown, is ended as by end_on_verdict. After
  /// such a RankError no MPI call is made any more, and the memory that pending calls were given
  /// must stay until the process ends.
  std::function<void(const WatchdogVerdict&)> handler;

  /// SERRIED_WATCHDOG: "off", or "lost=30,deadlock=5,stalled=600,start=600", in seconds, at least
  /// 0.2, and "ranks_per_host=2"; what is not named stays as it is. Local.
  /// @throws InvalidArgument for another text.
  [[nodiscard]] static WatchdogOptions from_environment();
  /// The same of a text. Local. @throws InvalidArgument naming the text.
  [[nodiscard]] static WatchdogOptions from_text(const std::string& text);
};

/// The exit code of a process that a verdict ended (EX_TEMPFAIL: another attempt may succeed).
inline constexpr int verdict_exit_code = 75;

/// Whether there is a verdict on this process: it makes no MPI call any more.
/// Local.
[[nodiscard]] bool has_verdict() noexcept;

/// What programs do with a verdict: the speaker prints it, unfinished outputs are removed, and the
/// process ends with code 75, a second later. The first process that exits decides the code of the
/// job under Open MPI; under MPICH, which combines codes, ranks end 50 ms after each other.
/// Local; called by the watchdog's thread.
/// @param program the name that the line begins with.
[[noreturn]] void end_on_verdict(const WatchdogVerdict& verdict, const std::string& program,
                                 int rank);

}  // namespace serried
